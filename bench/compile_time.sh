#!/usr/bin/env bash
# compile_time.sh - what an #include costs a build, in milliseconds over an empty file at -O2.
# SPDX-License-Identifier: MIT
# usage: compile_time.sh [COMPILER [ROUNDS]]
# Processor time (user + system) of the compiler, the median of the rounds, the files in turn.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
compiler=${1:-c++} rounds=${2:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo >"$work/empty.cpp"
echo '#include <joulery/scope.hpp>' >"$work/scope.cpp"
echo '#include <joulery/joulery.hpp>' >"$work/umbrella.cpp"

milliseconds() {
    local TIMEFORMAT='%U %S'
    { time "$compiler" -std=c++17 -O2 -I"$root/include" -c "$1" -o /dev/null; } 2>&1 |
        awk '{ printf "%d\n", ($1 + $2) * 1000 }'
}
for _ in $(seq "$rounds"); do
    for name in empty scope umbrella; do
        milliseconds "$work/$name.cpp" >>"$work/$name.ms"
    done
done
median() { sort -n "$work/$1.ms" | sed -n "$(((rounds + 1) / 2))p"; }

echo "| include | over an empty file | budget |"
echo "|---|---|---|"
echo "| joulery/scope.hpp | $(($(median scope) - $(median empty))) ms | <= 150 ms |"
echo "| joulery/joulery.hpp | $(($(median umbrella) - $(median empty))) ms | <= 900 ms |"
"$compiler" --version | head -1
