#!/usr/bin/env python3
# tests/external/formats.py - reads every format with an independent parser.
"""usage: formats.py FOLDER [SPEEDSCOPE_SCHEMA]     FOLDER holds full.json, full.csv, ..."""
import csv
import io
import json
import pathlib
import sys
import xml.etree.ElementTree

folder = pathlib.Path(sys.argv[1])
NAMES = ["train", "train/forward", "train/\u00fcbung \u8a13\u7df4", "<script>alert('1 & 2')</script>"]


def text_of(ending):
    return (folder / ("full." + ending)).read_bytes().decode("utf-8")


def check(condition, what):
    if not condition:
        sys.exit("FAILED: " + what)


def strict_json(ending):
    def refuse(word):
        sys.exit(f"FAILED: {ending} contains {word}, which is not JSON")
    return json.loads(text_of(ending), parse_constant=refuse)


def json_is_json():
    r = strict_json("json")
    check(r["schema"] == "joulery-report" and r["schema_version"] == 1, "schema")
    check([s["path"] for s in r["scopes"]][:4] == NAMES, "names in JSON")
    check(r["scopes"][1]["total_j"] == 320, "numbers in JSON")


def csv_is_csv():
    rows = list(csv.reader(io.StringIO(text_of("csv"), newline=""), strict=True))
    check(len({len(row) for row in rows}) == 1, "rows of equal length")
    check([row[0] for row in rows[1:5]] == NAMES, "names in CSV")
    check(rows[5][0] == 'evil\\x1b[31m\\x0aname,"quoted"', "quoting in CSV")
    check(float(rows[2][rows[0].index("total_j")]) == 320, "numbers in CSV")


def junit_is_xml():
    suite = xml.etree.ElementTree.fromstring(text_of("junit.xml")).find("testsuite")
    cases = suite.findall("testcase")
    check([c.get("name") for c in cases][:4] == NAMES, "names in JUnit")
    check(int(suite.get("tests")) == len(cases), "count in JUnit")
    forward = next(c for c in cases if c.get("name") == "train/forward")
    check("[[PROPERTY|joules=320]]" in forward.find("system-out").text, "numbers in JUnit")


def folded_adds_up():
    weights = [line.rsplit(" ", 1) for line in text_of("folded").splitlines()]
    check(sum(int(w) for _, w in weights) == 1_050_000_000, "microjoules add up to the total")
    check(weights[1][0] == "train;forward", "stacks")


def trace_fits_the_format():
    trace = strict_json("trace.json")
    check(trace["displayTimeUnit"] in ("ms", "ns"), "time unit")
    kinds = {}
    for e in trace["traceEvents"]:
        check(e["ph"] in "XCM" and isinstance(e["name"], str) and isinstance(e["pid"], int)
              and isinstance(e["tid"], int) and isinstance(e.get("args"), dict), f"event {e}")
        if e["ph"] != "M":
            check(isinstance(e["ts"], (int, float)), f"ts of {e}")
        if e["ph"] == "X":
            check(e["dur"] >= 0, f"dur of {e}")
        if e["ph"] == "C":
            check(all(isinstance(v, (int, float)) for v in e["args"].values()), f"args of {e}")
        kinds[e["ph"]] = kinds.get(e["ph"], 0) + 1
    check(kinds == {"M": 3, "X": 3, "C": 77}, f"events {kinds}")


def speedscope_fits_its_schema():
    profile = strict_json("speedscope.json")
    p = profile["profiles"][0]
    check(len(p["samples"]) == len(p["weights"]), "a weight a sample")
    if len(sys.argv) > 2:
        import jsonschema
        jsonschema.validate(profile, json.loads(pathlib.Path(sys.argv[2]).read_text()))


def otlp_is_json():
    strict_json("otlp.json")


for test in [json_is_json, csv_is_csv, junit_is_xml, folded_adds_up, trace_fits_the_format,
             speedscope_fits_its_schema, otlp_is_json]:
    test()
    print("passed: " + test.__name__.replace("_", " "))
