#!/usr/bin/env bash
# smoke.sh - a short run of every benchmark in a build's folder: they start, print and succeed.
# SPDX-License-Identifier: MIT
# usage: smoke.sh FOLDER
set -euo pipefail
folder=${1:?usage: smoke.sh FOLDER}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
ran=0
for source in "$here"/*.cpp; do
    program=$folder/$(basename "$source" .cpp)
    echo "-- $(basename "$program") --quick"
    timeout 300 "$program" --quick
    ran=$((ran + 1))
done
echo "-- $ran benchmarks ran"
