#!/bin/sh
# Compiles FFmpeg from a verified tarball into a tree that ships as it is.
#   build-ffmpeg.sh TARBALL OUT [SWITCH...]
# The switches are those of the legacy image, so no user loses a codec, format or filter; left out
# is only what cannot be used in a container without a display: ffplay and capture devices. An
# image's accelerator adds its own.
set -eux
tarball=$1 out=$2
shift 2
mkdir /tmp/ffmpeg
tar -xf "$tarball" -C /tmp/ffmpeg --strip-components=1
cd /tmp/ffmpeg
# gnutls instead of OpenSSL: the GPL codecs may be linked with it. rpath: a linked layer cannot run
# ldconfig, and the libraries must be found without a cache.
./configure --prefix=/usr/local --cc='ccache gcc' --enable-rpath --enable-shared --disable-static \
  --disable-doc --disable-debug --disable-ffplay --disable-indevs --disable-outdevs \
  --enable-indev=lavfi --enable-gpl --enable-version3 --enable-gnutls --enable-libaom \
  --enable-libass --enable-libdav1d --enable-libdrm --enable-libfontconfig --enable-libfreetype \
  --enable-libharfbuzz --enable-libmp3lame --enable-libopenh264 --enable-libopus \
  --enable-libsvtav1 --enable-libvpx --enable-libx264 --enable-libx265 --enable-libxml2 \
  --enable-demuxer=dash --enable-vaapi "$@" || { tail -n 30 ffbuild/config.log; exit 1; }
make -j"$(nproc)"
make install DESTDIR="$out"
rm -rf "$out/usr/local/include" "$out/usr/local/lib/pkgconfig" "$out/usr/local/share"
LD_LIBRARY_PATH="$out/usr/local/lib" "$out/usr/local/bin/ffmpeg" -version
rm -rf /tmp/ffmpeg
