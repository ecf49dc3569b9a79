#!/usr/bin/env python3
# parallel_checks.py - energy tests that ctest runs four at a time are not charged for each other.
# SPDX-License-Identifier: MIT
"""usage: parallel_checks.py CTEST PROGRAM...     on a machine whose counter includes all of them"""
import os
import re
import subprocess
import sys
import tempfile

CTEST, *PROGRAMS = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JOULERY")}
    environment["JOULERY_ENERGY_LOCK"] = os.path.join(folder, "lock")
    environment["JOULERY_ENERGY_TIME"] = "10s"
    with open(os.path.join(folder, "CTestTestfile.cmake"), "w", encoding="utf-8") as tests:
        for i, program in enumerate(PROGRAMS * 2):
            tests.write(f'add_test(energy{i} "{program}")\n'
                        f"set_tests_properties(energy{i} PROPERTIES SKIP_RETURN_CODE 77)\n")
    done = subprocess.run([CTEST, "-j4", "--verbose"], cwd=folder, env=environment, timeout=180,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
print("\n".join(line for line in done.stdout.splitlines() if re.search(r"energy: | tests passed", line)))
wrong = done.returncode != 0 or ": fails: " in done.stdout
print(done.stdout if wrong else "no check of four programs at once came to a wrong verdict")
sys.exit(1 if wrong else 0)
