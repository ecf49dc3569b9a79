#!/usr/bin/env python3
# tests/external/measured.py - runs a command and fails if it takes more memory than allowed.
"""usage: measured.py MEGABYTES COMMAND..."""
import resource
import subprocess
import sys
import time

began = time.monotonic()
subprocess.run(sys.argv[2:], check=True)
megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{time.monotonic() - began:.2f} s, {megabytes:.0f} MB")
if megabytes > float(sys.argv[1]):
    sys.exit(f"FAILED: {megabytes:.0f} MB, the limit is {sys.argv[1]}")
