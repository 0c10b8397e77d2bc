#!/bin/sh
# Removes, at the end of the step that made them, the files that differ from build to build and
# that nobody reads: logs, caches, backups, the machine's identity.
set -eu
find /var/log -type f -delete
rm -f /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
rm -f /var/lib/dbus/machine-id
if [ -e /etc/machine-id ]; then : > /etc/machine-id; fi
rm -rf /tmp/* /var/tmp/* /root/.cache
