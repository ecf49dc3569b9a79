#!/usr/bin/env python3
# energy_frames.py - reads what a run has written into data frames: run.csv and run.jsonl.
# SPDX-License-Identifier: MIT
"""usage: energy_frames.py run.csv [run.jsonl]

JOULERY_REPORT=run.csv,run.jsonl ./program writes both. Needs pandas; where DuckDB is installed the
same questions are asked in SQL, which reads the files itself."""
import sys

import pandas


def scopes(path):
    """The scopes of a run. `self_j` adds up to the run with what lies outside; `total_j` does not,
    for it holds what is inside a scope as well."""
    rows = pandas.read_csv(path)
    return rows[rows["row"] == "scope"].sort_values("self_j", ascending=False)


def intervals(path):
    """A run over time: a row for each interval, and its scopes as a frame of their own."""
    lines = pandas.read_json(path, lines=True)
    inside = lines[["interval", "scopes"]].explode("scopes").dropna()
    parts = pandas.json_normalize(inside["scopes"].tolist())
    parts.insert(0, "interval", inside["interval"].to_numpy())
    return lines.drop(columns="scopes"), parts


MOST_EXPENSIVE = "SELECT path, self_j FROM read_csv('{}') WHERE row = 'scope' ORDER BY self_j DESC"
OVER_TIME = "SELECT interval, energy_j / seconds AS watts FROM read_json('{}') ORDER BY interval"


def in_sql(query, path):
    """The rows, or None if DuckDB is not installed."""
    try:
        import duckdb
    except ImportError:
        return None
    return duckdb.sql(query.format(path)).fetchall()


def main(arguments):
    if not 2 <= len(arguments) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    print(scopes(arguments[1])[["path", "calls", "self_j", "j_per_item"]].to_string(index=False))
    if in_sql(MOST_EXPENSIVE, arguments[1]) is None:
        print("(DuckDB is not installed)")
    if len(arguments) == 3:
        run, parts = intervals(arguments[2])
        print(run[["interval", "seconds", "energy_j", "co2e_g"]].to_string(index=False))
        print(parts.pivot_table(index="interval", columns="path", values="self_j", aggfunc="sum"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
