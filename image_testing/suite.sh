#!/usr/bin/env bash
# What the suites of all images share; sourced by test-<variant>.sh, which sets
#   SUITE               its own name
#   IMAGE_FOLDER        the folder of the image's locks
#   IMAGE_ARCHITECTURE  amd64 or arm64
#   IMAGE_WORKDIR       the legacy image's, where those on top of it put their files
#   IMAGE_PROCESSOR     the least that an arm64 image has to run on, as qemu names it; without it
#                       nothing is emulated
# and may set SKIPPED_AS, words before the reason of a suite that is skipped, and define prepare,
# which may set ENGINE_OPTIONS, an array of options for the container that the checks run in, and
# ask_more, which asks the image from outside with `outcome` and `omit`.
# Exit 0: every check passed or was skipped with its reason; 1: a check failed; 2: wrong words or
# no engine. Nothing is mounted: the checks travel by standard input, so a remote engine will do.

SUITE_FOLDER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly SUITE_FOLDER
ENGINE_OPTIONS=()
EMULATED='' # the processor that is emulated, where the image cannot run on the engine's own

stop() {
  printf '%s: %s\n' "$SUITE" "$*" >&2
  exit 2
}

# With SUITE_CONTAINERS, a folder, each container's id is left there before it starts: whoever
# watches the suite's containers from outside knows them by it.
docker() {
  if [[ -n ${SUITE_CONTAINERS:-} && ($1 == run || $1 == create) ]]; then
    command docker "$1" --cidfile "$(mktemp -u "$SUITE_CONTAINERS/XXXXXXXXXX")" "${@:2}"
  else
    command docker "$@"
  fi
}

read_words() { # the suite's own words; sets image and junit
  image='' junit=''
  while (($#)); do
    case $1 in
      --junit)
        (($# > 1)) || stop "--junit needs a file"
        junit=$2
        shift
        ;;
      -*) stop "unknown option $1; usage: $SUITE.sh IMAGE [--junit FILE]" ;;
      *) image=$1 ;;
    esac
    shift
  done
  [[ -n $image ]] || stop "no image; usage: $SUITE.sh IMAGE [--junit FILE]"
}

check_engine() { # an engine that answers, has the image, and runs its architecture
  type -P docker > /dev/null || stop "no docker client on PATH; run ./bootstrap.sh"
  # `docker info --format` exits 0 without a daemon: an empty answer is what tells.
  local engine
  engine=$(docker info --format '{{.Architecture}}' 2> /dev/null || true)
  case $engine in
    x86_64 | amd64) engine=amd64 ;;
    aarch64 | arm64) engine=arm64 ;;
    *) stop "no container engine answers; start it, or run ./bootstrap.sh" ;;
  esac
  docker image inspect "$image" > /dev/null 2>&1 || stop "no image $image in the engine; build it first"
  [[ $engine == "$IMAGE_ARCHITECTURE" ]] || emulate "$engine"
}

# Another architecture is run where this host emulates it, as the least processor that the image is
# for: what needs more dies there of an illegal instruction.
emulate() {
  local reason
  reason="the image is for $IMAGE_ARCHITECTURE, the engine runs $1, the client $(uname -m)"
  [[ -n ${IMAGE_PROCESSOR:-} ]] || skip_all architecture "$reason"
  docker run --rm -e EE_DD=false "$image" true > /dev/null 2>&1 ||
    skip_all architecture "$reason, and nothing emulates (./bootstrap.sh --with-emulation)"
  EMULATED=$IMAGE_PROCESSOR
  ENGINE_OPTIONS+=(-e "QEMU_CPU=$EMULATED" -e "BASEIMAGES_EMULATED=$EMULATED")
  printf 'emulated as %s: the engine runs %s\n' "$EMULATED" "$1"
}

skip_all() { # NAME REASON: the whole suite, because it cannot run on this machine
  local reason="${SKIPPED_AS:-}$2"
  printf 'skipped: %s\n' "$reason"
  if [[ -n $junit ]]; then
    printf '<testsuite name="%s" tests="1" skipped="1"><testcase name="%s" time="0"><skipped message="%s"/></testcase></testsuite>\n' "$SUITE" "$1" "$reason" > "$junit"
  fi
  exit 0
}

# The entrypoint is asked from outside: what it does before and after the command is its contract.
outcome() { # NAME EXPECTED FOUND: one line for the runner inside
  printf '%s\t%s\t%s\n' "$1" "$2" "$(one_line "$3")"
}

omit() { # NAME REASON: one that is listed as skipped
  printf '%s\t%s\n' "$1" "$(one_line "$2")"
}

one_line() {
  tr '\t\n' '  ' <<< "$1" | sed 's/ *$//'
}

ask_from_outside() {
  outcome 'EE_DD=0 hands over exit code and output untouched' '37 a b' \
    "$(set +e; out=$(docker run --rm -e EE_DD=0 "$image" bash -c 'printf "%s" "$1"; exit 37' _ 'a b' 2> /dev/null); printf '%s %s' $? "$out")"
  outcome 'EE_DD=false starts no engine' 'none' \
    "$(docker run --rm -e EE_DD=false "$image" bash -c 'pgrep -x dockerd || ls /proc/[0-9]*/comm | xargs cat 2> /dev/null | grep -x dockerd || echo none' 2> /dev/null)"
  outcome 'no command is an error, not a daemon' '64' \
    "$(set +e; docker run --rm --entrypoint /usr/local/bin/entrypoint.sh "$image" > /dev/null 2>&1; printf %s $?)"
  outcome 'without privileges EE_DD=1 fails soon and says so' '69' \
    "$(set +e; docker run --rm -e EE_DD=1 "$image" true > /dev/null 2>&1; printf %s $?)"
  outcome 'WORKDIR' "$IMAGE_WORKDIR" "$(docker run --rm "$image" pwd 2> /dev/null)"
  ask_for_frugality
}

# A device that starts from flash: nothing runs that nobody asked for, and a start wears nothing.
ask_for_frugality() {
  outcome 'no service is started' 'cat tini' \
    "$(docker run --rm -e EE_DD=false "$image" bash -c 'cat /proc/[0-9]*/comm' 2> /dev/null | sort -u)"
  local container
  container=$(docker create -e EE_DD=false "$image" true 2> /dev/null)
  docker start --attach "$container" > /dev/null 2>&1 || true
  # the engine itself makes the mount point of the image's volume, which lies elsewhere
  outcome 'a start writes nothing' '' \
    "$(docker diff "$container" | grep -vxE 'C /var|C /var/lib|A /var/lib/docker' || true)"
  docker rm --volumes "$container" > /dev/null
  outcome 'runs on a read-only root, with logs in memory' 'runs' \
    "$(docker run --rm -e EE_DD=false --read-only --tmpfs /tmp --tmpfs /run --tmpfs /var/log "$image" \
      python -c 'print("runs")' 2> /dev/null)"
}

# Shell words for the container: the image `probe`, with what the given programs are linked with.
# shellcheck disable=SC2016 # expanded in the container
readonly MAKE_PROBE='make_probe() {
  tar -h -c /usr/bin/echo $(ldd /usr/bin/echo "$@" | grep -o "/[^ :]* (" | tr -d "(" | sort -u) 2> /dev/null |
    docker import - probe > /dev/null
}'

# The engine inside runs what there is without a network: a container of the image's own files.
ask_engine_inside() {
  local name='EE_DD=1 starts an engine that runs a container'
  if [[ -n $EMULATED ]]; then
    omit "$name" 'emulated: an engine needs the system calls of the real machine'
    return
  fi
  if ! docker run --rm --privileged -e EE_DD=0 "$image" true > /dev/null 2>&1; then
    omit "$name" 'the engine here starts no privileged container'
    return
  fi
  outcome "$name" 'inside' "$(docker run --rm --privileged -e EE_DD=1 "$image" bash -c "$MAKE_PROBE
    make_probe && docker run --rm probe /usr/bin/echo inside" 2> "$work/inside" || tail -n 3 "$work/inside")"
}

ask_more() { :; }

run_suite() { # WORD...: everything; ends the script
  read_words "$@"
  check_engine
  work=$(mktemp -d)
  answer=$(mktemp) # not in the folder: tar notices what appears while it reads
  trap 'rm -rf "$work" "$answer"' EXIT
  docker image inspect --format '{{json .Config.Labels}}' "$image" > "$work/labels.json"
  prepare
  { ask_from_outside; ask_engine_inside; ask_more; } > "$work/outside.tsv"
  mkdir "$work/locks"
  cp "$SUITE_FOLDER/promises.toml" "$SUITE_FOLDER"/checks/*.py "$work/"
  cp "$SUITE_FOLDER/../$IMAGE_FOLDER/"requirements*.txt "$work/locks/"
  local status=0
  tar -C "$work" -c . | docker run --rm -i -e EE_DD=false "${ENGINE_OPTIONS[@]}" "$image" bash -c '
    mkdir /tmp/checks && tar -x -C /tmp/checks && cd /tmp/checks &&
    { python -B runner.py "$1" >&2; code=$?; cat junit.xml; exit $code; }' _ "$SUITE" > "$answer" || status=$?
  [[ -z $junit || ! -s $answer ]] || cat "$answer" > "$junit"
  exit "$status"
}

prepare() { :; }
