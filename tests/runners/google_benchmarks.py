#!/usr/bin/env python3
# google_benchmarks.py - Google Benchmark's own JSON carries right energy counters.
# SPDX-License-Identifier: MIT
"""usage: google_benchmarks.py PROGRAM     whose machine draws 50 W exactly, at 360 g/kWh"""
import csv
import json
import os
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
trouble = []


def about(what, value, wanted, share=0.3):
    if value is None or not abs(value / wanted - 1) <= share:
        trouble.append(f"{what}: {value}, not about {wanted}")


def check(report, kind):
    context = report["context"]
    if context.get("joulery_channels") != "test/clock":
        trouble.append(f"{kind}: no channels in the context: {context}")
    runs = {}
    for run in report["benchmarks"]:
        runs.setdefault((run["run_name"].split("/")[0], run.get("aggregate_name")), []).append(run)
    for name in ("loop", "fixed", "threads", "repeated", "watched", "watched_threads"):
        found = runs.get((name, None), [])
        if len(found) != (3 if name == "repeated" else 1):
            trouble.append(f"{kind}: {len(found)} runs of {name}")
        for run in found:
            where = f"{kind}: {run['name']}"
            about(f"{where}: W", run.get("W"), 50)
            # Time is per iteration of all threads together.
            joules = 50 * run["real_time"] * 1e-9
            about(f"{where}: J/iter", run.get("J/iter"), joules)
            about(f"{where}: J/item", run.get("J/item"), joules / 4)
            about(f"{where}: gCO2e/iter", run.get("gCO2e/iter"), joules * 1e-4)
            if "energy measured" not in run.get("label", ""):
                trouble.append(f"{where}: no provenance: {run.get('label')}")
    fixed = runs[("fixed", None)][0]
    if fixed["iterations"] != 300:
        trouble.append(f"{kind}: {fixed['iterations']} iterations, not 300")
    means = runs.get(("repeated", "mean"), [{}])
    about(f"{kind}: mean W", means[0].get("W"), 50)
    if "J/iter" in runs[("broken", None)][0]:
        trouble.append(f"{kind}: a benchmark that failed has joules")


shown = subprocess.run([PROGRAM, "--benchmark_format=json"], capture_output=True, text=True,
                       check=True, timeout=100)
check(json.loads(shown.stdout), "shown")
with tempfile.NamedTemporaryFile() as file:
    done = subprocess.run([PROGRAM, f"--benchmark_out={file.name}"], capture_output=True, text=True,
                          check=True, timeout=100)
    check(json.load(file), "file")
    for word in ("J/iter=", "W=50", "J/item="):
        if word not in done.stdout:
            trouble.append(f"console: {word} is missing:\n{done.stdout}")


def check_aggregates(report, kind):
    """Only the aggregates of repetitions, with the energy of their runs."""
    rows = {(r["run_name"].split("/")[0], r.get("aggregate_name")): r for r in report["benchmarks"]}
    if ("repeated", None) in rows:
        trouble.append(f"{kind}: repetitions are shown, not their aggregates alone")
    for name in ("mean", "median"):
        about(f"{kind}: {name} W", rows.get(("repeated", name), {}).get("W"), 50)
    about(f"{kind}: mean J/iter", rows.get(("repeated", "mean"), {}).get("J/iter"),
          50e-9 * rows[("repeated", "mean")]["real_time"])
    about(f"{kind}: W of a single run", rows[("loop", None)].get("W"), 50)


def check_csv(text, kind):
    lines = text[text.index("name,iterations"):].splitlines()
    for row in csv.DictReader(lines):
        if row["name"].startswith("broken") or row["name"].endswith(("_stddev", "_cv")):
            continue
        about(f"{kind}: {row['name']}: W", float(row["W"] or "nan"), 50)


ONLY = ["--benchmark_filter=repeated|loop"]
shown = subprocess.run([PROGRAM, *ONLY, "--benchmark_format=json",
                        "--benchmark_report_aggregates_only=true"], capture_output=True, text=True,
                       check=True, timeout=100)
check_aggregates(json.loads(shown.stdout), "aggregates only")
shown = subprocess.run([PROGRAM, *ONLY, "--benchmark_format=json"], capture_output=True, text=True,
                       check=True, timeout=100,
                       env=os.environ | {"BENCHMARK_DISPLAY_AGGREGATES_ONLY": "true"})
check_aggregates(json.loads(shown.stdout), "by the environment")
with tempfile.NamedTemporaryFile(mode="r") as file:
    shown = subprocess.run([PROGRAM, "--benchmark_format=csv", f"--benchmark_out={file.name}",
                            "--benchmark_out_format=csv", "--benchmark_filter=repeated|loop|broken"],
                           capture_output=True, text=True, check=True, timeout=100)
    check_csv(shown.stdout, "CSV shown")
    check_csv(file.read(), "CSV file")
print("\n".join(trouble) or "Google Benchmark: all counters as they should be")
sys.exit(1 if trouble else 0)
