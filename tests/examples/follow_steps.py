#!/usr/bin/env python3
# follow_steps.py - the follower of examples/ hands over every interval of a run, and torn lines none.
# SPDX-License-Identifier: MIT
"""usage: follow_steps.py ROOT"""
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

root = pathlib.Path(sys.argv[1])
golden = json.loads((root / "tests/report/golden/full.jsonl").read_text(encoding="utf-8"))


def line(number, last):
    return json.dumps({**golden, "interval": number, "last": last})


with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "run.steps.jsonl"
    follower = subprocess.Popen([sys.executable, root / "examples/follow_steps.py", str(path)],
                                stdout=subprocess.PIPE, text=True)
    guard = threading.Timer(60, follower.kill)
    guard.start()
    with open(path, "w", encoding="utf-8") as file:
        file.write(line(1, False) + "\n" + line(2, False)[:40])
        file.flush()
        first = json.loads(follower.stdout.readline())  # while the second one is being written
        file.write(line(2, False)[40:] + "\n" + '{"cut off' + "\n" + line(3, True) + "\n")
    handed = [first] + [json.loads(text) for text in follower.stdout]
    follower.wait()
    guard.cancel()
    assert follower.returncode == 0, follower.returncode
    assert [h["interval"] for h in handed] == [1, 2, 3], handed
    assert handed[0]["power_w"] == golden["energy_j"] / golden["seconds"]
    assert handed[0]["train/forward/j_per_sample"] == 320 / 38400, handed[0]
print("passed: every interval was handed over once")
