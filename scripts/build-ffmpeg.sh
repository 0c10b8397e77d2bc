#!/bin/sh
# Compiles FFmpeg from a verified tarball into a tree that ships as it is.
#   build-ffmpeg.sh TARBALL OUT PROFILE [SWITCH...]
# PROFILE names a column of codecs.txt. Full has the switches of the legacy image, so no user loses
# a codec, format or filter; left out is only what cannot be used in a container without a display:
# ffplay and capture devices. An image's accelerator adds its own SWITCH. With TRIPLET in the
# environment the tree is for that machine, compiled by its cross compiler.
set -eux
tarball=$1 out=$2 profile=$3
shift 3
switches=$("$(dirname "$0")/list-codecs.sh" "$profile" switches)
mkdir /tmp/ffmpeg
tar -xf "$tarball" -C /tmp/ffmpeg --strip-components=1
cd /tmp/ffmpeg
if [ -n "${TRIPLET:-}" ]; then
  # pkg-config must see the other machine's libraries and no other
  export PKG_CONFIG_LIBDIR="/usr/lib/${TRIPLET}/pkgconfig:/usr/share/pkgconfig"
  set -- --enable-cross-compile --target-os=linux --arch="${TRIPLET%%-*}" \
    --cross-prefix="${TRIPLET}-" --pkg-config=pkg-config "$@"
fi
# gnutls instead of OpenSSL: the GPL codecs may be linked with it. rpath: a linked layer cannot run
# ldconfig, and the libraries must be found without a cache.
# Lists of components have patterns in them, for configure and not for this shell.
set -f
# shellcheck disable=SC2086  # a word for each switch
./configure --prefix=/usr/local --cc="ccache ${TRIPLET:+${TRIPLET}-}gcc" --enable-rpath \
  --enable-shared --disable-static --disable-doc --disable-debug --disable-ffplay \
  --disable-indevs --disable-outdevs --enable-indev=lavfi --enable-gpl --enable-version3 \
  $switches "$@" || { tail -n 30 ffbuild/config.log; exit 1; }
set +f
# The compiler tells what a file includes as it compiles it: nothing is preprocessed a second time.
export CCACHE_DEPEND=1
make -j"$(nproc)"
make install DESTDIR="$out"
rm -rf "$out/usr/local/include" "$out/usr/local/lib/pkgconfig" "$out/usr/local/share"
if [ -n "${TRIPLET:-}" ]; then
  "${TRIPLET}-readelf" -d "$out/usr/local/bin/ffmpeg"
else
  LD_LIBRARY_PATH="$out/usr/local/lib" "$out/usr/local/bin/ffmpeg" -version
fi
rm -rf /tmp/ffmpeg
