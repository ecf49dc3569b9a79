#!/usr/bin/env python3
# junit_rules.py - whether JUnit XML follows the rules of junit-10.xsd, by which Jenkins' xUnit plugin
# accepts or refuses a file. The rules are restated here, as the schema has its own license.
# SPDX-License-Identifier: MIT
"""usage: junit_rules.py FILE.junit.xml..."""
import re
import sys
import xml.etree.ElementTree as xml

TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")
WHOLE = re.compile(r"[0-9]+")
ANY = re.compile(r".*", re.DOTALL)
RESULT = {"attributes": {"message": ANY, "type": ANY}, "required": (), "children": (), "text": True}
TEXT = {"attributes": {}, "required": (), "children": (), "text": True}
RULES = {
    "testsuites": {
        "attributes": {"name": ANY, "time": TIME, "tests": ANY, "failures": ANY, "errors": ANY},
        "required": (), "children": ("testsuite",)},
    "testsuite": {
        "attributes": {"name": ANY, "tests": ANY, "failures": ANY, "errors": ANY, "group": ANY,
                       "time": TIME, "skipped": ANY, "timestamp": ANY, "hostname": ANY, "id": ANY,
                       "package": ANY, "file": ANY, "log": ANY, "url": ANY, "version": ANY},
        "required": ("name", "tests", "failures", "errors"),
        "children": ("testsuite", "properties", "testcase", "system-out", "system-err")},
    "properties": {"attributes": {}, "required": (), "children": ("property",)},
    "property": {"attributes": {"name": ANY, "value": ANY}, "required": ("name", "value"),
                 "children": ()},
    "testcase": {
        "attributes": {"name": ANY, "time": TIME, "classname": ANY, "group": ANY},
        "required": ("name",),
        "children": ("skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure",
                     "flakyError", "system-out", "system-err")},
    "skipped": RESULT, "error": RESULT, "failure": RESULT, "rerunFailure": RESULT,
    "rerunError": RESULT, "flakyFailure": RESULT, "flakyError": RESULT,
    "system-out": TEXT, "system-err": TEXT,
}


def broken_rules(element, parents=()):
    """One sentence for each violation in `element`."""
    where = "/".join(parents + (element.tag,))
    rule = RULES.get(element.tag)
    if rule is None:
        return [f"{where}: no such element"]
    found = [f"{where}: {name} is missing" for name in rule["required"] if name not in element.attrib]
    for name, value in element.attrib.items():
        if name not in rule["attributes"]:
            found.append(f"{where}: no attribute {name}")
        elif not rule["attributes"][name].fullmatch(value):
            found.append(f"{where}: {name}=\"{value}\" is refused")
    texts = [element.text or ""] + [child.tail or "" for child in element]
    if not rule.get("text") and any(text.strip() for text in texts):
        found.append(f"{where}: text is refused")
    for child in element:
        if child.tag not in rule["children"]:
            found.append(f"{where}: <{child.tag}> is refused")
        else:
            found += broken_rules(child, parents + (element.tag,))
    if not parents:
        for suite in element.iter("testsuite"):
            cases = sum(1 for child in suite if child.tag == "testcase")
            if suite.get("tests") != str(cases):
                found.append(f"{where}: tests=\"{suite.get('tests')}\" of {cases} cases")
    return found


def check_rules():
    """Each rule detects its violation."""
    def refused(inner, attributes='tests="1" failures="0" errors="0" time="0.001"'):
        text = f'<testsuites><testsuite name="a" {attributes}>{inner}</testsuite></testsuites>'
        return broken_rules(xml.fromstring(text))

    assert not refused('<testcase name="a" time="12.500"/>')
    assert refused('<testcase name="a" time="12.500000"/>')
    assert refused('<testcase name="a" time="1e-3"/>')
    assert refused('<testcase name="a"><properties/></testcase>')
    assert refused('<testcase time="1.000"/>')
    assert refused('<testcase name="a"/><testcase name="b"/>')
    assert refused('<testcase name="a">text</testcase>')
    assert refused('<testcase name="a" status="run"/>')


def main(files):
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    check_rules()
    status = 0
    for name in files:
        for rule in broken_rules(xml.parse(name).getroot()):
            print(f"{name}: {rule}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
