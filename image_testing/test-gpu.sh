#!/usr/bin/env bash
# Tests a built GPU image from inside; needs nothing but the image and a container engine. Where the
# engine hands a GPU over (`--gpus all`) every check has to run on it; elsewhere the checks that need
# one are listed as skipped.
#   image_testing/test-gpu.sh IMAGE [--junit FILE]
set -euo pipefail

# shellcheck disable=SC2034 # read by suite.sh
readonly SUITE=test-gpu IMAGE_FOLDER=base_edge_node_amd64_gpu IMAGE_ARCHITECTURE=amd64
# shellcheck source=image_testing/suite.sh
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"

prepare() {
  if docker run --rm -e EE_DD=false --gpus all "$image" true > /dev/null 2> "$work/gpu"; then
    ENGINE_OPTIONS=(--gpus all -e BASEIMAGES_GPU=present)
  else
    printf 'no GPU for containers here: %s\n' "$(grep -m 1 . "$work/gpu" || echo 'the engine gave no reason')" >&2
  fi
}

# A container in the container: the engine inside describes the GPU (CDI) and hands it on.
ask_more() {
  [[ ${#ENGINE_OPTIONS[@]} -gt 0 && $(< "$work/labels.json") == *'"io.baseimages.container-toolkit":"1"'* ]] || return 0
  outcome 'a nested container sees the GPU' 'seen' \
    "$(docker run --rm --privileged --gpus all -e EE_DD=1 "$image" bash -c '
      nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml &&
      tar -C / -c bin lib lib64 sbin usr/bin/bash usr/bin/ls usr/lib/x86_64-linux-gnu | docker import - probe &&
      docker run --rm --device nvidia.com/gpu=all probe nvidia-smi -L | grep -q "^GPU 0" && echo seen' 2> /dev/null | tail -n 1)"
}

run_suite "$@"
