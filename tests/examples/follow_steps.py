#!/usr/bin/env python3
# follow_steps.py - examples/follow_steps.py delivers every interval of a run and no torn line.
# Debian has no package of the trackers, so modules with the same checks stand in for them.
# SPDX-License-Identifier: MIT
"""usage: follow_steps.py ROOT"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

root = pathlib.Path(sys.argv[1])
golden = json.loads((root / "tests/report/golden/full.jsonl").read_text(encoding="utf-8"))


def line(number, last):
    return json.dumps({**golden, "interval": number, "last": last})


STAND_INS = {
    "torch/utils/tensorboard.py": """
import numbers
class SummaryWriter:
    def __init__(self, log_dir=None):
        self.log_dir = log_dir
    def add_scalar(self, tag, scalar_value, global_step=None):
        assert isinstance(scalar_value, numbers.Real) and isinstance(global_step, int), tag
        print("scalar", self.log_dir, tag, scalar_value, global_step)
    def flush(self):
        print("flush")
""",
    "wandb.py": """
def init(project=None):
    print("init", project)
def log(data, step=None):
    assert isinstance(data, dict) and isinstance(step, int)
    print("log", step, sorted(data))
""",
    "mlflow.py": """
import posixpath
import re
def start_run():
    print("start")
def log_metrics(metrics, step=None):
    for name, value in metrics.items():  # the characters that MLflow accepts in names
        assert re.fullmatch(r"[/\\w.\\- ]*", name) and posixpath.normpath(name) == name, name
        assert isinstance(float(value), float) and isinstance(step, int)
    print("log", step, sorted(metrics))
"""}


def followed(folder, tracker, argument):
    """What a tracker receives for two intervals."""
    for name, text in STAND_INS.items():
        module = pathlib.Path(folder) / "modules" / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text, encoding="utf-8")
    path = pathlib.Path(folder) / f"{tracker}.jsonl"
    path.write_text(line(1, False) + "\n" + line(2, True) + "\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, root / "examples/follow_steps.py", path, tracker, argument], check=True,
        timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(folder) / "modules")}).stdout.split("\n")


with tempfile.TemporaryDirectory() as folder:
    reported = followed(folder, "tensorboard", "runs/1")
    assert "scalar runs/1 train/forward/j_per_sample 0.008333333333333333 1" in reported, reported
    assert reported.count("flush") == 2, reported
    assert sum(t.startswith("log ") and "train/forward/energy_j" in t
               for t in followed(folder, "wandb", "p")) == 2
    assert followed(folder, "wandb", "p")[0] == "init p"
    reported = followed(folder, "mlflow", "")
    assert reported[0] == "start" and sum(t.startswith("log ") for t in reported) == 2, reported

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
print("passed: every interval was delivered once")
