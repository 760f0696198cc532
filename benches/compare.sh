#!/usr/bin/env bash
# Measures Ocelli beside PyTorch, torchvision, ONNX Runtime and pycocotools (in $PEERS, ~/ocelli-peers if unset), alternating, two threads each.
# Usage: bash benches/compare.sh [REGEX], where REGEX picks workloads by name.
# Rows that read real data need it in $OCELLI_DATA (../shared/data if unset), and are skipped without.
# Prints `workload<TAB>ours_ms<TAB>peer<TAB>peer_ms<TAB>ratio<TAB>target` for each, and writes benches/RESULTS.md.
set -euo pipefail
benches=$(cd "$(dirname "$0")" && pwd)
python=${PEERS:-$HOME/ocelli-peers}/bin/python

if ! "$python" -c "import torch, torchvision, PIL, onnxruntime, pycocotools" 2>/dev/null; then
    echo "PyTorch, torchvision, Pillow, ONNX Runtime and pycocotools are not all in ${PEERS:-$HOME/ocelli-peers}: run PEERS=DIR bash benches/peers/setup.sh first" >&2
    exit 1
fi
cd "$benches/.."
# In one call: apart, each would build the kernels with features of its own.
cargo build --release --locked --package ocelli-benches --package ocelli-examples --bins --example predict_digit >&2
"$python" "$benches/peers/export.py" >&2
exec "$python" "$benches/peers/compare.py" --binaries "${CARGO_TARGET_DIR:-target}/release" "$@"
