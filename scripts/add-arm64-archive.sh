#!/bin/sh
# Lets apt of an amd64 Debian or Ubuntu install packages for arm64 beside its own.
# Debian's archive carries both. Ubuntu's carries amd64 only and keeps arm64 in another, ports: so
# each is told which architecture to be asked for. The keys are the same. Ubuntu 22.04 still names
# its archive a line each.
set -eu
dpkg --add-architecture arm64
ports=http://ports.ubuntu.com/ubuntu-ports/
sources=/etc/apt/sources.list.d/ubuntu.sources lines=/etc/apt/sources.list
if [ -e "$sources" ]; then
  sed "s#^URIs:.*#URIs: $ports#; s/^Types:.*/&\nArchitectures: arm64/" "$sources" \
    > /etc/apt/sources.list.d/ubuntu-ports.sources
  sed -i 's/^Types:.*/&\nArchitectures: amd64/' "$sources"
elif grep -q '^deb [^ ]*ubuntu' "$lines" 2> /dev/null; then
  sed -n "s#^deb [^ ]*#deb [arch=arm64] $ports#p" "$lines" > /etc/apt/sources.list.d/ubuntu-ports.list
  sed -i 's/^deb /deb [arch=amd64] /' "$lines"
fi
