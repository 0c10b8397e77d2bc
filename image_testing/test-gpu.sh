#!/usr/bin/env bash
# Tests a built GPU image from inside; needs nothing but the image and a container engine. Where the
# engine hands a GPU over (`--gpus all`) every check has to run on it; elsewhere the checks that need
# one are listed as skipped.
#   image_testing/test-gpu.sh IMAGE [--junit FILE]
set -euo pipefail

# shellcheck disable=SC2034 # read by suite.sh
readonly SUITE=test-gpu IMAGE_FOLDER=base_edge_node_amd64_gpu IMAGE_ARCHITECTURE=amd64 IMAGE_WORKDIR=/ai_edge_node
# shellcheck source=image_testing/suite.sh
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"

# What engines say where there is no GPU for containers at all. Whatever else stops one, an old
# driver above all, is a failure.
readonly NO_GPU='could not select device driver|no known GPU vendor'

prepare() {
  why_not=''
  if docker run --rm -e EE_DD=false --gpus all "$image" true > /dev/null 2> "$work/gpu"; then
    ENGINE_OPTIONS=(--gpus all -e BASEIMAGES_GPU=present)
  else
    # The last line that names a cause; the first only says that a hook failed.
    why_not=$(grep -E 'nvidia-container-cli|requirement error|[Ee]rror' "$work/gpu" | tail -n 1)
    printf 'no GPU for containers here: %s\n' "${why_not:=the engine gave no reason}" >&2
  fi
}

ask_more() {
  ask_for_gpu
  ask_for_nested_gpu
}

ask_for_gpu() {
  if [[ $why_not =~ $NO_GPU ]]; then
    omit 'a container gets the GPU' "$why_not"
  else
    outcome 'a container gets the GPU' 'yes' "${why_not:-yes}"
  fi
}

# A container in the container: the engine inside has the GPU described (CDI) and hands it on.
ask_for_nested_gpu() {
  local name='a nested container sees the GPU'
  if [[ $(< "$work/labels.json") != *'"io.baseimages.container-toolkit":"1"'* ]]; then
    omit "$name" 'built with WITH_CONTAINER_TOOLKIT=0'
  elif [[ -n $why_not ]]; then
    omit "$name" 'no GPU was handed to the container'
  else
    outcome "$name" 'seen' "$(docker run --rm --privileged --gpus all -e EE_DD=1 "$image" bash -c "$MAKE_PROBE
      nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml && make_probe /usr/bin/nvidia-smi &&
      docker run --rm --device nvidia.com/gpu=all probe /usr/bin/nvidia-smi -L | grep -q '^GPU 0' && echo seen" \
      2> "$work/nested" || tail -n 3 "$work/nested")"
  fi
}

run_suite "$@"
