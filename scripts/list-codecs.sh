#!/bin/sh
# Prints a column of codecs.txt for a profile: FFmpeg's switches, or the packages to compile with
# or to load. A word a line, sorted, each once.
#   list-codecs.sh PROFILE switches|build|debian-13|ubuntu-24.04|jetpack-6
set -eu
profile=$1 column=$2
case $column in
  switches) number=1 ;;
  build) number=3 ;;
  debian-13) number=4 ;;
  ubuntu-24.04) number=5 ;;
  jetpack-6) number=6 ;;
  *) echo "unknown column $column: switches, build, debian-13, ubuntu-24.04 or jetpack-6" >&2; exit 1 ;;
esac
words=$(awk -v profile="$profile" -v number="$number" \
  '!/^#/ && index("," $2 ",", "," profile ",") && $number != "-" { print $number }' \
  "$(dirname "$0")/codecs.txt" | sort -u)
[ -n "$words" ] || { echo "unknown profile $profile: full or pi" >&2; exit 1; }
echo "$words"
