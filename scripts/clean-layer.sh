#!/bin/sh
# Removes, at the end of the step that made them, the files that differ from build to build and
# that nobody reads: logs, caches, backups, the machine's identity, and the day on which an account
# without a password was made.
#   clean-layer.sh [ROOT]     ROOT is the tree of another image, this one if it is left out
set -eu
cd "${1:-/}"
awk -F: '$2 ~ /^!/ && $3 != "" { print $1 }' etc/shadow |
  xargs -r -n 1 chage --root "$PWD" --lastday -1
find var/log -type f -delete
rm -f var/cache/ldconfig/aux-cache var/cache/debconf/*-old var/lib/dpkg/*-old
rm -rf var/cache/debconf/tmp.ci
rm -f etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
rm -f var/lib/dbus/machine-id
if [ -e etc/machine-id ]; then : > etc/machine-id; fi
rm -rf tmp/* var/tmp/* root/.cache
