#!/usr/bin/env python3
# end_well.py - a program that ends in any of the ways of examples/end_well.cpp leaves a report.
# SPDX-License-Identifier: MIT
"""usage: end_well.py PROJECT_FOLDER COMPILER [FLAG]..."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest


class EndWell(unittest.TestCase):
    program = None

    def report_after(self, way, ending, code):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "run.json"
            env = {**os.environ, "JOULERY_REPORT": str(file), "JOULERY_CHECKPOINT": "0"}
            with subprocess.Popen([self.program, way], env=env, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as running:
                self.assertEqual(running.stdout.readline(), "at work\n")
                if ending is not None:
                    running.send_signal(ending)
                running.communicate(timeout=60)
            self.assertEqual(running.returncode, code)
            return json.loads(file.read_text(encoding="utf-8"))

    def check(self, way, ending, code):
        report = self.report_after(way, ending, code)
        self.assertEqual([scope["path"] for scope in report["scopes"]], ["epoch"])
        self.assertGreaterEqual(report["scopes"][0]["calls"], 1)
        self.assertNotIn("still running", json.dumps(report["warnings"]))

    def test_a_flag(self):
        self.check("flag", signal.SIGTERM, 0)

    def test_sigwait(self):
        self.check("sigwait", signal.SIGINT, 0)

    def test_a_terminate_handler(self):
        self.check("terminate", None, -signal.SIGABRT)


def main(arguments):
    root, *compiler = arguments
    with tempfile.TemporaryDirectory() as folder:
        EndWell.program = pathlib.Path(folder) / "end_well"
        archives = [flag for flag in compiler if flag.endswith(".a")]
        flags = [flag for flag in compiler if not flag.endswith(".a")]
        subprocess.run([*flags, "-std=c++17", f"-I{root}/include", f"{root}/examples/end_well.cpp",
                        *archives, "-o", str(EndWell.program), "-pthread", "-ldl"], check=True)
        return 0 if unittest.main(argv=["end_well"], exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
