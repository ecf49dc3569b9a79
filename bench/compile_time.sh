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
for table in "$root"/include/joulery/detail/carbon/tables/*.hpp; do
    echo "#include <joulery/detail/carbon/tables/$(basename "$table")>"
done >"$work/tables.cpp"
cp "$root/examples/hello.cpp" "$work/program.cpp"
cp "$root/include/joulery/joulery.cpp" "$work/joulery.cpp"

milliseconds() {
    local TIMEFORMAT='%U %S'
    { time "$compiler" -std=c++17 -O2 -I"$root/include" "${@:2}" -c "$work/$1.cpp" -o /dev/null; } \
        2>&1 | awk '{ printf "%d\n", ($1 + $2) * 1000 }' >>"$work/$1.ms"
}
for _ in $(seq "$rounds"); do
    for name in empty scope tables umbrella program joulery; do milliseconds "$name"; done
done
row() {
    local over=$(($(sort -n "$work/$2.ms" | sed -n "$(((rounds + 1) / 2))p") -
                  $(sort -n "$work/empty.ms" | sed -n "$(((rounds + 1) / 2))p")))
    echo "| $1 | $over ms | $3 |"
}

echo "| file | over an empty one | budget |"
echo "|---|---|---|"
row "#include joulery/scope.hpp" scope "<= 150 ms"
row "#include joulery/joulery.hpp" umbrella "<= 900 ms"
row "#include joulery/detail/carbon/tables, all" tables "<= 100 ms"
row "hello.cpp" program "-"
row "joulery.cpp, once a program" joulery "-"
echo "tables that scope.hpp includes: $("$compiler" -std=c++17 -I"$root/include" -M "$work/scope.cpp" |
    grep -c carbon/tables || true)"
"$compiler" --version | head -1
