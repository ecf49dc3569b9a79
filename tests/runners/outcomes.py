#!/usr/bin/env python3
# outcomes.py - a test framework's own runner reports all four verdicts of an energy check.
# SPDX-License-Identifier: MIT
"""usage: outcomes.py doctest|catch2|gtest|plain PROGRAM CHECK_ENERGY JUNIT_RULES"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

FRAMEWORK, PROGRAM, CHECK_ENERGY, JUNIT_RULES = sys.argv[1:5]
ARGUMENTS = {"doctest": lambda test: [f"-tc={test}", "-s"],
             "catch2": lambda test: [test, "-s"],
             "gtest": lambda test: [f"--gtest_filter=energy.{test}"],
             "plain": lambda test: [test]}[FRAMEWORK]
trouble = []


def run(test, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("JOULERY")}
    done = subprocess.run([PROGRAM, *ARGUMENTS(test)], capture_output=True, text=True,
                          env={**clean, "JOULERY_BACKENDS": "none", **environment}, timeout=100)
    # Some wrap long lines.
    return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)


def expect(test, code, *words, absent=(), **environment):
    """The runner's exit code (None: any but 0), and regular expressions found in its output."""
    found, text = run(test, **environment)
    wrong = [] if found == code or (code is None and found != 0) else [f"exit code {found}"]
    wrong += [f"missing: {w}" for w in words if not re.search(w, text, re.DOTALL)]
    wrong += [f"there: {w}" for w in absent if re.search(w, text)]
    if wrong:
        trouble.append(f"{test} {environment}: {wrong}\n{text}")


# The name in each framework.
PASSED = {"doctest": r"1 passed \| 0 failed", "catch2": "All tests passed",
          "gtest": r"\[ PASSED \] 1 test", "plain": "holds: "}[FRAMEWORK]
CHECKS = {"doctest": r"assertions: 4 \| 4 passed", "catch2": r"4 assertions in 1 test case",
          "gtest": "", "plain": "holds: .*holds: .*holds: .*holds: "}[FRAMEWORK]
FAILED = {"doctest": "ERROR: ", "catch2": "FAILED:", "gtest": "Failure", "plain": "fails: "}[FRAMEWORK]
WARNED = {"doctest": "MESSAGE: ", "catch2": "warning:", "gtest": "warning: ",
          "plain": "inconclusive: "}[FRAMEWORK]
SKIPPED = {"doctest": "MESSAGE: ", "catch2": "warning:", "gtest": r"\[ SKIPPED \]",
           "plain": "skipped: "}[FRAMEWORK]
SKIP_CODE = 77 if FRAMEWORK == "plain" else 0

expect("holding", 0, PASSED, CHECKS, absent=["fails:", "inconclusive:", "skipped:"])
expect("failing", None, FAILED, r"checks\.hpp:\d+", "m, < 1_mJ.*fails: 2 mJ a call",
       r"95 %: 1\.95 mJ to 2\.05 mJ\) is not < 1 mJ: 100 % above it", "800 calls in 8 batches",
       "measured on cpu0/package", "to do: find the regression")
expect("inconclusive", 0, WARNED, r"inconclusive: 2 mJ a call .*may be < 2 mJ",
       "to do: measure for longer", absent=["fails:"])
expect("inconclusive", None, FAILED, "inconclusive|fails", JOULERY_ENERGY_STRICT="1")
expect("skipping", SKIP_CODE, SKIPPED, "skipped: not measured: no energy counter can be read")
expect("skipping", SKIP_CODE, SKIPPED, JOULERY_ENERGY_STRICT="1")
expect("skipping", None, FAILED, JOULERY_ENERGY_STRICT="all")
if FRAMEWORK != "plain":
    expect("throwing", None, "oh no")
with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "baselines.json")
    expect("baseline", SKIP_CODE, SKIPPED, "JOULERY_BASELINE=record", JOULERY_BASELINE_FILE=file)
    expect("baseline", 0, JOULERY_BASELINE_FILE=file, JOULERY_BASELINE="record")
    expect("baseline", 0, JOULERY_BASELINE_FILE=file, absent=["fails:", "skipped:"])
    with open(file, encoding="utf-8") as written:
        whole = written.read()
    with open(file, "w", encoding="utf-8") as cut:
        cut.write(whole[:100])
    expect("baseline", None, FAILED, "the text ends too early", JOULERY_BASELINE_FILE=file)

# A summary line at the end of the program; GitHub and a results file get the outcomes as well.
expect("skipping", SKIP_CODE, "energy: 0 held, 0 failed, 0 inconclusive, 1 skipped: no energy counter")
expect("holding", 0, "energy: 4 held, 0 failed, 0 inconclusive, 0 skipped")
expect("failing", None, "::error file=.*checks.hpp,line=", GITHUB_ACTIONS="true")
expect("inconclusive", 0, "::warning file=.*checks.hpp,line=", GITHUB_ACTIONS="true")
with tempfile.TemporaryDirectory() as folder:
    results = os.path.join(folder, "energy.jsonl")
    for test in ("holding", "failing", "inconclusive", "skipping"):
        run(test, JOULERY_ENERGY_RESULTS=results)
    with open(results, encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    verdicts = [c["verdict"] for c in found]
    if verdicts != ["holds"] * 4 + ["fails", "holds", "inconclusive", "skipped"]:
        trouble.append(f"results file: {verdicts}")
    if abs(found[0]["value"] - 2e-3) > 1e-5 or found[0]["unit"] != "J/call":
        trouble.append(f"results file: {found[0]}")
    # The example's JUnit of such a file has all outcomes, unlike some frameworks' own.
    file = os.path.join(folder, "energy.junit.xml")
    shown = subprocess.run([CHECK_ENERGY, "--history", results, "--junit", file], capture_output=True,
                           text=True, timeout=100, check=True).stdout
    if not re.search(r"runs .*held .*failed .*inconclusive .*skipped", shown):
        trouble.append(f"history: {shown}")
    cases = list(xml.etree.ElementTree.parse(file).getroot().iter("testcase"))
    outcomes = [next((e.tag for e in case if e.tag != "system-out"), "") for case in cases]
    if outcomes != [""] * 4 + ["failure", "", "", "skipped"]:
        trouble.append(f"check_energy --junit: {outcomes}")
    texts = [case.find("system-out").text for case in cases]
    if [re.match(r"\[\[PROPERTY\|verdict=(\w+)", t)[1] for t in texts] != verdicts:
        trouble.append(f"check_energy --junit: {texts}")
    rules = subprocess.run([sys.executable, JUNIT_RULES, file], capture_output=True, text=True,
                           timeout=100, check=False)
    if rules.returncode != 0:
        trouble.append(f"check_energy --junit: {rules.stdout}")

# The framework's own JUnit. doctest's lists only failures.
JUNIT = {"doctest": ["-r=junit"], "catch2": ["-r", "junit"], "gtest": ["--gtest_output=xml:"]}
KEPT = {"doctest": {"holding": 'failures="0" tests="4"', "failing": "<failure",
                    "inconclusive": 'failures="0"', "skipping": 'failures="0"'},
        "catch2": {"holding": 'failures="0" tests="4"', "failing": "<failure", "inconclusive": "<system-out>.*inconclusive: 2 mJ a call",
                   "skipping": "<system-out>.*skipped: not measured"},
        "gtest": {"holding": r'<property name="energy_line_\d+" value="[^"]*holds: 2 mJ',
                  "failing": "<failure", "inconclusive": '<property [^>]*inconclusive: 2 mJ',
                  "skipping": "<skipped message"}}
for test, words in KEPT.get(FRAMEWORK, {}).items():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "junit.xml")
        arguments = [a + file if a.endswith(":") else a for a in JUNIT[FRAMEWORK]]
        if FRAMEWORK != "gtest":
            arguments = [a for a in ARGUMENTS(test) if a != "-s"] + arguments
        else:
            arguments = ARGUMENTS(test) + arguments
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=100,
                              env=os.environ | {"JOULERY_BACKENDS": "none"})
        text = done.stdout
        if os.path.exists(file):
            with open(file, encoding="utf-8") as written:
                text = written.read()
        try:
            xml.etree.ElementTree.fromstring(text[text.index("<"):])
        except (ValueError, xml.etree.ElementTree.ParseError) as error:
            trouble.append(f"{test}: JUnit is no XML: {error}\n{text}")
        if not re.search(words, re.sub(r"\s+", " ", text)):
            trouble.append(f"{test}: JUnit has no {words}:\n{text}")

# Under valgrind, if it is installed, energy is not that of the code.
if FRAMEWORK == "plain" and shutil.which("valgrind"):
    done = subprocess.run(["valgrind", "-q", "--tool=none", PROGRAM, "failing"], capture_output=True,
                          text=True, timeout=100)
    if done.returncode != 77 or "skipped: not measured: the program runs under valgrind" not in done.stderr:
        trouble.append(f"valgrind: {done.returncode}, {done.stderr}")

print("\n".join(trouble) or f"{FRAMEWORK}: all outcomes as they should be")
sys.exit(1 if trouble else 0)
