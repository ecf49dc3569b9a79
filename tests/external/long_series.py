#!/usr/bin/env python3
# tests/external/long_series.py - writes an intensity series, one row per minute.
"""usage: long_series.py ROWS"""
import sys

out = sys.stdout
out.write("time,g_per_kwh\n")
rows, block = int(sys.argv[1]), 10000
for first in range(0, rows, block):
    out.write("".join(f"{1000000000 + 60 * i},{100 + i % 401}\n"
                      for i in range(first, min(first + block, rows))))
