#!/usr/bin/env python3
# compile_fail.py - invalid code fails to compile, with the right message.
# SPDX-License-Identifier: MIT
"""usage: compile_fail.py FILE COMPILER [FLAG...]

FILE compiles as it stands (the baseline). It holds cases in comments:

    //! fails: no viable conversion|conversion from
    //!     energy wrong = 5_W;

Each case is compiled with its lines (and only these) uncommented in place; it must fail, and what
the compiler says must match every "fails:" expression (a regular expression) above the lines.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile


class Case:
    def __init__(self):
        self.expected = []
        self.code = {}  # line number, from 1: code


def read_cases(lines):
    cases, current = [], None
    for number, line in enumerate(lines, 1):
        found = re.match(r"\s*//!(.*)$", line)
        if not found:
            current = None
            continue
        words = re.match(r"\s*fails:\s*(.+?)\s*$", found.group(1))
        if words and (current is None or current.code):
            current = Case()
            cases.append(current)
        if words:
            current.expected.append(words.group(1))
        elif current is None:
            raise SystemExit(f"line {number}: code without a //! fails: line above it")
        else:
            current.code[number] = found.group(1)
    return cases


def compile_text(command, text):
    done = subprocess.run(command + ["-fsyntax-only", "-x", "c++", "-"], input=text, text=True,
                          capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stderr


def precompiled(command, lines, folder):
    """The option that includes the file's headers, precompiled, before each case (GCC)."""
    header = os.path.join(folder, "headers.hpp")
    with open(header, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines if line.startswith("#include"))
    made = subprocess.run(command + ["-x", "c++-header", header, "-o", header + ".gch"],
                          capture_output=True, check=False)
    return ["-include", header] if made.returncode == 0 else []


def trouble_with(command, lines, case):
    text = "\n".join(case.code.get(number, line) for number, line in enumerate(lines, 1))
    code, said = compile_text(command, text)
    if code == 0:
        return "compiles, and must not"
    missing = [words for words in case.expected if not re.search(words, said)]
    if missing:
        return f"fails without saying {missing}; it says:\n{said}"
    return None


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    path, command = arguments[1], arguments[2:]
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    code, said = compile_text(command, "\n".join(lines))
    if code != 0:
        print(f"{path}: the baseline does not compile:\n{said}")
        return 1
    cases = read_cases(lines)
    if not cases:
        print(f"{path}: no case found")
        return 1
    failed = 0
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        command = command + precompiled(command, lines, folder)
        results = pool.map(lambda case: trouble_with(command, lines, case), cases)
        for case, trouble in zip(cases, results):
            shown = " ".join(" ".join(case.code.values()).split())
            print(f"{'ok  ' if trouble is None else 'FAIL'} {path}:{min(case.code)}: {shown}")
            if trouble is not None:
                print(f"     {trouble}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
