#!/usr/bin/env python3
"""headers_alone.py - every header compiles alone: it includes what it needs.
usage: headers_alone.py INCLUDE_FOLDER COMPILER OPTION...
A header that another one includes first is alone there already. All are looked through without the bodies
that may be left out, which brings the fewest other headers; those that have such bodies with them, too.
SPDX-License-Identifier: MIT
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BODIES = "-DJOULERY_IMPLEMENTATION"
# Needs libtorch, so tests/trials.sh compiles it.
ELSEWHERE = {"joulery/integration/torch.hpp"}


def units(folder):
    """Pairs of a header and whether its implementation is compiled, too."""
    texts = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.hpp")}
    firsts = {m.group(1) for text in texts.values()
              if (m := re.search(r'^#include "(.*)"', text, re.MULTILINE))}
    for header, text in sorted(texts.items()):
        if header in ELSEWHERE:
            continue
        if header not in firsts:
            yield header, False
        if "#ifdef JOULERY_IMPLEMENTATION" in text:
            yield header, True


def look_through(unit, command):
    header, bodies = unit
    options = ["-fsyntax-only", "-x", "c++", "-"] + ([BODIES] if bodies else [])
    done = subprocess.run(command + options, input=f'#include "{header}"\n', text=True, capture_output=True)
    return "" if done.returncode == 0 else f"{header}{' with its bodies' if bodies else ''}:\n{done.stderr}"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, command = Path(sys.argv[1]), [*sys.argv[2:], f"-I{sys.argv[1]}"]
    # The longest first, so that no processor waits at the end.
    found = sorted(units(folder), key=lambda unit: not unit[1])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [text for text in pool.map(lambda unit: look_through(unit, command), found) if text]
    print(f"{len(found)} looked through, {len(wrong)} do not compile alone", *wrong, sep="\n")
    sys.exit(bool(wrong) or len(found) == 0)


if __name__ == "__main__":
    main()
