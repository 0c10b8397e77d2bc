#!/usr/bin/env bash
# Gives a built image its release tags, asked of the image itself.
#   retag_and_push.sh IMAGE [--dry-run] [--repository NAME]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./bootstrap.sh invoke tags --write "$@"
echo 'not pushed: publishing is not part of this release' >&2
