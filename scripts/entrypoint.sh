#!/usr/bin/env bash
# Entrypoint of every image of the family: runs the command, with a container engine of its own
# beside it when EE_DD asks for one.
#
#   EE_DD exactly `0` or `false`   no engine; the command is exec'd untouched
#   EE_DD anything else            dockerd is started, waited for with a deadline, then the command
#   DOCKER_TLS_CERTDIR             non-empty: certificates there, TLS on 2376; empty: plain 2375
#   DOCKERD_STORAGE_DRIVER, DOCKER_STORAGE_DRIVER, DOCKER_DRIVER   first set one wins
#   EE_DD_TIMEOUT_S (120), EE_DD_PROBE_S (5)   deadlines of the start and of one probe
#   DOCKER_TLS_SAN                 more names for the server certificate, e.g. DNS:node,IP:10.0.0.1
#
# Messages go to standard error, so that the command's output stays its own.
# Exit codes of its own: 64 no command, 69 the engine did not start, 78 a wrong setting.
set -euo pipefail

readonly DAYS=825 RENEW_BEFORE_S=$((30 * 24 * 3600))
readonly LOG=${EE_DD_LOG:-/var/log/dockerd.log} SOCKET=unix:///var/run/docker.sock
readonly CGROUP=${EE_DD_CGROUP:-/sys/fs/cgroup}

say() { printf 'entrypoint: %s\n' "$*" >&2; }

fail() {
  local code=$1
  shift
  say "$*"
  exit "$code"
}

is_fresh_pair() {  # FOLDER NAME: the certificate is there, fits its key and does not end soon
  local cert=$1/$2.pem key=$1/key.pem
  [[ -s $cert && -s $key ]] || return 1
  openssl x509 -checkend "$RENEW_BEFORE_S" -noout -in "$cert" > /dev/null 2>&1 || return 1
  [[ $(openssl x509 -noout -pubkey -in "$cert") == "$(openssl pkey -pubout -in "$key" 2> /dev/null)" ]]
}

sign() {  # FOLDER SUBJECT EXTENSIONS: a key and a certificate by our CA, moved in place when whole
  local folder=$1 subject=$2 extensions=$3 ca=$DOCKER_TLS_CERTDIR/ca work
  work=$(mktemp -d "$DOCKER_TLS_CERTDIR/.new.XXXXXX")
  openssl genrsa -out "$work/key.pem" 4096 2> /dev/null
  openssl req -new -key "$work/key.pem" -subj "/CN=$subject" -out "$work/request.pem"
  openssl x509 -req -in "$work/request.pem" -CA "$ca/cert.pem" -CAkey "$ca/key.pem" \
    -set_serial "0x$(openssl rand -hex 16)" -days "$DAYS" -out "$work/cert.pem" \
    -extfile <(printf '%s\n' "$extensions") 2> /dev/null
  cp "$ca/cert.pem" "$work/ca.pem"
  mkdir -p "$folder"
  mv "$work"/{key,cert,ca}.pem "$folder/"
  rm -rf "$work"
}

subject_names() {  # each source stands alone: a failing hostname call must not drop the others
  local names=DNS:localhost,IP:127.0.0.1,IP:::1 name
  name=$(hostname 2> /dev/null) && [[ -n $name ]] && names+=,DNS:$name
  for name in $(hostname -I 2> /dev/null || true); do names+=,IP:$name; done
  printf '%s' "$names${DOCKER_TLS_SAN:+,$DOCKER_TLS_SAN}"
}

make_certificates() {
  # keyUsage and extendedKeyUsage are what Python 3.13 and other strict clients insist on.
  local leaf=$'basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
  leaf+=$'keyUsage=critical,digitalSignature,keyEncipherment\n'
  local ca=$DOCKER_TLS_CERTDIR/ca
  (
    umask 077
    mkdir -p "$ca"
  )
  if ! is_fresh_pair "$ca" cert; then
    openssl genrsa -out "$ca/key.new" 4096 2> /dev/null
    openssl req -new -x509 -key "$ca/key.new" -subj "/CN=edge node CA" -days "$DAYS" \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
      -addext subjectKeyIdentifier=hash -out "$ca/cert.new"
    mv "$ca/key.new" "$ca/key.pem"
    mv "$ca/cert.new" "$ca/cert.pem"
    rm -rf "$DOCKER_TLS_CERTDIR/server" "$DOCKER_TLS_CERTDIR/client"
  fi
  is_fresh_pair "$DOCKER_TLS_CERTDIR/server" cert || sign "$DOCKER_TLS_CERTDIR/server" "docker server" \
    "${leaf}extendedKeyUsage=serverAuth"$'\n'"subjectAltName=$(subject_names)"
  is_fresh_pair "$DOCKER_TLS_CERTDIR/client" cert || sign "$DOCKER_TLS_CERTDIR/client" "docker client" \
    "${leaf}extendedKeyUsage=clientAuth"
}

choose_listeners() {  # fills the array `listen`
  listen=(--host "$SOCKET")
  if [[ -n ${DOCKER_TLS_CERTDIR-} ]]; then
    make_certificates
    local folder=$DOCKER_TLS_CERTDIR/server
    listen+=(--host tcp://0.0.0.0:2376 --tlsverify --tlscacert "$folder/ca.pem"
      --tlscert "$folder/cert.pem" --tlskey "$folder/key.pem")
  else
    say "DOCKER_TLS_CERTDIR is empty: the engine listens on 2375 without TLS, anyone who reaches it owns it"
    listen+=(--host tcp://0.0.0.0:2375 --tls=false)
  fi
}

choose_storage() {  # fills the array `storage`
  local driver=${DOCKERD_STORAGE_DRIVER:-${DOCKER_STORAGE_DRIVER:-${DOCKER_DRIVER:-}}}
  case $driver in
    '') storage=() ;;
    overlay2 | fuse-overlayfs | vfs) storage=(--storage-driver "$driver") ;;
    *) fail 78 "storage driver '$driver' is not one of overlay2, fuse-overlayfs, vfs" ;;
  esac
  [[ $driver != vfs ]] || say "vfs copies every layer whole: expect many times the disk space"
}

clear_stale_state() {
  local file pid
  for file in /var/run/docker.pid /run/docker/containerd/containerd.pid; do
    pid=$(cat "$file" 2> /dev/null) || continue
    [[ $pid =~ ^[0-9]+$ && $(cat "/proc/$pid/comm" 2> /dev/null) =~ ^(dockerd|containerd)$ ]] || rm -f "$file"
  done
}

# With cgroup v2 a group has processes or groups with controllers below it, not both, and in a
# container the engine's own group is the one that it would divide: the first inner container would
# not start. So the processes step into a group beside the engine's, as in Docker's own dind. The
# host's root group, which has no cgroup.type, knows no such rule and is left alone.
step_aside() {
  [[ -e $CGROUP/cgroup.controllers && -e $CGROUP/cgroup.type ]] || return 0
  mkdir -p "$CGROUP/init" 2> /dev/null || return 0  # read-only: dockerd will say what it lacks
  local try pid
  for try in 1 2 3; do  # a process that forked meanwhile is met by the next round
    while read -r pid; do
      { echo "$pid" >> "$CGROUP/init/cgroup.procs"; } 2> /dev/null || true
    done < "$CGROUP/cgroup.procs"
    { sed 's/[^ ][^ ]*/+&/g' "$CGROUP/cgroup.controllers" >> "$CGROUP/cgroup.subtree_control"; } 2> /dev/null && return 0
  done
  say "the control groups could not be divided after $try tries: inner containers may not start"
}

probe() {  # asks our daemon, not one that the environment names
  env -u DOCKER_HOST -u DOCKER_CONTEXT -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH \
    timeout "${EE_DD_PROBE_S:-5}" docker --host "$SOCKET" info > /dev/null 2>&1
}

start_engine() {
  local listen storage daemon limit=$((SECONDS + ${EE_DD_TIMEOUT_S:-120}))
  choose_storage
  choose_listeners
  clear_stale_state
  step_aside
  # DOCKER_DRIVER in the daemon's environment would beat the flag.
  env -u DOCKER_DRIVER -u DOCKER_HOST dockerd "${listen[@]}" ${storage[@]+"${storage[@]}"} > "$LOG" 2>&1 &
  daemon=$!
  until probe; do
    if ! kill -0 "$daemon" 2> /dev/null; then
      tail -n 15 "$LOG" >&2 || true
      fail 69 "dockerd ended at once; it needs --privileged and a volume at /var/lib/docker (log above)"
    fi
    if ((SECONDS >= limit)); then
      tail -n 15 "$LOG" >&2 || true
      kill "$daemon" 2> /dev/null || true
      fail 69 "dockerd did not answer within ${EE_DD_TIMEOUT_S:-120} s (EE_DD_TIMEOUT_S)"
    fi
    sleep 0.2
  done
  say "engine ready"
}

(($#)) || fail 64 "no command; give one after the image's name"
case ${EE_DD-} in
  0 | false) ;;
  *) start_engine ;;
esac
exec "$@"
