#!/usr/bin/env bash
# hardware.sh - each backend on real hardware: prints which ones this machine has, which it lacks
# and why, and checks that those it has count a plausible power.
# usage: tests/hardware.sh [doctest options]
# Needs a C++17 compiler and doctest (installed if possible; else DOCTEST_DIR=folder that contains
# doctest/doctest.h, or a doctest.h beside this file). Root sees more: sudo tests/hardware.sh
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
. "$root/examples/install_missing.sh"

works "${CXX:=c++}" --version || install_missing g++
include=(-I"$root/include" -I"$here")
[ -z "${DOCTEST_DIR:-}" ] || include+=(-I"$DOCTEST_DIR")
mkdir -p "$root/build"
if [ -e "$here/doctest.h" ]; then  # supplied, for machines without network
    mkdir -p "$root/build/doctest_include/doctest"
    cp "$here/doctest.h" "$root/build/doctest_include/doctest/doctest.h"
    include+=(-I"$root/build/doctest_include")
fi
has_doctest() {
    echo '#include <doctest/doctest.h>' | "$CXX" "${include[@]}" -E -x c++ - >/dev/null 2>&1
}
has_doctest || install_missing doctest-dev
# CUDA streams, if CUDA's headers and libraries are installed (CUDA_HOME=folder).
cuda=() cuda_home=${CUDA_HOME:-/usr/local/cuda}
if [ -e "$cuda_home/include/cublas_v2.h" ] && [ -e "$cuda_home/lib64/libcudart.so" ] &&
    [ -e "$cuda_home/lib64/libcublas.so" ]; then
    cuda=(-DJOULERY_TEST_CUDA -isystem "$cuda_home/include" "-L$cuda_home/lib64"
        "-Wl,-rpath,$cuda_home/lib64" -lcudart -lcublas)
fi
program=$root/build/hardware
"$CXX" -std=c++17 -O1 "${include[@]}" "$root/include/joulery/joulery_full.cpp" "$here/doctest_main.cpp" \
    "$here"/hardware/*_test.cpp -o "$program" "${cuda[@]}" -lpthread -ldl
exec "$program" "$@"
