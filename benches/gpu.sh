#!/usr/bin/env bash
# Measures Ocelli on the first graphics adapter beside PyTorch's CUDA (where there is one), in turn, and writes benches/GPU.md, anew after
# each row.
# Usage: bash benches/gpu.sh [REGEX], where REGEX picks workloads by name. All take about six minutes; --row-seconds bounds each row and
# --seconds all of them (gpu.sh --help). Exits with 1 if there is no row.
# PYTHON names the interpreter that has torch and torchvision (python3 if unset); BINARIES a directory with `workloads` and
# `examples/devices`, for machines without cargo (else they are built here). Without torch, or where it fails, ours is measured alone.
# A driver that computes on the processor (llvmpipe, where that of the graphics processor is missing) is refused, as its rows take
# hours and say nothing; OCELLI_BENCH_SOFTWARE=1 measures it nevertheless.
set -euo pipefail
benches=$(cd "$(dirname "$0")" && pwd)
cd "$benches/.."
if [ -z "${BINARIES:-}" ]; then
    cargo build --release --locked --package ocelli-benches --package ocelli-examples --bin workloads --example devices >&2
    BINARIES=${CARGO_TARGET_DIR:-target}/release
fi
exec "${PYTHON:-python3}" "$benches/peers/gpu.py" --binaries "$BINARIES" "$@"
