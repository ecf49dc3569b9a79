#!/usr/bin/env python3
# tests/external/data_frames.py - examples/energy_frames.py reads files that a program wrote.
# SPDX-License-Identifier: MIT
"""usage: data_frames.py EXAMPLES_FOLDER FULL_CSV RUN_CSV RUN_JSONL"""
import math
import sys

sys.path.insert(0, sys.argv[1])
import energy_frames  # noqa: E402: lies in the folder of the examples

full, run_csv, run_jsonl = sys.argv[2:5]

scopes = energy_frames.scopes(full)
assert list(scopes["self_j"]) == [480, 320, 43, 40, 32], scopes
assert len(scopes) == 5 and scopes["total_j"].sum() == 1715  # inclusive: more than the run

scopes = energy_frames.scopes(run_csv)
run, parts = energy_frames.intervals(run_jsonl)
assert run["last"].iloc[-1] and list(run["interval"]) == list(range(1, len(run) + 1)), run
assert set(parts["path"]) == set(scopes["path"]), (set(parts["path"]), set(scopes["path"]))
in_intervals, in_run = parts["self_j"].sum(), scopes["self_j"].sum()
assert math.isclose(in_intervals, in_run, rel_tol=0.02), (in_intervals, in_run)

rows = energy_frames.in_sql(energy_frames.MOST_EXPENSIVE, full)
if rows is not None:
    assert [joules for _, joules in rows] == [480, 320, 43, 40, 32], rows
    assert len(energy_frames.in_sql(energy_frames.OVER_TIME, run_jsonl)) == len(run)
print("passed: pandas" + ("" if rows is None else " and DuckDB") + " read scopes and intervals" +
      (" (DuckDB is not installed)" if rows is None else ""))
