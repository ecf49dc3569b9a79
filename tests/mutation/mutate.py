#!/usr/bin/env python3
# mutate.py - breaks the library in forty small ways and counts how many the tests notice.
# SPDX-License-Identifier: MIT
"""usage: tests/mutation/mutate.py [--build FOLDER] [--jobs N] [--least N] [NUMBER...]

Each mutant of mutants.py replaces one expression or drops one statement. All of them are woven into
one copy of the tree, each behind `joulery_mutant(N)`, so that the tests are built once; then they
run once for each mutant, with its number in the environment, the quickest first, until one fails.
Prints a row a mutant (as tests/README.md has them); exit code 1 where fewer than --least were
caught (default 36).
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import mutants

ROOT = pathlib.Path(__file__).resolve().parents[2]
# No mutant while the compiler evaluates a constant expression.
SWITCH = """
#include <cstdlib>
inline int joulery_chosen_mutant() {
    static const char* const chosen = std::getenv("JOULERY_MUTANT");
    static const int number = chosen == nullptr ? 0 : std::atoi(chosen);
    return number;
}
constexpr bool joulery_mutant(int number) {
    return !__builtin_is_constant_evaluated() && joulery_chosen_mutant() == number;
}
"""
LONGEST_TEST = 120  # seconds; a mutant that makes a test take five times as long is caught


def woven(number, mutant):
    guard = f"::joulery_mutant({number})"
    end = ";" if mutant.kind == "swap" and mutant.old.endswith(";") else ""
    old, new = mutant.old.rstrip(end), (mutant.new or "").rstrip(end)
    if mutant.kind == "swap" and " : " in old and "?" not in old:  # both arms of a condition
        return " : ".join(f"({guard} ? ({b}) : ({a}))"
                          for a, b in zip(old.split(" : "), new.split(" : ")))
    return {
        "swap": f"({guard} ? ({new}) : ({old})){end}",
        "instead": f"if ({guard}) {{ {new} }} else {{ {old} }}",
        "drop": f"if (!{guard}) {{ {old} }}",
    }[mutant.kind]


def weave(tree):
    """Copies the tree and puts every mutant into it."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    config = tree / "include/joulery/detail/core/config.hpp"
    config.write_text(config.read_text() + SWITCH)
    for number, mutant in enumerate(mutants.MUTANTS, 1):
        path = tree / "include/joulery/detail" / mutant.file
        text = path.read_text()
        found = text.count(mutant.old)
        if found != 1:
            sys.exit(f"mutant {number}: {mutant.file} has {mutant.old!r} {found} times, not once")
        text = text.replace(mutant.old, woven(number, mutant))
        if "core/config.hpp" not in text:
            text = re.sub(r"^#include", '#include "joulery/detail/core/config.hpp"\n#include', text,
                          count=1, flags=re.M)
        path.write_text(text)


def build(tree, folder, jobs):
    """Builds the tests; returns them as (name, command)."""
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    compiler = ["-DCMAKE_CXX_COMPILER=clang++"] if shutil.which("clang++") else []
    options = ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O0 -Wno-error", *compiler, *launcher,
               f"-DJOULERY_TEST_FOLDERS={mutants.FOLDERS}", "-DJOULERY_BUILD_TESTS=ON",
               "-DJOULERY_BUILD_EXAMPLES=OFF", "-DJOULERY_TEST_CONSUMERS=OFF",
               "-DJOULERY_TEST_HEADERS=OFF", "-DJOULERY_TEST_SCRIPTS=OFF"]
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    subprocess.run(["cmake", "-S", tree, "-B", folder, *generator, *options], check=True,
                   stdout=subprocess.DEVNULL)
    names = list(tests_of(folder))
    subprocess.run(["cmake", "--build", folder, "--parallel", str(jobs), "--target", *names],
                   check=True, stdout=subprocess.DEVNULL)
    return [(name, test["command"]) for name, test in tests_of(folder).items()]


def tests_of(folder):
    left_out = "|".join(mutants.LEFT_OUT)
    shown = subprocess.run(["ctest", "--show-only=json-v1", "-E", rf"\.({left_out})$"], cwd=folder,
                           check=True, capture_output=True, text=True)
    return {test["name"]: test for test in json.loads(shown.stdout)["tests"]}


def passes(command, folder, number, limit):
    """Whether a test passes; None if it does not end."""
    try:
        return subprocess.run(command, cwd=folder, env={**os.environ, "JOULERY_MUTANT": str(number)},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                              timeout=limit).returncode == 0
    except subprocess.TimeoutExpired:
        return None


def in_order_of_time(tests, folder, pool):
    """The tests, the quickest first; all must pass in time without a mutant."""
    def timed(test):
        began = time.monotonic()
        return passes(test[1], folder, 0, LONGEST_TEST), time.monotonic() - began

    taken = {}
    for (name, command), (good, seconds) in zip(tests, pool.map(timed, tests)):
        if good is False:
            sys.exit(f"{name} fails without a mutant")
        if good is None:
            print(f"{name} is skipped: it takes too long", file=sys.stderr)
        else:
            taken[name] = seconds
    print(f"{len(taken)} tests, {sum(taken.values()):.0f} s", file=sys.stderr)
    return sorted((t for t in tests if t[0] in taken), key=lambda t: taken[t[0]])


def first_failure(tests, folder, number):
    """The test that fails with this mutant; "" if none does."""
    return next((name for name, command in tests
                 if not passes(command, folder, number, 5 * LONGEST_TEST)), "")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--build", default=ROOT / "build/mutation", type=pathlib.Path)
    arguments.add_argument("--jobs", default=os.cpu_count(), type=int)
    arguments.add_argument("--least", default=36, type=int)
    arguments.add_argument("numbers", nargs="*", type=int)
    chosen = arguments.parse_args()
    folder = chosen.build.resolve()
    weave(folder / "tree")
    out = folder / "out"
    tests = build(folder / "tree", out, chosen.jobs)
    numbers = chosen.numbers or range(1, len(mutants.MUTANTS) + 1)
    caught = 0
    print("| # | where | change | caught by |\n|---|---|---|---|")
    with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
        tests = in_order_of_time(tests, out, pool)
        failures = pool.map(lambda number: first_failure(tests, out, number), numbers)
        for number, test in zip(numbers, failures):
            mutant = mutants.MUTANTS[number - 1]
            caught += test != ""
            print(f"| {number} | {mutant.file} | {mutant.why} | {test or '**nothing**'} |",
                  flush=True)
    print(f"\n{caught} of {len(numbers)} caught")
    return 1 if len(numbers) == len(mutants.MUTANTS) and caught < chosen.least else 0


if __name__ == "__main__":
    sys.exit(main())
