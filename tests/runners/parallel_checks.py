#!/usr/bin/env python3
# parallel_checks.py - energy checks of four processes at once don't bill each other.
# SPDX-License-Identifier: MIT
"""usage: parallel_checks.py PROGRAM     on a machine whose counter counts what all processes use"""
import os
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
with tempfile.TemporaryDirectory() as folder:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JOULERY")}
    environment["JOULERY_ENERGY_LOCK"] = os.path.join(folder, "lock")
    running = [subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=environment) for _ in range(4)]
    done = [(p.communicate(timeout=150)[0], p.returncode) for p in running]
wrong = [text for text, code in done if code != 0]
print("\n".join(wrong) or "no check in four processes at once came to a wrong verdict")
sys.exit(1 if wrong else 0)
