#!/usr/bin/env python3
# steps.py - the training loop of examples/steps.cpp knows the joules of each step, and they are the
# report's. SPDX-License-Identifier: MIT
"""usage: steps.py PROJECT_FOLDER COMPILER [FLAG]..."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

STEPS = 12
PREFIXES = {"": 1, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
LINE = re.compile(r"step +(\d+)  loss .*?  <?([\d.]+) (\w?)J \+- <?([\d.]+) (\w?)J")


def main(root, *compiler):
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        archives = [flag for flag in compiler if flag.endswith(".a")]
        flags = [flag for flag in compiler if not flag.endswith(".a")]
        subprocess.run([*flags, "-std=c++17", f"-I{root}/include", f"{root}/examples/steps.cpp",
                        *archives, "-o", here / "steps", "-pthread", "-ldl"], check=True)
        files = f"{here}/run.json,{here}/run.steps.jsonl"
        reported = subprocess.run([here / "steps", str(STEPS)], check=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              env={**os.environ, "JOULERY_REPORT": files}).stdout
        report = json.loads((here / "run.json").read_text(encoding="utf-8"))
        lines = [json.loads(line) for line in
                 (here / "run.steps.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [LINE.fullmatch(line) for line in reported.splitlines()]
    assert len(steps) == STEPS and all(steps), reported
    assert [int(step[1]) for step in steps] == list(range(STEPS))
    joules = sum(float(step[2]) * PREFIXES[step[3]] for step in steps)
    rounding = sum(float(step[4]) * PREFIXES[step[5]] for step in steps)
    row = next(scope for scope in report["scopes"] if scope["path"] == "step")
    assert (row["calls"], row["items"], row["item_name"]) == (STEPS, 32 * STEPS, "sample"), row
    assert abs(joules - row["total_j"]) <= rounding + row["uncertainty_j"], (joules, rounding, row)
    assert joules > 0.5 * row["total_j"] > 0, (joules, row)
    streamed = sum(scope["energy_j"] for line in lines for scope in line["scopes"]
                   if scope["path"] == "step")
    assert abs(streamed - row["total_j"]) <= 1e-9 * row["total_j"], (streamed, row)
    assert lines[-1]["last"] and lines[-1]["so_far_j"] == report["total_j"]
    print("passed: each step has its joules, and they add up to the report's")


main(*sys.argv[1:])
