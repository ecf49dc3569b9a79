#!/usr/bin/env python3
# annotated_program.py - an unmodified program prints the table of its own annotations.
# SPDX-License-Identifier: MIT
"""usage: annotated_program.py PROGRAM TOOL"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

program, tool = sys.argv[1:]


def run(mode, variables, folder):
    report = pathlib.Path(folder) / "run.json"
    environment = {**os.environ, "JOULERY_REPORT": f"-,{report}", **variables}
    done = subprocess.run([program, mode], env=environment, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, f"{mode}: exit {done.returncode}: {done.stderr}"
    return done.stderr, report


for mode, variable, wanted in (
        ("nvtx", "NVTX_INJECTION64_PATH", {"step": 3, "step/forward": 3, "step/backward": 3}),
        ("kokkos", "KOKKOS_TOOLS_LIBS", {"solve": 1, "solve/axpy": 4})):
    with tempfile.TemporaryDirectory() as folder:
        table, report = run(mode, {variable: tool}, folder)
        rows = {row["path"]: row for row in json.loads(report.read_text())["scopes"]}
        found = {path: row["calls"] for path, row in rows.items()}
        assert found == wanted, f"{mode}: {found}"
        for name in wanted:
            assert name.rsplit("/", 1)[-1] in table, f"{mode}: no {name} in the table:\n{table}"
            assert rows[name]["time_s"] > 0, rows[name]
# Without a tool the program is unchanged.
with tempfile.TemporaryDirectory() as folder:
    said, report = run("nvtx", {}, folder)
    assert said == "" and not report.exists(), said
print("passed: an unmodified program printed the table of its NVTX ranges and Kokkos kernels")
