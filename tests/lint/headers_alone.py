#!/usr/bin/env python3
"""headers_alone.py - every header compiles alone: it includes what it needs.
usage: headers_alone.py INCLUDE_FOLDER COMPILER OPTION...
A header that another one includes first is compiled alone by that. All others are compiled without optional
implementations, which include the fewest other headers; headers with an implementation also with it.
SPDX-License-Identifier: MIT
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

IMPLEMENTATION = "-DJOULERY_IMPLEMENTATION"
# Needs libtorch, so tests/trials.sh compiles it.
ELSEWHERE = {"joulery/integration/torch.hpp"}


def firsts(texts):
    return {m.group(1) for text in texts if (m := re.search(r'^#include "(.*)"', text, re.MULTILINE))}


def units(folder):
    """Pairs of a header and whether its implementation is compiled, too."""
    texts = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.hpp")}
    implemented = {header for header, text in texts.items() if "#ifdef JOULERY_IMPLEMENTATION" in text}
    alone = firsts(texts.values())
    alone_with_implementation = firsts(texts[header] for header in implemented)
    for header in sorted(texts.keys() - ELSEWHERE):
        if header not in alone:
            yield header, False
        if header in implemented - alone_with_implementation:
            yield header, True


def compile_alone(unit, command):
    header, implementation = unit
    options = ["-fsyntax-only", "-x", "c++", "-"] + ([IMPLEMENTATION] if implementation else [])
    done = subprocess.run(command + options, input=f'#include "{header}"\n', text=True, capture_output=True)
    if done.returncode == 0:
        return ""
    return f"{header}{' with its implementation' if implementation else ''}:\n{done.stderr}"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, command = Path(sys.argv[1]), [*sys.argv[2:], f"-I{sys.argv[1]}"]
    # The longest first, so that no processor waits at the end.
    found = sorted(units(folder), key=lambda unit: not unit[1])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [text for text in pool.map(lambda unit: compile_alone(unit, command), found) if text]
    print(f"{len(found)} headers checked, {len(wrong)} do not compile alone", *wrong, sep="\n")
    sys.exit(bool(wrong) or len(found) == 0)


if __name__ == "__main__":
    main()
