#!/usr/bin/env bash
# fuzz.sh - runs the fuzz targets, one for every parser of text from outside, with clang's libFuzzer.
# usage: tests/fuzz/fuzz.sh [SECONDS] [TARGET...]    60 seconds and all targets by default
# Starts from tests/fuzz/corpus/TARGET and stores its findings in build/fuzz; an input
# that fails is stored there as crash-*, slow-unit-* or timeout-*. The tests replay the corpus.
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=($(cd "$here" && ls ./*_fuzz.cpp | sed 's|^./||; s|_fuzz.cpp$||'))

work=$root/build/fuzz
mkdir -p "$work"
# `undefined` does not include the conversion of numbers that do not fit.
flags=(-std=c++17 -O1 -g1 -fsanitize=fuzzer,address,undefined,float-cast-overflow
       -fno-sanitize-recover=all "-I$root/include" "-I$root/tests")
clang++ "${flags[@]/fuzzer,/fuzzer-no-link,}" -c "$root/include/joulery/joulery_full.cpp" \
    -o "$work/joulery.o"
for target in "${targets[@]}"; do
    clang++ "${flags[@]}" -DJOULERY_FUZZER "$here/${target}_fuzz.cpp" "$work/joulery.o" \
        -o "$work/$target" -pthread -ldl
    mkdir -p "$work/$target.found"
    kept=$here/corpus/$target
    echo "== $target"
    (cd "$work" && "./$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 "$target.found" ${kept:+$([ -d "$kept" ] && echo "$kept")} \
        >"$target.log" 2>&1) || {
        tail -40 "$work/$target.log" >&2
        exit 1
    }
    grep -E 'number_of_executed_units|new_units_added' "$work/$target.log"
done
