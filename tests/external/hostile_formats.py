#!/usr/bin/env python3
# tests/external/hostile_formats.py - reads hostile reports in every format with independent
# parsers: no scope is lost, no name becomes markup, no number breaks a format.
"""usage: hostile_formats.py FOLDER COUNT SPEEDSCOPE_SCHEMA REPORT_SCHEMA     FOLDER: see hostile.cpp"""
import csv
import html.parser
import io
import json
import math
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

import jsonschema
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "report"))
import junit_rules  # noqa: E402: beside the writers' own tests

folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
SPEEDSCOPE, REPORT = (json.loads(pathlib.Path(p).read_text()) for p in sys.argv[3:5])
SCOPES = 8


def text_of(seed, ending):
    return (folder / f"{seed}.{ending}").read_bytes().decode("utf-8")


def strict_json(seed, ending):
    def refuse(word):
        raise ValueError(f"{word} is not JSON")
    return json.loads(text_of(seed, ending), parse_constant=refuse)


def all_there(names):
    """Every name ends in n0, n1, ..., whatever comes before."""
    missing = [i for i in range(SCOPES) if not any(name.endswith(f"n{i}") for name in names)]
    assert not missing, f"scopes {missing} are missing in {names}"


def json_report(seed):
    r = strict_json(seed, "json")
    jsonschema.validate(r, REPORT)
    all_there([s["path"] for s in r["scopes"]])


def csv_rows(seed):
    rows = list(csv.reader(io.StringIO(text_of(seed, "csv"), newline=""), strict=True))
    assert len(rows) == 1 + SCOPES + 2 and len({len(row) for row in rows}) == 1
    all_there([row[0] for row in rows])
    for row in rows[1:]:
        assert all(math.isfinite(float(cell)) for cell in row[3:10] if cell)


def emissions_csv(seed):
    rows = list(csv.reader(io.StringIO(text_of(seed, "emissions.csv"), newline=""), strict=True))
    assert [len(row) for row in rows] == [38, 38]


def model_card(seed):
    card = yaml.safe_load(text_of(seed, "card.yaml"))["co2_eq_emissions"]
    assert isinstance(card["emissions"], (int, float)) and card["training_type"] == "fine-tuning"


def sci(seed):
    statement = strict_json(seed, "sci.json")
    for score in statement["scores"]:
        assert score["functional_units"] > 0 and isinstance(score["missing"], list), score


class rendered(html.parser.HTMLParser):
    """Counts the cells of the first table, and notes every element."""
    def __init__(self, text):
        super().__init__()
        self.rows, self.elements = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append(0)
        elif tag in ("td", "th"):
            self.rows[-1] += 1


def markdown(seed):
    done = subprocess.run(["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink"], check=True,
                          input=text_of(seed, "md"), capture_output=True, text=True)
    page = rendered(done.stdout)
    assert page.rows[:1 + SCOPES + 2] == [9] * (1 + SCOPES + 2), page.rows
    assert not page.elements & {"script", "img", "a", "h1", "h2"}, page.elements
    all_there([line.split("</code>")[0] for line in done.stdout.split("<code>")])


def junit(seed):
    root = xml.etree.ElementTree.fromstring(text_of(seed, "junit.xml"))
    assert not junit_rules.broken_rules(root), junit_rules.broken_rules(root)
    all_there([case.get("name") for case in root.iter("testcase")])


def folded(seed):
    lines = text_of(seed, "folded").splitlines()
    stacks = [line.rsplit(" ", 1) for line in lines]
    # The time outside all scopes, and the hardware, which has no weight.
    assert len(lines) == SCOPES + 2 and int(stacks[-1][1]) == 0 and all(0 <= int(weight) < 2**64 for _, weight in stacks)
    all_there([stack for stack, _ in stacks])


def speedscope(seed):
    profile = strict_json(seed, "speedscope.json")
    jsonschema.validate(profile, SPEEDSCOPE)
    all_there([frame["name"] for frame in profile["shared"]["frames"]])


def trace(seed):
    for event in strict_json(seed, "trace.json")["traceEvents"]:
        assert event["ph"] in "XCM" and isinstance(event["name"], str)
        assert event["ph"] == "M" or math.isfinite(event["ts"])
        assert event["ph"] != "X" or event["dur"] >= 0
        assert event["ph"] != "C" or all(math.isfinite(v) for v in event["args"].values())


def promtool(seed):
    done = subprocess.run(["promtool", "check", "metrics"], input=text_of(seed, "prom"),
                          capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr


def terminal(seed):
    text = text_of(seed, "txt")
    assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in text)


failed = 0
for test in [json_report, csv_rows, emissions_csv, model_card, sci, markdown, junit, folded, speedscope,
             trace, promtool, terminal]:
    wrong = []
    for seed in range(count):
        try:
            test(seed)
        except Exception as problem:  # any error of the parser
            wrong.append(f"{seed}: {type(problem).__name__}: {str(problem)[:300]}")
    failed += bool(wrong)
    print(f"FAILED: {test.__name__}\n  " + "\n  ".join(wrong[:5]) if wrong else
          f"passed: {count} hostile reports, {test.__name__.replace('_', ' ')}")
sys.exit(1 if failed else 0)
