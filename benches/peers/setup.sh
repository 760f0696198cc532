#!/usr/bin/env bash
# Makes the Python environment of the peers in $PEERS (~/ocelli-peers if unset); running it again repairs it.
# Arguments go to pip: where an index holds PyTorch built without CUDA, `--extra-index-url URL` saves 4 GB.
# PYTHON names the interpreter to use (3.11 to 3.13), python3 if unset.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=${PEERS:-$HOME/ocelli-peers}

"${PYTHON:-python3}" -m venv "$peers"
"$peers/bin/python" -m pip install --disable-pip-version-check --requirement "$here/requirements.txt" "$@"

for module in numpy torch torchvision PIL onnx onnxruntime keras pycocotools; do
    TF_CPP_MIN_LOG_LEVEL=3 "$peers/bin/python" -c "import $module; print('$module', getattr($module, '__version__', ''))" || {
        echo "$peers: Python cannot import $module (see above). A missing lib*.so of CUDA means that PyTorch came without" \
            "its nvidia packages: run this again, or give it an index that has PyTorch for the CPU alone." >&2
        exit 1
    }
done
echo "The peers are ready in $peers."
