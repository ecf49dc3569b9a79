#!/usr/bin/env python3
# readme_snippets.py - what README.md shows is compiled code, and what it names is there.
# SPDX-License-Identifier: MIT
"""usage: readme_snippets.py PROJECT_FOLDER     prints one line a finding; exit code 1 at any

Every ```cpp block must stand word for word, as consecutive lines, in a file of examples/ (its
indentation aside), since those files are compiled. Every relative link, and every path of the
project that is named in `code` or in a block of commands, must exist.
"""
import pathlib
import re
import sys

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?<![\w./-])((?:\.ci|bench|examples|include|tests|tools)/[\w./+-]*[\w/+])"
                  r"(?![\w*<]|\.\w|/?[*<])")
COMMANDS = {"sh", "bash", "console"}


def lines_of(text):
    """Its lines without indentation, blank lines at both ends removed."""
    return [line.strip() for line in text.strip("\n").splitlines()]


def holds(whole, part):
    return any(whole[i:i + len(part)] == part for i in range(len(whole) - len(part) + 1))


class Readme:
    def __init__(self, root, name):
        self.root = root
        self.name = name
        self.text = (root / name).read_text(encoding="utf-8")
        self.findings = []

    def say(self, at, what):
        self.findings.append(f"{self.name}:{self.text.count(chr(10), 0, at) + 1}: {what}")

    def check_snippets(self):
        compiled = [lines_of(path.read_text(encoding="utf-8"))
                    for path in sorted((self.root / "examples").glob("*.[ch]pp"))]
        for block in FENCE.finditer(self.text):
            part = lines_of(block[2])
            if block[1] != "cpp":
                continue
            if not part:
                self.say(block.start(), "an empty snippet")
            elif not any(holds(whole, part) for whole in compiled):
                self.say(block.start(), f"no file of examples/ holds this snippet: {part[0]}")

    def check_paths(self):
        prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), self.text)
        named = [(m.start(), m[1] or m[2]) for m in LINK.finditer(prose)]
        named = [(at, link.split("#")[0]) for at, link in named
                 if not re.match(r"[a-z]+:|#", link)]
        for m in CODE.finditer(prose):
            named += [(m.start(), path) for path in PATH.findall(m[1])]
        for block in FENCE.finditer(self.text):
            if block[1] in COMMANDS:
                named += [(block.start(), path) for path in PATH.findall(block[2])]
        for at, path in named:
            if not (self.root / path).exists():
                self.say(at, f"there is no {path}")
        return len(named)


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    readme = Readme(pathlib.Path(arguments[1]), "README.md")
    readme.check_snippets()
    if readme.check_paths() == 0:
        readme.say(0, "names no file at all: is the pattern of this test still right?")
    for finding in readme.findings:
        print(finding)
    return 1 if readme.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
