#!/usr/bin/env bash
# Tests a built arm64 CPU image from inside; needs nothing but the image and a container engine. On
# an arm64 machine everything is asked. Elsewhere, where arm64 is emulated, as the processor of the
# Raspberry Pi 4 and without what emulation cannot tell; and nothing where it is not.
#   image_testing/test-arm64-cpu.sh IMAGE [--junit FILE]
set -euo pipefail

# shellcheck disable=SC2034 # read by suite.sh
readonly SUITE=test-arm64-cpu IMAGE_FOLDER=base_edge_node_arm64_cpu IMAGE_ARCHITECTURE=arm64 IMAGE_WORKDIR=/exe_eng_base
# shellcheck disable=SC2034 # read by suite.sh
readonly IMAGE_PROCESSOR=cortex-a72
# shellcheck source=image_testing/suite.sh
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"
run_suite "$@"
