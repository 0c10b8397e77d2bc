#!/bin/sh
# Compiles the Python files of each layer's tree, natively: bytecode does not know machines.
#   compile_bytecode.sh TREES
# Unchecked: the files of a layer do not change, and a board need not look at their times.
set -eu
for tree in "$1"/*; do
  python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$tree" -p / "$tree"
done
