#!/usr/bin/env bash
# compile_time.sh - compile time of files that use the library, compared with other libraries.
# SPDX-License-Identifier: MIT
# usage: compile_time.sh [COMPILER [ROUNDS]]
# User time of the compiler at -O2, median of the rounds, the files in turns, so that what slows
# one slows all. The others come from Debian: libspdlog-dev nlohmann-json3-dev doctest-dev libeigen3-dev.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
compiler=${1:-c++} rounds=${2:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# file NAME [HEADER] < SOURCE: skipped if HEADER is not installed.
names=()
file() {
    cat >"$work/$1.cpp"
    if [ $# -eq 1 ] || echo "#include <$2>" |
        "$compiler" -std=c++17 -E -I/usr/include/eigen3 -x c++ - >/dev/null 2>&1; then
        names+=("$1")
    fi
}
file iostream <<'C++'
#include <iostream>
int main() { std::cout << "hello\n"; }
C++
file scope <<'C++'
#include <joulery/scope.hpp>
int main() { joulery::scope s{"hello"}; }
C++
file nlohmann nlohmann/json.hpp <<'C++'
#include <iostream>
#include <nlohmann/json.hpp>
int main() { std::cout << nlohmann::json::parse("{\"hello\": [1, 2]}").dump(2); }
C++
file hello <"$root/examples/hello.cpp"
file doctest doctest/doctest.h <<'C++'
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
TEST_CASE("hello") { CHECK(1 + 1 == 2); }
C++
file eigen Eigen/Dense <<'C++'
#include <Eigen/Dense>
#include <iostream>
int main() { std::cout << Eigen::MatrixXd::Random(4, 4).colPivHouseholderQr().solve(Eigen::VectorXd::Ones(4)); }
C++
file spdlog spdlog/spdlog.h <<'C++'
#include <spdlog/spdlog.h>
int main() { spdlog::info("hello {}", 42); }
C++
file joulery <"$root/include/joulery/joulery.cpp"
file joulery_full <"$root/include/joulery/joulery_full.cpp"

for _ in $(seq "$rounds"); do
    for name in "${names[@]}"; do
        TIMEFORMAT=%U
        { time "$compiler" -std=c++17 -O2 -I"$root/include" -I/usr/include/eigen3 \
            -c "$work/$name.cpp" -o /dev/null; } 2>>"$work/$name.seconds"
    done
done
median() {
    [ -f "$work/$1.seconds" ] && sort -n "$work/$1.seconds" | sed -n "$(((rounds + 1) / 2))p"
}
# row TEXT NAME [OTHER BUDGET]: the time, and its ratio to another.
row() {
    local own other
    own=$(median "$2") || return 0
    if [ $# -eq 2 ]; then
        echo "| $1 | $own s | |"
    elif other=$(median "$3"); then
        awk -v text="$1" -v a="$own" -v b="$other" -v of="$3" -v most="$4" 'BEGIN {
            printf "| %s | %s s | %.2f x %s, budget %s x%s |\n", text, a, a / b, of, most,
                   (a / b > most + 0 ? ", **over**" : "") }'
    else
        echo "| $1 | $own s | budget $4 x $3, which is not installed |"
    fi
}
echo "| file | user time, -O2, median of $rounds | |"
echo "|---|---|---|"
row "\`<iostream>\`, hello" iostream
row "\`<joulery/scope.hpp>\`, a scope" scope iostream 1
row "nlohmann/json, parse and dump" nlohmann
row "\`<joulery/joulery.hpp>\`, examples/hello.cpp" hello nlohmann 0.4
row "doctest with its main" doctest
row "Eigen, a dense solve" eigen
row "spdlog header-only, hello" spdlog
row "joulery.cpp, the bodies, once a program" joulery spdlog 2
row "joulery_full.cpp, once a program that uses it" joulery_full spdlog 2
echo
"$compiler" --version | head -1
