#!/usr/bin/env python3
# tests/external/many_reports.py - writes the given number of reports, four ranks per machine.
"""usage: many_reports.py SAMPLE.json FOLDER COUNT"""
import json
import pathlib
import sys

r = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
del r["history"], r["slices"]
r["channels"] = r["channels"][:2]
one = r["scopes"][1]
rows = [dict(one, parent=None, name="train", path="train", by_channel_j=[800.0, 500.0], total_j=800.0)]
rows += [dict(one, parent=0, name=f"layer{i}", path=f"train/layer{i}", by_channel_j=[8.0, 5.0], total_j=8.0)
         for i in range(99)]
r["scopes"] = rows
for i in range(int(sys.argv[3])):
    run, machine, begin = f"run{i}", f"m{i // 4}", 1.7e9 + 0.01 * (i % 4)
    r["context"].update(run_id=run, machine=machine, host=machine)
    r["runs"] = [{"run_id": run, "machine": machine, "begin_unix_s": begin,
                  "end_unix_s": begin + 12.5, "by_channel_j": [1000.0, 600.0]}]
    (folder / f"{i}.json").write_text(json.dumps(r))
