#!/usr/bin/env python3
# old_standard.py - with C++14 every public header fails with only the message that it needs C++17.
# SPDX-License-Identifier: MIT
"""usage: old_standard.py INCLUDE_FOLDER COMPILER"""
import pathlib
import subprocess
import sys

SAYS = "joulery needs C++17: compile with -std=c++17"


def main(arguments):
    root, compiler = pathlib.Path(arguments[1]), arguments[2]
    failed = 0
    for path in sorted((root / "joulery").rglob("*.hpp")):
        header = path.relative_to(root).as_posix()
        # detail/ is only included by other headers; headers for other tools include these tools first.
        if "detail" in path.parts or "integration" in path.parts:
            continue
        run = subprocess.run([compiler, "-std=c++14", f"-I{root}", "-fsyntax-only", "-x", "c++", "-"],
                             input=f'#include "{header}"\n', capture_output=True, text=True,
                             check=False)
        errors = [line for line in run.stderr.splitlines() if "error:" in line]
        # The second one ends the compilation.
        if run.returncode == 0 or len(errors) != 2 or SAYS not in errors[0]:
            failed += 1
            print(f"{header}:", *errors[:5], sep="\n    ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
