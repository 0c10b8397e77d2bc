#!/usr/bin/env bash
# From a fresh machine to a working one; then hands over its arguments.
#
#   ./bootstrap.sh [--dry-run] [--no-engine] [--with-emulation] [COMMAND...]
#
#   --dry-run          say what would be done and stop
#   --no-engine        lint and ring 1 of the tests need no container engine: look for none
#   --with-emulation   let this machine's kernel run arm64 programs; building arm64 images needs it
#                      not, running them here does
#
# What it does, saying each: finds Python 3.11 to 3.14; finds or installs uv (by hash); makes the
# tool environment in .venv from tools/environment.txt (by hash); finds a container engine, starts
# one that is installed and not running, or, as root on Debian or Ubuntu, installs one. It never
# reconfigures or stops an engine that it did not start, and registers emulation only when told to.
set -euo pipefail

# Exit codes of its own; AGENTS.md has the table.
readonly EXIT_USAGE=20
readonly EXIT_PYTHON=21
readonly EXIT_CANNOT_INSTALL=22
readonly EXIT_ENGINE_START=23
readonly EXIT_VERIFICATION=24
readonly EXIT_NETWORK=25

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly ROOT VENV=$ROOT/.venv LOCK=$ROOT/tools/environment.txt
readonly PROBE_S=4 START_S=60
readonly ENGINE_LOG=${BASEIMAGES_ENGINE_LOG:-/var/log/dockerd.baseimages.log}
readonly APT_FOLDER=${BASEIMAGES_APT_FOLDER:-/etc/apt}
readonly DAEMON_CONFIG=${BASEIMAGES_DAEMON_CONFIG:-/etc/docker/daemon.json}
readonly BINFMT=${BASEIMAGES_BINFMT:-/proc/sys/fs/binfmt_misc}
readonly BINFMT_RULE=${BASEIMAGES_BINFMT_RULE:-/usr/lib/binfmt.d/qemu-aarch64.conf}
DRY_RUN='' WITH_ENGINE=1 WITH_EMULATION=''

say() { printf 'bootstrap: %s\n' "$*" >&2; }

fail() { # CODE MESSAGE: the message ends with the next step
  local code=$1
  shift
  say "$*"
  exit "$code"
}

run() { # every change to the machine goes through here, so that --dry-run can only tell it
  say "+ $*"
  [[ -n $DRY_RUN ]] || "$@"
}

is_root() { [[ ${BASEIMAGES_UID:-$EUID} -eq 0 ]]; }

within() { # SECONDS COMMAND...: macOS has no `timeout`; Python is there by then
  "$PYTHON" -c 'import subprocess, sys
try:
    sys.exit(subprocess.run(sys.argv[2:], timeout=float(sys.argv[1]), capture_output=True).returncode)
except subprocess.TimeoutExpired:
    sys.exit(124)
except OSError:
    sys.exit(127)' "$@"
}

# --- the tool environment ---------------------------------------------------------------------

find_python() {
  local name
  for name in "${BASEIMAGES_PYTHON:-python3}" python3.13 python3.12 python3.14 python3.11; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2> /dev/null; then
      PYTHON=$(command -v "$name")
      return
    fi
  done
  fail $EXIT_PYTHON "no Python 3.11 to 3.14 found; install python3 and run this again"
}

stamp() { # what the environment was made from
  "$PYTHON" -c 'import hashlib, sys
print(sys.version.split()[0], hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$LOCK"
}

install_venv_module() {
  "$PYTHON" -c 'import ensurepip' 2> /dev/null && return
  local package
  package=python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
  if is_root && command -v apt-get > /dev/null; then
    say "Python has no venv module: installing $package"
    run apt-get update -qq || fail $EXIT_NETWORK "the package archive does not answer; mend the network and run this again"
    run apt-get install -y --no-install-recommends "$package"
  else
    fail $EXIT_CANNOT_INSTALL "Python has no venv module; install the package $package and run this again"
  fi
}

make_environment() {
  local wanted
  wanted=$(stamp)
  if [[ -f $VENV/stamp && $(< "$VENV/stamp") == "$wanted" ]]; then
    say "tool environment is current: $VENV"
    return
  fi
  say "making the tool environment in $VENV from hash-locked requirements"
  install_venv_module
  run "$PYTHON" -m venv --clear "$VENV"
  if command -v uv > /dev/null && uv --version > /dev/null 2>&1; then
    say "uv found: $(uv --version)"
    run uv pip install --quiet --python "$VENV/bin/python" --require-hashes -r "$LOCK" ||
      fail $EXIT_VERIFICATION "the environment was not installed: a hash is wrong or the package index does not answer (above)"
  else
    # uv is one of the locked requirements: pip brings it by hash, and it brings the rest.
    say "uv not found: installing the locked one by hash"
    [[ -n $DRY_RUN ]] || awk '/^uv==/ { print; inside = 1; next } !/^ / { inside = 0 } inside' "$LOCK" > "$VENV/uv.txt"
    run "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$VENV/uv.txt" ||
      fail $EXIT_VERIFICATION "uv was not installed: its hash is wrong or the package index does not answer (above)"
    run "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" --require-hashes -r "$LOCK" ||
      fail $EXIT_VERIFICATION "the environment was not installed: a hash is wrong or the package index does not answer (above)"
  fi
  [[ -n $DRY_RUN ]] || printf '%s\n' "$wanted" > "$VENV/stamp"
}

# --- the container engine -----------------------------------------------------------------------

engine_answers() { # the exit code of `docker info` says little; a server version says all
  command -v docker > /dev/null || return 1
  within "$PROBE_S" docker version --format '{{.Server.Version}}'
}

find_engine() {
  if engine_answers; then
    say "container engine answers"
    check_features
    return
  fi
  if [[ -n ${DOCKER_HOST-} ]]; then
    fail $EXIT_ENGINE_START "DOCKER_HOST=$DOCKER_HOST does not answer; mend or unset it"
  fi
  if [[ $(uname -s) != Linux ]]; then
    fail $EXIT_CANNOT_INSTALL "no container engine answers; start Docker Desktop (or another engine) and run this again"
  fi
  command -v dockerd > /dev/null || install_engine
  start_engine
}

check_features() {
  within "$PROBE_S" docker buildx version ||
    fail $EXIT_CANNOT_INSTALL "the docker client has no buildx; install docker-buildx (Docker's own package: docker-buildx-plugin)"
  # Lint and tests do without it, so this is no refusal; a build refuses and names the cure.
  within "$PROBE_S" bash -c "docker info --format '{{json .DriverStatus}}' | grep -q io.containerd.snapshotter" ||
    say "its image store is not containerd's, which builds need: \`invoke doctor\` says how to switch it on"
}

release_of() { # ID or VERSION_CODENAME of this system
  sed -n "s/^$1=//p" "${BASEIMAGES_OS_RELEASE:-/etc/os-release}" | tr -d '"'
}

install_engine() {
  local id packages
  id=$(release_of ID)
  packages="docker.io docker-cli docker-buildx containerd runc iptables mmdebstrap"
  [[ $id != ubuntu ]] || packages="docker.io docker-buildx iptables mmdebstrap"
  if ! is_root; then
    fail $EXIT_CANNOT_INSTALL "no container engine, and only root can install one. As root: apt-get install --no-install-recommends $packages"
  fi
  case $id in
    ubuntu) install_from_archive "a container engine" "$packages" ;;
    debian) install_on_debian ;;
    *) fail $EXIT_CANNOT_INSTALL "no container engine, and this is neither Debian nor Ubuntu; install Docker with buildx (packages there: $packages), start it and run this again" ;;
  esac
  write_daemon_config
}

install_from_archive() { # WHAT PACKAGES: the packages are one word each
  local words
  read -ra words <<< "$2"
  say "installing $1 from the distribution: $2"
  run apt-get update -qq || fail $EXIT_NETWORK "the package archive does not answer; mend the network and run this again"
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${words[@]}"
}

# Debian's stable engines lack features that are used (BuildKit's layout exporter, rewritten
# timestamps); testing's engine needs nothing newer than an old C library.
install_on_debian() {
  local packages="docker.io/forky docker-cli/forky docker-buildx/forky containerd/forky"
  add_debian_testing "$packages"
  install_from_archive "a container engine" "$packages runc iptables mmdebstrap"
}

# Packages are taken from it by suite; the pin keeps everything else away from testing.
add_debian_testing() { # PACKAGES
  local mirror
  mirror=$(find_mirror)
  [[ -n $mirror ]] || fail $EXIT_CANNOT_INSTALL "no archive found in $APT_FOLDER; install $1 of Debian testing and run this again"
  say "adding Debian testing, pinned so that only what is named comes from it"
  if [[ -z $DRY_RUN ]]; then
    # The archive's copy of testing can be older than its own validity; signatures stay checked.
    printf 'deb [check-valid-until=no signed-by=%s] %s forky main\n' \
      /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" > "$APT_FOLDER/sources.list.d/baseimages-engine.list"
    printf 'Package: *\nPin: release n=forky\nPin-Priority: 50\n' > "$APT_FOLDER/preferences.d/baseimages-engine"
  fi
}

find_mirror() { # the archive that this machine itself uses
  cat "$APT_FOLDER"/sources.list.d/*.sources 2> /dev/null | sed -n 's/^URIs: *\([^ ]*\).*/\1/p' | head -n 1 | grep . ||
    sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' "$APT_FOLDER/sources.list" 2> /dev/null | head -n 1 || true
}

write_daemon_config() {
  if [[ -e $DAEMON_CONFIG ]]; then
    say "$DAEMON_CONFIG exists and is left as it is"
    return
  fi
  say "switching the containerd store on in $DAEMON_CONFIG"
  if [[ -z $DRY_RUN ]]; then
    mkdir -p "$(dirname "$DAEMON_CONFIG")"
    printf '{"features": {"containerd-snapshotter": true}}\n' > "$DAEMON_CONFIG"
  fi
}

clear_stale_state() { # what a killed engine left behind; never of a living one
  local run_folder=${BASEIMAGES_RUN_FOLDER:-/var/run} file pid
  for file in "$run_folder/docker.pid" "$run_folder/docker/containerd/containerd.pid"; do
    [[ -f $file ]] || continue
    pid=$(< "$file")
    if [[ $pid =~ ^[0-9]+$ && $(cat "/proc/$pid/comm" 2> /dev/null) =~ ^(dockerd|containerd)$ ]]; then
      continue
    fi
    say "removing the stale $file"
    run rm -f "$file"
  done
  if [[ -S $run_folder/docker.sock ]] && ! pgrep -x dockerd > /dev/null; then
    say "removing the stale $run_folder/docker.sock"
    run rm -f "$run_folder/docker.sock"
  fi
}

start_engine() {
  is_root || fail $EXIT_CANNOT_INSTALL "the container engine is installed and not running; as root: systemctl start docker (or dockerd)"
  clear_stale_state
  if [[ -d ${BASEIMAGES_SYSTEMD:-/run/systemd/system} ]]; then
    say "starting the container engine with systemd"
    run systemctl start docker || true
  else
    say "starting the container engine; its log is $ENGINE_LOG"
    # Not behind a `||`: the subshell of such a list would live on and hold our output open.
    if [[ -z $DRY_RUN ]]; then
      setsid dockerd > "$ENGINE_LOG" 2>&1 < /dev/null &
    fi
  fi
  [[ -z $DRY_RUN ]] || return 0
  local limit=$((SECONDS + ${BASEIMAGES_START_S:-$START_S}))
  until engine_answers; do
    if ((SECONDS >= limit)); then
      tail -n 15 "$ENGINE_LOG" >&2 2> /dev/null || true
      fail $EXIT_ENGINE_START "the container engine did not start; its last words are above"
    fi
    sleep 0.3
  done
  say "container engine started"
  check_features
}

# --- emulation of arm64 -----------------------------------------------------------------------

emulates_arm64() { [[ $(head -n 1 "$BINFMT/qemu-aarch64" 2> /dev/null) == enabled ]]; }

# A container needs a static interpreter: from Debian 13 on it has another name. That of Debian 12
# (7.2) dies when ONNX Runtime is imported, so there it is testing's, which needs no other package.
list_emulation_packages() {
  case $(release_of VERSION_CODENAME) in
    bullseye | bookworm) echo qemu-user/forky qemu-user-binfmt/forky ;;
    jammy | noble) echo qemu-user-static ;;
    *) echo qemu-user qemu-user-binfmt ;;
  esac
}

add_emulation() {
  local packages
  if [[ $(uname -m) =~ ^(aarch64|arm64)$ ]]; then
    say "this machine runs arm64 programs itself: nothing changed"
    return
  fi
  if emulates_arm64; then
    say "emulation of arm64 is registered already: nothing changed"
    return
  fi
  packages=$(list_emulation_packages)
  [[ $(uname -s) == Linux && $(release_of ID) =~ ^(debian|ubuntu)$ ]] ||
    fail $EXIT_CANNOT_INSTALL "emulation is installed on Debian and Ubuntu only; register a static qemu-aarch64 with flag F in your own way (Docker Desktop has one) and run this again"
  is_root || fail $EXIT_CANNOT_INSTALL "only root can register emulation; run this again as root, which installs $packages"
  [[ $packages != */forky* ]] || add_debian_testing "$packages"
  install_from_archive "emulation of arm64" "$packages"
  register_emulation
  [[ -n $DRY_RUN ]] || tell_emulation "$packages"
}

register_emulation() { # the packages leave it to systemd, which does not run everywhere
  emulates_arm64 && return
  [[ -e $BINFMT/register ]] || run mount -t binfmt_misc binfmt_misc "$BINFMT" || true
  run cp "$BINFMT_RULE" "$BINFMT/register" ||
    fail $EXIT_CANNOT_INSTALL "the kernel takes no registration from here (a container may not give any); run this on the host itself"
}

tell_emulation() { # PACKAGES
  emulates_arm64 || fail $EXIT_CANNOT_INSTALL "$1 is installed and qemu-aarch64 is not in $BINFMT; see \`systemctl status systemd-binfmt\`"
  say "changed: installed $1; the kernel now starts arm64 programs of every user and container by qemu-aarch64"
  say "to undo it: apt-get purge ${1//\/forky/}; echo -1 > $BINFMT/qemu-aarch64"
}

while (($#)); do
  case $1 in
    --dry-run) DRY_RUN=1 ;;
    --no-engine) WITH_ENGINE='' ;;
    --with-emulation) WITH_EMULATION=1 ;;
    -h | --help)
      sed -n '2,/^set -/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    -*) fail $EXIT_USAGE "unknown option $1; known: --dry-run --no-engine --with-emulation --help" ;;
    *) break ;;
  esac
  shift
done

find_python
make_environment
[[ -z $WITH_EMULATION ]] || add_emulation
[[ -z $WITH_ENGINE ]] || find_engine
export BASEIMAGES_ENVIRONMENT=ready BASEIMAGES_BOOTSTRAP_S=$SECONDS PATH=$VENV/bin:$PATH VIRTUAL_ENV=$VENV
if [[ -n $DRY_RUN ]]; then
  say "would run: ${*:-nothing}"
elif (($#)); then
  exec "$@"
else
  say "ready; give a command, for example: ./bootstrap.sh nox -l"
fi
