#!/usr/bin/env python3
# build_key.py - builds that must not be compared have different baseline keys or are skipped.
# SPDX-License-Identifier: MIT
"""usage: build_key.py COMPILER SOURCE_FOLDER"""
import os
import platform
import subprocess
import sys
import tempfile

COMPILER, SOURCE = sys.argv[1:3]
trouble = []


def build(*flags):
    """The key and the active sanitizer; None if the compiler can't build it."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        done = subprocess.run([COMPILER, "-std=c++17", f"-I{SOURCE}/include", *flags, "-o", program,
                               f"{SOURCE}/tests/runners/build_key.cpp"],
                              capture_output=True, text=True, timeout=200, check=False)
        if done.returncode != 0:
            print(f"{flags}: not available: {done.stderr.splitlines()[:1]}")
            return None
        shown = subprocess.run([program], capture_output=True, text=True, timeout=100, check=True)
        return shown.stdout.splitlines()


def expect(good, words):
    if not good:
        trouble.append(words)


def flags_defined(flags):
    return f'-DJOULERY_BUILD_FLAGS="{flags}"'


plain = build("-O2")
expect(plain[0].endswith("flags unknown") or ", flags unknown, " in plain[0], f"-O2: {plain}")
expect(plain[1] == "", f"-O2 is watched: {plain}")
o2, o3 = build("-O2", flags_defined("-O2")), build("-O3", flags_defined("-O3"))
expect("-O2" in o2[0] and "-O3" in o3[0] and "flags unknown" not in o2[0] + o3[0], f"{o2} {o3}")
if platform.machine() in ("x86_64", "AMD64"):
    wide = build("-O2", "-mavx2")
    expect(wide[0] != plain[0] and " AVX2" in wide[0], f"-mavx2: {wide}")
for kind, name in (("undefined", "UndefinedBehavior"), ("address", "Address"), ("thread", "Thread")):
    watched = build(f"-fsanitize={kind}")
    expect(watched is None or watched[1] == name + "Sanitizer", f"{kind}: {watched}")
print("\n".join(trouble) or "builds that must not be compared are separated")
sys.exit(1 if trouble else 0)
