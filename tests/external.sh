#!/usr/bin/env bash
# external.sh - opens the reports in the tools they are made for: a browser, promtool, speedscope,
# Chrome's trace viewer, OpenTelemetry's definitions, other parsers, MPI. Installs those tools
# (Debian, npm).
# usage: tests/external.sh [KEEP]     KEEP: a folder for the pictures it takes
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
. "$root/examples/install_missing.sh"

work=$root/build/external
mkdir -p "$work"
pictures=${1:-$work/pictures}
mkdir -p "$pictures"

works g++ --version || install_missing g++

# program NAME SOURCE [COMPILER FLAG...]: the implementation is compiled once for all programs.
flags=(-std=c++17 -O1 "-I$root/include" "-I$here")
program() {
    "${3:-g++}" "${flags[@]}" "${@:4}" "$2" "$work/compiled.o" -o "$work/$1" -pthread -ldl
}
build_programs() {
    # tests/run.sh has compiled it with the same options, if it ran just before.
    local done=$root/build/tests-gcc/CMakeFiles/joulery_full.dir/include/joulery/joulery_full.cpp.o
    if [ -f "$done" ] && [ -z "$(find "$root/include" -newer "$done" -print -quit)" ]; then
        cp "$done" "$work/compiled.o"
    else
        g++ "${flags[@]}" -c "$root/include/joulery/joulery_full.cpp" -o "$work/compiled.o"
    fi
    program report "$root/examples/report.cpp"
    program german "$here/external/german.cpp"
    program hostile_writer "$here/external/hostile.cpp"
    program scopes "$root/examples/scopes.cpp"
    program footprint "$root/examples/footprint.cpp"
    program pages_writer "$here/external/pages.cpp"
}

install_tools() {
    local needed=(prometheus python3 python3-jsonschema python3-yaml python3-pandas cmark-gfm
                  golang-src libcpp-httplib-dev)  # Go's for the trace viewer in it
    works mpirun --version && works mpicxx --version || needed+=(openmpi-bin libopenmpi-dev)
    works chromium --version || needed+=(chromium fonts-dejavu-core)
    works npm --version || needed+=(nodejs npm)
    works localedef --version && [ -f /usr/share/i18n/locales/de_DE ] || needed+=(locales)
    install_missing "${needed[@]}"
    (cd "$work" && [ -d node_modules/playwright-core ] && [ -d node_modules/speedscope ] &&
        [ -d node_modules/@opentelemetry/otlp-transformer ] &&
        [ -d node_modules/@paulirish/trace_engine ] && [ -d node_modules/axe-core ]) || (
        cd "$work"
        echo '{"private": true}' >package.json
        PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --silent --no-audit --no-fund \
            playwright-core@1.50.1 speedscope@1 @opentelemetry/otlp-transformer@0.53.0 \
            @paulirish/trace_engine@0.0.65 axe-core@4
    )
}

# Compiling needs the processor and installing the network, so they run in parallel.
(set -e; build_programs) >"$work/programs.log" 2>&1 &
builder=$!
install_tools
wait "$builder" || { cat "$work/programs.log" >&2 && exit 1; }
export NODE_PATH=$work/node_modules
# With its own implementation, as the other one has no metrics; compiled meanwhile.
g++ "${flags[@]}" -DJOULERY_IMPLEMENTATION "$root/examples/serve.cpp" -o "$work/serve" \
    -lcpp-httplib -pthread -ldl >"$work/serve.log" 2>&1 &
builder=$!

echo "== the example converts a report to every format, byte for byte like the golden files"
golden=$here/report/golden
for ending in json csv md html prom folded speedscope.json trace.json otlp.json junit.xml txt \
    emissions.csv card.yaml annex.md sci.json; do
    "$work/report" -o "$work/full.$ending" "$golden/full.json"
    cmp "$work/full.$ending" "$golden/full.$ending"
done

mkdir -p "$work/locales"
[ -d "$work/locales/de_DE.UTF-8" ] ||
    localedef -i de_DE -f UTF-8 "$work/locales/de_DE.UTF-8" >/dev/null 2>&1 || true
LOCPATH=$work/locales "$work/german" de_DE.UTF-8 "$golden"

echo "== independent parsers"
schema=$work/node_modules/speedscope/dist/release/file-format-schema.json
/usr/bin/python3 "$here/external/formats.py" "$work" "$schema"
findings=$(promtool check metrics <"$work/full.prom" 2>&1) || { echo "$findings" && exit 1; }
[ -z "$findings" ] || { echo "promtool: $findings" && exit 1; }
echo "passed: promtool has no complaints"

rm -rf "$work/recorded" && mkdir -p "$work/recorded"
(cd "$work/recorded" && JOULERY_REPORT=run.csv,run.jsonl JOULERY_CHECKPOINT=100ms "$work/scopes" >/dev/null)
/usr/bin/python3 "$here/external/data_frames.py" "$root/examples" "$work/full.csv" \
    "$work/recorded/run.csv" "$work/recorded/run.jsonl"

hostile=$work/hostile
rm -rf "$hostile" && mkdir -p "$hostile"
"$work/hostile_writer" "$hostile" 40
/usr/bin/python3 "$here/external/hostile_formats.py" "$hostile" 40 "$schema" \
    "$root/include/joulery/writers/report.schema.json"
node "$here/external/otlp_metrics.js" "$work/full.otlp.json" "$hostile"/*.otlp.json

(cd "$work/recorded" && JOULERY_REPORT=run.trace.json "$work/scopes" >/dev/null)
node "$here/external/trace_engine.js" "$golden/full.json" "$work/full.trace.json" \
    "$work/recorded/run.trace.json" "$hostile"/*.trace.json

echo "== a browser"
node "$here/external/html_report.js" "$work/full.html" "$pictures"
node "$here/external/hostile_pages.js" "$hostile" 40
mkdir -p "$work/pages"
"$work/pages_writer" "$work/pages"
node "$here/external/looked_at.js" "$work/pages" "$pictures"
node "$here/external/flame_graphs.js" "$pictures" "$work/full.speedscope.json" "$work/full.folded" \
    "$work/full.trace.json"
viewer=$(find /usr/share/ -path '*/go-*' -name trace_viewer_full.html | head -n 1)
node "$here/external/chrome_tracing.js" "$(dirname "$viewer")" "$pictures" "$golden/full.json" \
    "$work/full.trace.json" "$work/recorded/run.trace.json" "$hostile"/*.trace.json

echo "== a server that Prometheus scrapes"
wait "$builder" || { cat "$work/serve.log" >&2 && exit 1; }
python3 "$here/external/served_metrics.py" "$work/serve" "$root/examples/grafana/joulery.json" "$work"

echo "== many reports: 2,000 of 100 scopes from 500 machines"
/usr/bin/python3 "$here/external/many_reports.py" "$golden/full.json" "$work/many" 2000
(cd "$work/many" && /usr/bin/python3 "$here/external/measured.py" 150 "$work/report" --top 1 *.json)
rm -rf "$work/many"

echo "== ten million rows of an intensity series, in bounded memory"
/usr/bin/python3 "$here/external/long_series.py" 10000000 |
    /usr/bin/python3 "$here/external/measured.py" 64 "$work/footprint" --kwh 1 --series /dev/stdin

if [ -f "$root/include/joulery/integration/mpi.hpp" ]; then
    echo "== MPI: four ranks on one machine count its energy once"
    program mpi_ranks "$here/external/mpi_ranks.cpp" mpicxx -DOMPI_SKIP_MPICXX
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        mpirun --oversubscribe -np 4 "$work/mpi_ranks"
fi
echo "all external tools agree"
