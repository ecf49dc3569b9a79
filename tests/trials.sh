#!/usr/bin/env bash
# trials.sh - other libraries, instrumented: dlib, oneDNN, libtorch, a trainer like fastText's;
# existing annotations: Kokkos, NVTX, libtorch's operators. Installs the libraries
# (Debian; libtorch alone is some 170 packages); run by hand, not part of the tests.
# usage: tests/trials.sh
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
. "$root/examples/install_missing.sh"
work=$root/build/trials
mkdir -p "$work"

works g++ --version || install_missing g++
works python3 --version || install_missing python3
packages=()
[ -f /usr/include/dlib/dnn.h ] || packages+=(libdlib-dev libblas-dev liblapack-dev)
[ -f /usr/include/dnnl.hpp ] || packages+=(libdnnl-dev)
[ -f /usr/include/trilinos/Kokkos_Core.hpp ] || packages+=(libtrilinos-kokkos-dev)
[ -f /usr/include/torch/csrc/api/include/torch/torch.h ] || packages+=(libtorch-dev)
[ ${#packages[@]} -eq 0 ] || install_missing "${packages[@]}"

echo "== added scopes: their effect, cost and report"
python3 "$here/trials/trials.py" "$root" "$work" g++
echo "== existing annotations"
nvtx=()  # NVIDIA's header is in no Debian package; CUDA brings it
for folder in /usr/local/cuda*/include ${NVTX_INCLUDE:-}; do
    if [ -f "$folder/nvtx3/nvToolsExt.h" ]; then nvtx=("$folder"); fi
done
python3 "$here/trials/trials.py" "$root" "$work" g++ tools "${nvtx[@]}"

echo "== libtorch: training on synthetic images, joules by layer and operator"
g++ -std=c++17 -O1 -w "-I$root/include" -I/usr/include/torch/csrc/api/include \
    "$root/examples/torch/train_synthetic.cpp" -o "$work/train" -ltorch -ltorch_cpu -lc10 -pthread -ldl
JOULERY_REPORT="$work/train.json" "$work/train" 30 >"$work/train.txt"
python3 - "$work/train.json" <<'CHECK'
import json, sys
report = json.load(open(sys.argv[1]))
rows = {row["path"]: row for row in report["scopes"]}
layers = ["step/forward/convolution", "step/forward/hidden", "step/forward/output"]
for path in ["step", "step/forward", "step/backward", "step/optimizer"] + layers:
    assert rows[path]["calls"] == 30, (path, rows.get(path))
assert rows["step"]["items"] == 30 * 64
assert any(path.startswith("step/forward/convolution/aten::") for path in rows)
sum_of_layers = sum(rows[path]["time_s"] for path in layers)
assert sum_of_layers <= rows["step/forward"]["time_s"] * 1.001
own = sum(row["self_j"] for row in rows.values()) + report["unscoped_j"]
assert abs(own - report["total_j"]) <= 1e-9 * report["total_j"], (own, report["total_j"])
print("passed: every layer has its joules, and they add up to the machine's")
CHECK
echo "== the cost of observing: the same training, alternating with JOULERY=off"
for _ in 1 2 3 4 5; do
    for switch in on off; do
        began=$(date +%s%N)
        JOULERY=$switch "$work/train" 30 >/dev/null
        echo "$switch $((($(date +%s%N) - began) / 1000000))"
    done
done >"$work/times.txt"
python3 - "$work/times.txt" <<'RATIO'
import statistics, sys
lines = [line.split() for line in open(sys.argv[1])]
on = [int(ms) for which, ms in lines if which == "on"]
off = [int(ms) for which, ms in lines if which == "off"]
ratios = [a / b for a, b in zip(on, off)]
print(f"on: {statistics.median(on)} ms, off: {statistics.median(off)} ms, "
      f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
RATIO
