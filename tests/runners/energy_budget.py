#!/usr/bin/env python3
# energy_budget.py - joulery_add_energy_test: within the budget, above it, skipped, broken.
# SPDX-License-Identifier: MIT
"""usage: energy_budget.py CMAKE SCRIPT PROGRAM     which draws 50 W for 0.1 s"""
import os
import subprocess
import sys
import tempfile

CMAKE, SCRIPT, PROGRAM = sys.argv[1:4]
trouble = []


def expect(words, fails, budget, *arguments, program=PROGRAM, **environment):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [CMAKE, f"-DBUDGET={budget}", f"-DREPORT={folder}/run.json", "-P", SCRIPT, "--", program,
             *arguments], capture_output=True, text=True, timeout=100,
            env={k: v for k, v in os.environ.items() if not k.startswith("JOULERY")} | environment)
    text = " ".join((done.stdout + done.stderr).split())
    if (done.returncode != 0) != fails or words not in text:
        trouble.append(f"{budget} {arguments} {environment}: {done.returncode}, not '{words}': {text}")


expect("J of 5kJ, measured", False, "5kJ")
expect("J of 0.5MJ, measured", False, "0.5MJ")
# Every unit, below and above: about 5 J are more than 1.5 J and less than 900 J.
for budget in ("900J", "900000mJ", "900000000uJ", "0.9kJ", "0.0009MJ"):
    expect(f"J of {budget}, measured", False, budget)
for budget in ("1.5J", "1500mJ", "1500000uJ", "0.0015kJ", "0.0000015MJ"):
    expect(f"J, more than {budget} (measured)", True, budget)
expect("energy test skipped: the program says so", False, "1mJ", "77")
expect("ended with 3", True, "5kJ", "3")
expect("energy test skipped: no energy counter", False, "1uJ", "0", "empty", JOULERY_BACKENDS="none")
expect("energy test skipped: the energy is estimated", False, "1uJ", "0", "empty",
       JOULERY_BACKENDS="estimate")
expect("wrote no report", True, "5kJ", program="/bin/true")
print("\n".join(trouble) or "energy budgets: all outcomes as they should be")
sys.exit(1 if trouble else 0)
