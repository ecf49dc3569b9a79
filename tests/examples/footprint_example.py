#!/usr/bin/env python3
# footprint_example.py - examples/footprint.cpp works as its first comment says.
# SPDX-License-Identifier: MIT
"""usage: footprint_example.py PROJECT_FOLDER COMPILER [FLAGS_AND_LIBRARIES...]"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    project, compiler = pathlib.Path(arguments[1]), arguments[2]
    with tempfile.TemporaryDirectory() as work:
        program = pathlib.Path(work) / "footprint"
        subprocess.run([compiler, "-std=c++17", "-I", project / "include",
                        project / "examples/footprint.cpp", *arguments[3:], "-o", program], check=True)

        def run(*words):
            done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout, done.stderr

        def holds(words, *parts):
            code, out, err = run(*words)
            assert code == 0, (words, err)
            for part in parts:
                assert part in out, (words, part, out)

        def refuses(words, part):
            code, _, err = run(*words)
            assert code == 1 and part in err, (words, code, err)

        holds(["--kwh", "1287000", "--intensity", "429"], "1.29 GWh (4.63 TJ)", "552 t\n",
              "stated by the user", "76.6 minutes of a coal-fired power plant\n")
        holds(["--kwh", "1287000", "--intensity", "429", "--sources"], "plant (7.21 t each; ")
        holds(["--kwh", "10", "--region", "FR", "--pue", "1.2"], "facility energy       12 kWh",
              "530 g", "France (FR), 2024, lifecycle", "(sources differ: 372 g to 530 g)")
        for words in (["--kwh", "1e-9"], ["--kwh", "1e15"], ["--kwh", "1", "--intensity", "1e-9"]):
            code, out, err = run(*words)
            assert code == 0 and not re.search(r"\de[+-]?\d", out), (words, out)
        holds(["--kwh", "1"], "no place was stated", "472.94 g/kWh")
        holds(["--kwh", "10", "--region", "FR", "--pue", "1.2", "--items", "1000000", "token",
               "--hours", "2", "--embodied", "A100 SXM 40GB", "8", "35040", "1"],
              "588 ug CO2e per token", "58.3 g CO2e", "conformant     yes")
        holds(["--kwh", "10", "--where"], "1  azure:norwayeast (Oslo)")
        holds(["--published"], "552.12", "INCONSISTENT", "is 2075 t, printed 12.9 (+15986.4 %)")
        report = str(project / "tests/report/golden/full.json")
        holds([report, "--region", "SE"], "CO2e, location-based  10.5 mg ",
              "the report itself has 138 mg CO2e at 472.9 g CO2e/kWh", "map", "Sweden (SE)",
              "CO2e per sample")
        holds([report], "CO2e, location-based  138 mg\n")
        holds(["--gpu-hours", "3552000", "--gpu", "NVIDIA Tesla V100", "--utilization", "0.6",
               "--intensity", "429"], "639 MWh", "274 t\n", "3552000 GPU hours x 300 W",
              "x utilization 0.6;", "the cards only")
        holds(["--gpu-hours", "1", "--gpu", "l40s"], "350 Wh", "which was not stated")
        holds(["--gpu-hours", "3552000", "--gpu", "A100", "--utilization", "0.6"], "852 MWh",
              "the highest of those that match 'A100': A100 PCIe 40/80GB (250 W);")
        refuses(["--gpu-hours", "1", "--gpu", "NVIDIA"], "accelerators of different power")
        refuses(["--gpu-hours", "1", "--gpu", "Z9000"], "no accelerator is called 'Z9000'")
        refuses(["--gpu-hours", "1"], "the card is missing")
        refuses(["--gpu", "T4"], "are for --gpu-hours")
        refuses(["--gpu-hours", "1", "--gpu", "T4", "--utilization", "60"], "at most 1")
        refuses(["--gpu-hours", "1", "--kwh", "1", "--gpu", "T4"], "both state the energy")
        holds(["--help"], "usage: footprint")
        series = pathlib.Path(work) / "grid.csv"
        began = json.loads(pathlib.Path(report).read_text())["context"]["started_unix_s"]
        series.write_text("time,g_per_kwh\n%d,50\n%d,50\n" % (began - 3600, began + 360000))
        holds([report, "--series", str(series)], "CO2e, location-based  14.6 mg\n",
              "50 g CO2e/kWh", "the report itself has 138 mg")
        holds([report, "--series", str(series), "--intensity", "100", "--pue", "2"],
              "CO2e, location-based  58.3 mg\n", "PUE 2 (stated by the user)")
        holds([report, "--region", "aws:ca-central-1"], "not comparable")
        refuses(["--kwh", "1", "--region", "Frankreich"], "nearest: France (FR)")
        refuses([report, "--region", "Atlantis"], "unknown region 'Atlantis'")
        refuses(["--kwh", "many"], "'many' is not a number")
        refuses(["--kwh", "0"], "--kwh must be positive")
        refuses(["no-such.json"], "can't read no-such.json")
        refuses([work], "can't read " + work)
        refuses([], "no run was given")
        refuses([report, report], "two reports")
        refuses([report, "--items", "10", "token"], "for a run without a report")
        refuses([report, "--series", "no-such.csv"], "no-such.csv: No such file")
        refuses(["--kwh", "1", "--hours", "-1"], "--hours must be positive")
        refuses(["--kwh", "1", "--embodied", "A100 SXM 40GB", "8", "35040", "1"], "add --hours N")
        refuses(["--kwh", "1", "--hours", "1", "--embodied", "H100", "1", "1", "1"], "matches several")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
