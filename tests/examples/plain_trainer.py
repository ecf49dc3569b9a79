#!/usr/bin/env python3
# plain_trainer.py - train_digits.cpp without the lines that name joulery is still a complete trainer.
# SPDX-License-Identifier: MIT
"""usage: plain_trainer.py EXAMPLES_FOLDER COMPILER

Strips those lines, builds what is left without joulery's headers and trains with it, on one and
on two threads; it must still reach its accuracy (the program's exit code says so).
"""
import pathlib
import re
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
PHASES = ["epoch", "step", "forward", "backward", "update", "evaluate"]


def is_measuring(line):
    return "joulery" in line and not line.lstrip().startswith("//")


def check_lines(measuring):
    """One include, one line per phase, and the line that prints the table."""
    includes = [line for line in measuring if line.startswith("#include")]
    scopes = [line for line in measuring if "joulery::scope" in line]
    names = sorted(re.search(r'scope \w+\{"(\w+)"\}', line).group(1) for line in scopes)
    assert includes == ["#include <joulery/joulery.hpp>"], includes
    assert names == sorted(PHASES), names
    assert len(measuring) == 1 + len(PHASES) + 1, measuring


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, compiler = pathlib.Path(arguments[1]), arguments[2]
    lines = (folder / "train_digits.cpp").read_text(encoding="utf-8").split("\n")
    check_lines([line for line in lines if is_measuring(line)])
    with tempfile.TemporaryDirectory() as work:
        source, program = pathlib.Path(work, "plain.cpp"), pathlib.Path(work, "plain")
        source.write_text("\n".join(line for line in lines if not is_measuring(line)),
                          encoding="utf-8")
        subprocess.run([compiler, "-std=c++17", "-O2", *WARNINGS, "-pthread", f"-I{folder}",
                        str(source), "-o", str(program)], check=True)
        for words, code, part in ((["--help"], 0, "usage: train_digits"),
                                  (["--speed"], 2, "--speed: not an option"),
                                  (["--epochs"], 2, "--epochs: a value is missing")):
            done = subprocess.run([str(program), *words], check=False, text=True,
                                  capture_output=True)
            assert done.returncode == code and part in done.stderr, (words, done)
        for threads in ("1", "2"):
            done = subprocess.run([str(program), "--epochs", "8", "--threads", threads, "--data",
                                   str(folder / "data" / "digits.csv")], check=False, text=True,
                                  capture_output=True)
            print(done.stdout, done.stderr)
            if done.returncode != 0 or "joulery" in done.stdout:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
