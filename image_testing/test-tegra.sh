#!/usr/bin/env bash
# Tests a built Jetson image from inside, on a Jetson: its checks are manual, because the libraries of
# the GPU come from the device. On any other machine the whole suite is skipped with its reason.
#   image_testing/test-tegra.sh IMAGE [--junit FILE]
set -euo pipefail

# shellcheck disable=SC2034 # read by suite.sh
readonly SUITE=test-tegra IMAGE_FOLDER=base_edge_node_arm64_tegra IMAGE_ARCHITECTURE=arm64 IMAGE_WORKDIR=/exe_eng_base
# shellcheck disable=SC2034 # read by suite.sh
readonly SKIPPED_AS='manual on a Jetson: '
# shellcheck source=image_testing/suite.sh
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"

# What engines say that have no runtime of that name. Whatever else stops one is a failure.
readonly NO_RUNTIME='unknown or invalid runtime name|unknown runtime specified'

prepare() {
  why_not=''
  if docker run --rm -e EE_DD=false --runtime nvidia "$image" true > /dev/null 2> "$work/runtime"; then
    ENGINE_OPTIONS=(--runtime nvidia -e BASEIMAGES_GPU=present)
  elif grep -Eq "$NO_RUNTIME" "$work/runtime"; then
    skip_all runtime 'the engine has no runtime nvidia'
  else
    # The last line that names a cause; the first only says that a hook failed.
    why_not=$(grep -E 'nvidia-container-cli|requirement error|[Ee]rror' "$work/runtime" | tail -n 1)
    printf 'the runtime nvidia starts no container: %s\n' "${why_not:=the engine gave no reason}" >&2
  fi
}

ask_more() {
  outcome 'the runtime nvidia starts a container' 'yes' "${why_not:-yes}"
}

run_suite "$@"
