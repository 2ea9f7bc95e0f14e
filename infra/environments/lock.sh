#!/usr/bin/env bash
# Resolves every environment anew from its *.in and writes its lock; an input without a lock for CPU has a reason in it.
set -euo pipefail
cd "$(dirname "$0")"
UV_FIND_LINKS="$(pip config get global.find-links 2>/dev/null || true)"
export UV_FIND_LINKS
resolve() { ../../.envs/tools/bin/uv pip compile -q --python-version 3.11 --no-annotate --no-header "$@"; }
resolve core.in -o core.txt
resolve workers.in -o workers.txt
resolve sinks.in -o sinks.txt
resolve dev.in -o dev.txt
# CUDA builds of torchvision, torchaudio and torchcodec beside a CPU torch break `import transformers`.
resolve --excludes inference.cpu.excludes inference.cpu.in -o inference.cpu.txt
resolve --excludes sft.cpu.excludes sft.cpu.in -o sft.cpu.txt
resolve --excludes verl.cpu.excludes verl.cpu.in -o verl.cpu.txt
unset UV_FIND_LINKS  # a local CPU wheel must not win here
for name in inference sft; do
    resolve --python-platform x86_64-manylinux_2_28 "$name.cuda.in" -o "$name.cuda.txt"
done
# flash-attn comes as source alone: an hour and CUDA's compiler. Where it is not installed, nothing needs it (docs/verl.md).
resolve --python-platform x86_64-manylinux_2_28 --excludes verl.cuda.excludes verl.cuda.in -o verl.cuda.txt
