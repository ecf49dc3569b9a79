#!/usr/bin/env python3
# schema_members.py - report.schema.json lists exactly the members of a report's JSON.
# SPDX-License-Identifier: MIT
"""usage: schema_members.py PROJECT_FOLDER"""
import json
import pathlib
import sys

project = pathlib.Path(sys.argv[1])
schema = json.loads(
    (project / "include/joulery/writers/report.schema.json").read_text(encoding="utf-8"))
report = json.loads((project / "tests/report/golden/full.json").read_text(encoding="utf-8"))
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float), "null": type(None)}
trouble, seen = [], set()


def compare(value, rule, where):
    while "$ref" in rule:
        seen.add(rule["$ref"].rpartition("/")[2])
        rule = schema["$defs"][rule["$ref"].rpartition("/")[2]]
    kinds = rule.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not isinstance(value, tuple(k for kind in kinds for k in
                                             (KINDS[kind] if isinstance(KINDS[kind], tuple) else
                                              (KINDS[kind],)))):
        trouble.append(f"{where}: {value!r} is not {kinds}")
    if "enum" in rule and value not in rule["enum"]:
        trouble.append(f"{where}: {value!r} is none of {rule['enum']}")
    if isinstance(value, dict) and "properties" in rule:
        named = set(rule["properties"])
        if set(value) != named or named != set(rule["required"]):
            trouble.append(f"{where}: differ by {sorted(set(value) ^ named)}, "
                           f"required by {sorted(named ^ set(rule['required']))}")
        for name in named & set(value):
            compare(value[name], rule["properties"][name], f"{where}.{name}")
    if isinstance(value, list) and "items" in rule:
        for i, element in enumerate(value):
            compare(element, rule["items"], f"{where}[{i}]")


compare(report, schema, "report")
unused = set(schema["$defs"]) - seen
if unused:
    trouble.append(f"nothing in the report is a {sorted(unused)}")
print("\n".join(trouble) or "the schema and the report have the same members")
sys.exit(1 if trouble else 0)
