#!/usr/bin/env bash
# train_digits.sh - installs what is missing, builds the trainer, trains, prints what it cost.
# usage: examples/train_digits.sh [--epochs N] [--threads N] [--data FILE]
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
build=$root/build/examples
. "$here/install_missing.sh"

needed=()
works c++ --version || works g++ --version || works clang++ --version || needed+=(g++)
works cmake --version || needed+=(cmake)
works ninja --version || works make --version || needed+=(make)
[ ${#needed[@]} -eq 0 ] || install_missing "${needed[@]}"

mkdir -p "$root/build"
configure "$root" "$build" -DCMAKE_BUILD_TYPE=Release -DJOULERY_BUILD_TESTS=OFF \
    -DJOULERY_BUILD_EXAMPLES=ON
echo "building the trainer and the library in it, in $build (the first time a minute or two)" >&2
cmake --build "$build" --target train_digits >"$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }
exec "$build/examples/train_digits" --data "$here/data/digits.csv" "$@"
