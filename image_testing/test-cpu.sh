#!/usr/bin/env bash
# Tests a built CPU image from inside; needs nothing but the image and a container engine.
#   image_testing/test-cpu.sh IMAGE [--junit FILE]
# Exit 0: every check passed or was skipped with its reason; 1: a check failed; 2: wrong words or
# no engine. Nothing is mounted: the checks travel by standard input, so a remote engine will do.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE IMAGE_ARCHITECTURE=amd64

stop() {
  printf 'test-cpu: %s\n' "$*" >&2
  exit 2
}

image='' junit=''
while (($#)); do
  case $1 in
    --junit)
      (($# > 1)) || stop "--junit needs a file"
      junit=$2
      shift
      ;;
    -*) stop "unknown option $1; usage: test-cpu.sh IMAGE [--junit FILE]" ;;
    *) image=$1 ;;
  esac
  shift
done
[[ -n $image ]] || stop "no image; usage: test-cpu.sh IMAGE [--junit FILE]"
command -v docker > /dev/null || stop "no docker client on PATH; run ./bootstrap.sh"

# `docker info --format` exits 0 without a daemon: an empty answer is what tells.
engine=$(docker info --format '{{.Architecture}}' 2> /dev/null || true)
case $engine in
  x86_64 | amd64) engine=amd64 ;;
  aarch64 | arm64) engine=arm64 ;;
  *) stop "no container engine answers; start it, or run ./bootstrap.sh" ;;
esac
docker image inspect "$image" > /dev/null 2>&1 || stop "no image $image in the engine; build it first"

if [[ $engine != "$IMAGE_ARCHITECTURE" ]]; then
  printf 'skipped: the image is for %s, the engine runs %s, the client %s\n' "$IMAGE_ARCHITECTURE" "$engine" "$(uname -m)"
  if [[ -n $junit ]]; then
    printf '<testsuite name="test-cpu" tests="1" skipped="1"><testcase name="architecture" time="0"><skipped message="engine runs %s"/></testcase></testsuite>\n' "$engine" > "$junit"
  fi
  exit 0
fi

# The entrypoint is asked from outside: what it does before and after the command is its contract.
outcome() { # NAME EXPECTED FOUND: one line for the runner inside
  printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}
from_outside() {
  outcome 'EE_DD=0 hands over exit code and output untouched' '37 a b' \
    "$(set +e; out=$(docker run --rm -e EE_DD=0 "$image" bash -c 'printf "%s" "$1"; exit 37' _ 'a b' 2> /dev/null); printf '%s %s' $? "$out")"
  outcome 'EE_DD=false starts no engine' 'none' \
    "$(docker run --rm -e EE_DD=false "$image" bash -c 'pgrep -x dockerd || ls /proc/[0-9]*/comm | xargs cat 2> /dev/null | grep -x dockerd || echo none' 2> /dev/null)"
  outcome 'no command is an error, not a daemon' '64' \
    "$(set +e; docker run --rm --entrypoint /usr/local/bin/entrypoint.sh "$image" > /dev/null 2>&1; printf %s $?)"
  outcome 'without privileges EE_DD=1 fails soon and says so' '69' \
    "$(set +e; docker run --rm -e EE_DD=1 "$image" true > /dev/null 2>&1; printf %s $?)"
  outcome 'WORKDIR' '/exe_eng_base' "$(docker run --rm "$image" pwd 2> /dev/null)"
}

labels=$(docker image inspect --format '{{json .Config.Labels}}' "$image")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from_outside > "$work/outside.tsv"
printf '%s\n' "$labels" > "$work/labels.json"
mkdir "$work/locks"
cp "$HERE/promises.toml" "$HERE"/checks/*.py "$work/"
cp "$HERE/../base_edge_node_amd64_cpu/"requirements*.txt "$work/locks/"

status=0
tar -C "$work" -c . | docker run --rm -i -e EE_DD=false "$image" bash -c '
  mkdir /tmp/checks && tar -x -C /tmp/checks && cd /tmp/checks &&
  { python -B runner.py >&2; code=$?; cat junit.xml; exit $code; }' > "$work/junit.xml" || status=$?
[[ -z $junit || ! -s $work/junit.xml ]] || cp "$work/junit.xml" "$junit"
exit "$status"
