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
for table in "$root"/include/joulery/carbon/tables/*.hpp; do
    echo "#include <joulery/carbon/tables/$(basename "$table")>"
done >"$work/tables.cpp"

milliseconds() {
    local TIMEFORMAT='%U %S'
    { time "$compiler" -std=c++17 -O2 -I"$root/include" -c "$1" -o /dev/null; } 2>&1 |
        awk '{ printf "%d\n", ($1 + $2) * 1000 }'
}
for _ in $(seq "$rounds"); do
    for name in empty scope umbrella tables; do
        milliseconds "$work/$name.cpp" >>"$work/$name.ms"
    done
done
median() { sort -n "$work/$1.ms" | sed -n "$(((rounds + 1) / 2))p"; }

echo "| include | over an empty file | budget |"
echo "|---|---|---|"
echo "| joulery/scope.hpp | $(($(median scope) - $(median empty))) ms | <= 150 ms |"
echo "| joulery/joulery.hpp | $(($(median umbrella) - $(median empty))) ms | <= 900 ms |"
echo "| joulery/carbon/tables, all | $(($(median tables) - $(median empty))) ms | <= 100 ms |"
echo "tables that scope.hpp includes: $("$compiler" -std=c++17 -I"$root/include" -M "$work/scope.cpp" |
    grep -c carbon/tables || true)"
"$compiler" --version | head -1
