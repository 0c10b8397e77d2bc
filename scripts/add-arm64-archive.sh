#!/bin/sh
# Lets apt of an amd64 Debian or Ubuntu install packages for arm64 beside its own.
# Debian's archive carries both. Ubuntu's carries amd64 only and keeps arm64 in another, ports: so
# each is told which architecture to be asked for. The keys are the same.
set -eu
dpkg --add-architecture arm64
sources=/etc/apt/sources.list.d/ubuntu.sources
[ -e "$sources" ] || exit 0
sed 's#^URIs:.*#URIs: http://ports.ubuntu.com/ubuntu-ports/#; s/^Types:.*/&\nArchitectures: arm64/' \
  "$sources" > /etc/apt/sources.list.d/ubuntu-ports.sources
sed -i 's/^Types:.*/&\nArchitectures: amd64/' "$sources"
