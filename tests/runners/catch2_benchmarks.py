#!/usr/bin/env python3
# catch2_benchmarks.py - a Catch2 BENCHMARK reports its joules, on a machine that draws 50 W.
# SPDX-License-Identifier: MIT
"""usage: catch2_benchmarks.py PROGRAM"""
import re
import subprocess
import sys

done = subprocess.run([sys.argv[1], "--benchmark-samples", "50", "--benchmark-resamples", "1000"],
                      capture_output=True, text=True, check=True, timeout=100)
found = re.search(r"energy of half a millisecond: ([0-9.]+) mJ a run, ([0-9.]+) W, [0-9.]+ .?g CO2e "
                  r"a run, measured", done.stdout)
# 0.5 ms at 50 W are 25 mJ; on a busy machine a run may take several times as long, not less.
good = found and 24 < float(found[1]) < 500 and 45 < float(found[2]) < 55
print("Catch2: the energy is right" if good else done.stdout)
sys.exit(0 if good else 1)
