#!/bin/sh
# Prints the codec packages of a base family, one a line: what FFmpeg is compiled against (`build`)
# and what it loads (`runtime`). The names differ by soname only, and stand side by side for that.
#   list-codec-packages.sh runtime|build ubuntu-24.04|debian-13
set -eu
use=$1 family=$2
if [ "$use" = build ]; then
  printf '%s\n' libaom-dev libass-dev libdav1d-dev libdrm-dev libfontconfig-dev libfreetype-dev \
    libgnutls28-dev libharfbuzz-dev libmp3lame-dev libopenh264-dev libopus-dev libsvtav1enc-dev \
    libva-dev libvpx-dev libx264-dev libx265-dev libxml2-dev zlib1g-dev
  exit
fi
printf '%s\n' libaom3 libass9 libdav1d7 libdrm2 libfontconfig1 libfreetype6 libharfbuzz0b \
  libmp3lame0 libopus0 libva-drm2 libva2 libvpx9 libx264-164 libxml2 zlib1g
case $family in
  debian-13) printf '%s\n' libgnutls30t64 libopenh264-8 libsvtav1enc2 libx265-215 ;;
  ubuntu-24.04) printf '%s\n' libgnutls30t64 libopenh264-7 libsvtav1enc1d1 libx265-199 ;;
  *) echo "unknown base family $family: debian-13 or ubuntu-24.04" >&2; exit 1 ;;
esac
