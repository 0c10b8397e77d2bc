#!/usr/bin/env bash
# Tests a built CPU image from inside; needs nothing but the image and a container engine.
#   image_testing/test-cpu.sh IMAGE [--junit FILE]
set -euo pipefail

# shellcheck disable=SC2034 # read by suite.sh
readonly SUITE=test-cpu IMAGE_FOLDER=base_edge_node_amd64_cpu IMAGE_ARCHITECTURE=amd64 IMAGE_WORKDIR=/exe_eng_base
# shellcheck source=image_testing/suite.sh
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"
run_suite "$@"
