#!/bin/sh
# Makes one file with two names of what the archive's git ships twice, on the PATH and in a folder of
# its own, in the step that installed it: above its layer a link was a third copy.
#   link-git.sh [ROOT]     ROOT is the tree of another image, this one if it is left out
set -eu
cd "${1:-/}"
for name in git git-shell scalar; do
  if cmp -s "usr/bin/$name" "usr/lib/git-core/$name"; then ln -f "usr/bin/$name" "usr/lib/git-core/$name"; fi
done
