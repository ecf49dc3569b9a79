#!/usr/bin/env python3
# readme_snippets.py - snippets in READMEs are compiled code, and files and headings they name exist.
# SPDX-License-Identifier: MIT
"""usage: readme_snippets.py PROJECT_FOLDER     prints one line a finding; exit code 1 at any

Every ```cpp block must stand word for word, as consecutive lines, in a file of examples/ (its
indentation aside), since those files are compiled. Every relative link, and every path of the
project that is named in `code` or in a block of commands, must exist. The top one is short.
"""
import pathlib
import re
import sys

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?<![\w./-])((?:\.ci|bench|examples|include|tests|tools)/[\w./+-]*[\w/+])"
                  r"(?![\w*<]|\.\w|/?[*<])")
# The pages, and the maximum number of lines of the top one.
FOLDERS = ("bench", "examples", "include", "tests")
MAX_LINES = 200
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
        self.folder = (root / name).parent
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

    def check_heading(self, at, path, heading):
        """A link to a heading: the heading must exist."""
        page = self.folder / path if path else self.root / self.name
        if page.suffix != ".md" or not page.exists():
            return
        titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        known = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        if heading not in known:
            self.say(at, f"{path or self.name} has no heading for #{heading}")

    def check_length(self, most):
        lines = self.text.count("\n")
        if lines > most:
            self.say(0, f"{lines} lines; {most} is the limit: what explains a folder belongs there")

    def check_paths(self):
        prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), self.text)
        named = [(m.start(), m[1] or m[2]) for m in LINK.finditer(prose)]
        named = [(at, link) for at, link in named if not re.match(r"[a-z]+:", link)]
        links = [(at, *link.split("#")) for at, link in named if "#" in link]
        named = [(at, link.split("#")[0]) for at, link in named if not link.startswith("#")]
        for m in CODE.finditer(prose):
            named += [(m.start(), path) for path in PATH.findall(m[1])]
        for block in FENCE.finditer(self.text):
            if block[1] in COMMANDS:
                named += [(block.start(), path) for path in PATH.findall(block[2])]
        for at, path in named:
            if not any((folder / path).exists() for folder in (self.folder, self.root)):
                self.say(at, f"there is no {path}")
        for at, path, heading in links:
            self.check_heading(at, path, heading)
        return len(named)


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[1])
    tracked = [path.relative_to(root).as_posix() for folder in (*FOLDERS, ".github")
               for path in sorted((root / folder).rglob("*.md"))]
    findings, count = [], 0
    for name in ["README.md", *tracked]:
        readme = Readme(root, name)
        readme.check_snippets()
        if name == "README.md":
            readme.check_length(MAX_LINES)
        count += readme.check_paths()
        findings += readme.findings
    if count < 20:
        findings.append(f"{count} names of files in all pages: is the pattern of this test right?")
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
