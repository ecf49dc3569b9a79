#!/usr/bin/env python3
# follow_steps.py - hands each interval of a run to a tracker, while the program runs.
# SPDX-License-Identifier: MIT
"""usage: follow_steps.py run.steps.jsonl [tensorboard LOGDIR | wandb PROJECT | mlflow | print]

    JOULERY_REPORT=run.steps.jsonl ./train &
    python3 examples/follow_steps.py run.steps.jsonl tensorboard runs/1
"""
import json
import re
import sys
import time


def lines(path):
    """Each complete line as it appears, up to the last one of a run."""
    rest = ""
    while True:
        try:
            with open(path, encoding="utf-8") as file:
                while True:
                    text = file.readline()
                    if not text:
                        time.sleep(0.2)
                        continue
                    rest += text
                    if not rest.endswith("\n"):
                        continue  # it is still being written
                    try:
                        line = json.loads(rest)
                    except ValueError:
                        line = None  # a run was killed in the middle of it
                    rest = ""
                    if line is not None:
                        yield line
                        if line["last"]:
                            return
        except FileNotFoundError:
            time.sleep(0.2)


def figures(line):
    """The line as flat names and numbers, as trackers want them."""
    flat = {"power_w": line["energy_j"] / line["seconds"] if line["seconds"] else 0,
            "energy_so_far_j": line["so_far_j"], "co2e_g": line["co2e_g"]}
    for scope in line["scopes"]:
        flat[f"{scope['path']}/energy_j"] = scope["energy_j"]
        if scope.get("items"):
            flat[f"{scope['path']}/j_per_{scope['item']}"] = scope["energy_j"] / scope["items"]
    return flat


def tracker(kind, argument):
    if kind == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter
        writer = SummaryWriter(argument)
        return lambda n, f: [writer.add_scalar(k, v, n) for k, v in f.items()] and writer.flush()
    if kind == "wandb":
        import wandb
        wandb.init(project=argument)
        return lambda n, f: wandb.log(f, step=n)
    if kind == "mlflow":
        import mlflow
        mlflow.start_run()
        return lambda n, f: mlflow.log_metrics(  # names are paths with a restricted set of characters
            {re.sub(r"[^/\w.\- ]", "_", k).strip("/"): v for k, v in f.items()}, step=n)
    return lambda n, f: print(json.dumps({"interval": n, **f}), flush=True)


def main():
    hand_over = tracker(sys.argv[2] if len(sys.argv) > 2 else "print", (sys.argv[3:] or [""])[0])
    for line in lines(sys.argv[1]):
        hand_over(line["interval"], figures(line))


main()
