#!/usr/bin/env python3
# same_code.py - the functions plain_N and scoped_N of a file compile to the same instructions.
# SPDX-License-Identifier: MIT
"""usage: same_code.py FILE COMPILER [FLAG...]"""
import re
import subprocess
import sys


def functions(assembly):
    """The instructions of each function; labels, directives and comments are left out."""
    found, name = {}, None
    for line in assembly.split("\n"):
        label = re.match(r"_?((?:plain|scoped)_\d+):", line)
        if label:
            name = label.group(1)
            found[name] = []
        elif re.match(r"\.Lfunc_end|\s+\.size", line):
            name = None
        elif re.match(r"\s+\.set\s+scoped_\d+,\s*plain_\d+", line):  # folded into one function
            scoped, plain = re.findall(r"\w+_\d+", line)
            found[scoped] = found[plain]
        elif name and re.match(r"\s+[a-z]", line):
            code = " ".join(re.sub(r"\s#.*$|//.*$", "", line).split())
            found[name].append(re.sub(r"\.L\w+", "LABEL", code))
    return found


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    path, command = arguments[1], arguments[2:]
    done = subprocess.run(command + ["-S", "-o", "-", path], text=True, capture_output=True,
                          check=False)
    if done.returncode != 0:
        print(done.stderr)
        return 1
    found = functions(done.stdout)
    pairs = [(name, name.replace("plain", "scoped")) for name in found if name.startswith("plain")]
    if not pairs or any(not found[plain] for plain, _ in pairs):
        print("no functions found in the assembly")
        return 1
    different = 0
    for plain, scoped in pairs:
        same = found[plain] == found.get(scoped)
        different += not same
        print(f"{'ok  ' if same else 'FAIL'} {scoped}: {len(found.get(scoped, []))} instructions, "
              f"{plain}: {len(found[plain])}")
        if not same:
            print("\n".join(["  plain:"] + found[plain] + ["  scoped:"] + found.get(scoped, [])))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
