#!/usr/bin/env python3
# trials.py - programs of other people's libraries, with scopes and without: what that changes, what
# it costs, and whether the times are the program's own. SPDX-License-Identifier: MIT
"""usage: trials.py ROOT WORK COMPILER [NAME...]     one line a trial; exit code 1 where one fails
       trials.py ROOT WORK COMPILER tools [FOLDER_OF_NVTX3]

A program prints its own times, "phase PATH SECONDS" and "total SECONDS". What measuring added to it
are the lines that hold "joulery"; without them it is compiled and run as well, in turn.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys

PAIRS = 7
COMPILED = 2  # times, of which the shorter counts
# Libraries' own teams wait awake for one another, for as long as others let them.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "DLIB_NUM_THREADS": "1"}
TRIALS = {  # name: what it is linked with, its argument
    "text_trainer": ([], "2"),
    "dlib_digits": (["-ldlib", "-lblas", "-llapack"], "12"),
    "onednn_inference": (["-ldnnl"], "150"),
    "torch_digits": (["-ltorch", "-ltorch_cpu", "-lc10"], "40"),
}


def compiled(command):
    """Seconds of processor time."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as running:
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, command
    return usage.ru_utime + usage.ru_stime


def figures_of(text):
    """Seconds by path, as the program printed them; "": the whole."""
    words = [line.split() for line in text.splitlines()]
    own = {w[1]: float(w[2]) for w in words if w[:1] == ["phase"]}
    return {**own, "": next(float(w[1]) for w in words if w[:1] == ["total"])}


def ran(program, argument, **variables):
    """What it printed, and the processor time of all its threads."""
    with subprocess.Popen([program, argument], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, env={**os.environ, **ONE_THREAD, **variables}) as running:
        text = running.stdout.read()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, (program, running.returncode)
    return figures_of(text), usage.ru_utime + usage.ru_stime


def check_times(report, own):
    """The largest difference between a path's time and the program's own, in percent of that."""
    rows = {row["path"]: row for row in report["scopes"]}
    return max(abs(rows[path]["time_s"] / s - 1) * 100
               for path, s in own.items() if path)


def check_split(report):
    """All energy is somebody's, once; and who ran longer has more, as the estimate has it."""
    own = sum(row["self_j"] for row in report["scopes"]) + report["unscoped_j"]
    assert abs(own - report["total_j"]) <= 1e-9 * report["total_j"], (own, report["total_j"])
    return ", ".join(f"{row['path']} {100 * row['total_j'] / report['total_j']:.0f} %"
                     for row in report["scopes"])


def trial(root, work, compiler, name):
    libraries, argument = TRIALS[name]
    source = root / "tests/trials" / f"{name}.cpp"
    lines = source.read_text(encoding="utf-8").split("\n")
    kept = [line for line in lines if "joulery" not in line or line.startswith("//")]
    plain = work / f"{name}_plain.cpp"
    plain.write_text("\n".join(kept), encoding="utf-8")
    flags = [compiler, "-std=c++17", "-O2", "-w", f"-I{root}/include",
             "-I/usr/include/torch/csrc/api/include"]
    link = [str(work / "bodies.o"), *libraries, "-pthread", "-ldl"]
    compile_plain, compile_scopes = [], []
    for _ in range(COMPILED):
        compile_plain.append(compiled([*flags, "-c", plain, "-o", work / f"{name}_plain.o"]))
        compile_scopes.append(compiled([*flags, "-c", source, "-o", work / f"{name}.o"]))
    compiled([compiler, work / f"{name}_plain.o", *link[1:], "-o", work / f"{name}_plain"])
    compiled([compiler, work / f"{name}.o", *link, "-o", work / name])
    ratios = []
    file = work / f"{name}.json"
    for _ in range(PAIRS):
        _, without = ran(work / f"{name}_plain", argument)
        own, measured = ran(work / name, argument, JOULERY_REPORT=str(file))
        ratios.append(measured / without)
    report = json.loads(file.read_text(encoding="utf-8"))
    calls = sum(row["calls"] for row in report["scopes"])
    print(f"{name}: {len(lines) - len(kept)} lines; compiled in {min(compile_scopes):.1f} s, "
          f"without in {min(compile_plain):.1f} s; processor time x "
          f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) with {calls} "
          f"calls in {own['']:.2f} s; times off by {check_times(report, own):.2f} %\n"
          f"    {check_split(report)}", flush=True)


def rows_of(file):
    return {row["path"]: row for row in json.loads(file.read_text(encoding="utf-8"))["scopes"]}


def annotations(root, work, compiler):
    """The tool that makes scopes of a program's annotations."""
    library = work / "libannotations.so"
    compiled([compiler, "-std=c++17", "-O2", "-shared", "-fPIC", f"-I{root}/include",
              root / "examples/tools/annotations.cpp", "-o", library, "-pthread", "-ldl"])
    return library


def kokkos(root, work, compiler, tool):
    """A solver with Debian's Kokkos; its variable was called otherwise before Kokkos 4."""
    compiled([compiler, "-std=c++17", "-O2", "-fopenmp", "-w", "-I/usr/include/trilinos",
              root / "tests/trials/kokkos_solver.cpp", "-o", work / "kokkos_solver",
              "-ltrilinos_kokkoscore", "-ldl"])
    file = work / "kokkos.json"
    subprocess.run([work / "kokkos_solver", "40"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, **ONE_THREAD, "KOKKOS_PROFILE_LIBRARY": str(tool),
                        "KOKKOS_TOOLS_LIBS": str(tool), "JOULERY_REPORT": str(file)})
    rows = rows_of(file)
    calls = {path: rows[path]["calls"] for path in
             ("setup/deep copy", "solve/dot", "solve/laplace", "solve/axpy", "solve/update")}
    assert calls == {"setup/deep copy": 3, "solve/dot": 81, "solve/laplace": 40, "solve/axpy": 80,
                     "solve/update": 40}, calls
    print("kokkos: every region and kernel has its row")


def nvtx(root, work, compiler, tool, include):
    """A program with NVIDIA's own header."""
    compiled([compiler, "-std=c++17", "-O2", f"-I{include}",
              root / "tests/trials/nvtx_ranges.cpp", "-o", work / "nvtx_ranges", "-pthread",
              "-ldl"])
    file = work / "nvtx.json"
    subprocess.run([work / "nvtx_ranges"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "NVTX_INJECTION64_PATH": str(tool),
                        "JOULERY_REPORT": str(file)})
    rows = rows_of(file)
    calls = {path: row["calls"] for path, row in rows.items()}
    step = "step/trainer:step"
    assert calls == {"request": 1, "step": 30, step: 30, f"{step}/trainer:load": 30,
                     f"{step}/trainer:load/trainer:forward": 30, "step/wide": 30, "worker": 1,
                     "io:write": 10, "never popped": 1}, calls
    assert rows["request"]["time_s"] > rows["worker"]["time_s"]
    print("nvtx: every range has its row")


def main(arguments):
    root, work = (pathlib.Path(a).resolve() for a in arguments[:2])
    work.mkdir(parents=True, exist_ok=True)
    compiler, *names = arguments[2:]
    if names and names[0] == "tools":
        tool = annotations(root, work, compiler)
        kokkos(root, work, compiler, tool)
        for include in names[1:]:
            nvtx(root, work, compiler, tool, include)
        return
    bodies = compiled([compiler, "-std=c++17", "-O2", f"-I{root}/include", "-c",
                       root / "include/joulery/joulery.cpp", "-o", work / "bodies.o"])
    print(f"the implementation, once per program: {bodies:.1f} s")
    for name in names or TRIALS:
        trial(root, work, compiler, name)


main(sys.argv[1:])
