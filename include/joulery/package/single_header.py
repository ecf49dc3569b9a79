#!/usr/bin/env python3
# single_header.py - the library as one file: all declarations, then the implementation.
# SPDX-License-Identifier: MIT
"""usage: single_header.py INCLUDE_FOLDER OUTPUT [HEADER...]

HEADER: joulery/joulery.hpp and others to include in the file, in the order of inclusion."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"(joulery/[^"]+)"')
IMPLEMENTATION = "#ifdef JOULERY_IMPLEMENTATION"


class Amalgam:
    """Headers are placed where they are first needed. One that is first needed under a condition
    (a system, a compiler) may be needed again elsewhere, so each has its own guard."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.out = []
        self.declared, self.defined = set(), set()

    def halves(self, name):
        """The lines of a header before its implementation, and its implementation."""
        lines = (self.root / name).read_text(encoding="utf-8").split("\n")
        lines = [line for line in lines if line.strip() != "#pragma once"]
        if IMPLEMENTATION not in lines:
            return lines, []
        at = lines.index(IMPLEMENTATION)
        if lines.count(IMPLEMENTATION) > 1 or sum(line.count("{") - line.count("}")
                                                  for line in lines[:at]) > 0:
            sys.exit(f"{name}: bodies stand in one half, at the end, outside of namespaces")
        end = max(i for i, line in enumerate(lines) if line.startswith("#endif"))
        return lines[:at], lines[at + 1:end]

    def expand(self, lines, with_bodies, known):
        depth = 0
        for line in lines:
            stripped = line.strip()
            found = INCLUDE.match(line)
            if found:
                # Includes under a condition count only while it holds.
                inner = known if depth == 0 else (set(known[0]), set(known[1]))
                self.include(found.group(1), with_bodies, inner)
                continue
            if re.match(r"#\s*if", stripped):
                depth += 1
            elif re.match(r"#\s*endif", stripped):
                depth -= 1
            self.out.append(line)

    def include(self, name, with_bodies, known):
        declared, defined = known
        first, second = self.halves(name)
        guard = "JOULERY_DETAIL_" + re.sub(r"\W", "_", name).upper()
        if name not in declared:
            declared.add(name)
            self.out += [f"#ifndef {guard}", f"#define {guard}"]
            self.expand(first, with_bodies, known)
            self.out.append("#endif")
        if with_bodies and name not in defined:
            defined.add(name)
            # Its headers may have been declared without their implementation, which comes first.
            for target in filter(None, map(INCLUDE.match, first)):
                self.include(target.group(1), True, known)
            if second:
                self.out += [f"#ifndef {guard}_BODIES", f"#define {guard}_BODIES"]
                self.expand(second, True, known)
                self.out.append("#endif")

    def write(self, headers):
        self.out += ["// joulery - what every phase of a program costs in joules and CO2e, in one "
                     "file.", "// SPDX-License-Identifier: MIT", "//",
                     "// Made by include/joulery/package/single_header.py; the source is the folder include/joulery.",
                     "// In exactly one file of the program: #define JOULERY_IMPLEMENTATION before "
                     "the #include.", "#pragma once", ""]
        known = (self.declared, self.defined)
        for header in headers:
            self.include(header, False, known)
        self.out += ["", IMPLEMENTATION]
        for header in headers:
            self.include(header, True, known)
        self.out += ["#endif", ""]
        return "\n".join(self.out)


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    text = Amalgam(arguments[1]).write(arguments[3:] or ["joulery/joulery.hpp"])
    pathlib.Path(arguments[2]).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
