#!/bin/bash
# Installs packages into one arm64 base twice: from this amd64 container, and emulated. Writes
# /out/cross.tar and /out/emulated.tar. Runs in a privileged container of the base family, whose
# user namespace is the only place where emulation is registered: the host's kernel never knows.
#   install_both_ways.sh PACKAGE...
set -euxo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates kmod libcap2-bin libglib2.0-0t64 \
  mmdebstrap openssl python3 qemu-user xz-utils
mkdir -p /trees/cross /trees/emulated
# What dpkg leaves out, it is to leave out in both: crossed it follows this container's settings.
cat /etc/dpkg/dpkg.cfg.d/* > /dpkg.options
mmdebstrap --mode=chrootless --skip=check/chrootless --variant=minbase --architectures=arm64 \
  --dpkgopt=/dpkg.options trixie /base.tar /etc/apt/sources.list
for way in cross emulated; do
  tar -C "/trees/$way" --exclude='./dev/*' --xattrs --numeric-owner -xpf /base.tar
done

/mnt/scripts/cross/install.py /trees/cross /layer "$@"

cat > /emulate.sh <<'S'
set -euxo pipefail
tree=/trees/emulated
mkdir /binfmt
mount -t binfmt_misc none /binfmt
printf '%s' ':qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64:OCF' > /binfmt/register
mount --rbind /dev "$tree/dev"
touch "$tree/etc/resolv.conf"
mount --bind /etc/resolv.conf "$tree/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' > "$tree/usr/sbin/policy-rc.d"
chmod 0755 "$tree/usr/sbin/policy-rc.d"
chroot "$tree" apt-get -o APT::Sandbox::User=root update
chroot "$tree" apt-get -o APT::Sandbox::User=root install -y --no-install-recommends "$@"
rm "$tree/usr/sbin/policy-rc.d"
S
unshare --user --map-users=0,0,65536 --map-groups=0,0,65536 --mount bash /emulate.sh "$@"
/mnt/scripts/clean-layer.sh /trees/emulated
for way in cross emulated; do
  tar -C "/trees/$way" --exclude=./dev --exclude=./etc/resolv.conf --exclude='./var/cache/apt/*' \
    --exclude='./var/lib/apt/lists/*' --xattrs --xattrs-include='*' --numeric-owner \
    -cf "/out/$way.tar" .
done
