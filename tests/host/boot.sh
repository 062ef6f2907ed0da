#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd opens the volumes of /etc/eratab at boot, when mounts need them, and closes them in order
# at shutdown.
#
# usage: tests/host/boot.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}
work=$(mktemp -d "$PWD/build/boot.XXXXXX")
trap 'rm -rf "$work"' EXIT
began=$SECONDS

# "data": its file system contains the metadata of "spare-1+2".  "wrong": its line in eratab has an
# error.  "late": its origin does not exist.  "strict": its line has gap=refuse, and its origin was
# written while the volume was closed.
files=$work/files
units=$files/etc/systemd/system
mkdir -p "$units/sysinit.target.wants" "$files/mnt/data" "$files/mnt/spare" "$files/mnt/strict"
cat > "$files/etc/eratab" << 'EOF'
data		/dev/vda	/dev/vdb
spare-1+2	/dev/disk/by-id/virtio-disk2	/mnt/data/its\040metadata/100%"\1342.erad	noauto
wrong		/dev/vdd
late		/dev/disk/by-id/absent	/var/lib/erad/late.erad
strict		/dev/vdd	/dev/vde	gap=refuse
EOF
cp "$files/etc/eratab" "$work/eratab"

# Name a file system by its UUID, as Debian's installer does.  The UUID is also on the origin.
cat > "$files/etc/fstab" << 'EOF'
UUID=11111111-2222-3333-4444-555555555555 /mnt/data ext4 defaults 0 0
/dev/mapper/spare-1+2 /mnt/spare ext4 noauto 0 0
/dev/mapper/strict /mnt/strict ext4 nofail 0 0
EOF
mkdir -p "$files/usr/lib/systemd/system-generators"
cp /usr/lib/systemd/system-generators/systemd-fstab-generator "$files/usr/lib/systemd/system-generators/"
# Make the link that `systemctl enable` would make.
ln -s /usr/local/lib/systemd/system/erad.service "$units/sysinit.target.wants/"
# Let systemd wait 5 seconds for the absent origin, and not 90 seconds.
mkdir "$units/dev-disk-by\\x2did-absent.device.d"
printf '[Unit]\nJobTimeoutSec=5\n' > "$units/dev-disk-by\\x2did-absent.device.d/timeout.conf"

# boot PART [OPTION...]: boots a VM that runs this part of boot-guest.
boot()
{
	local part=$1

	shift
	tests/vm/run --kernel "$kernel" --dir "$work/vm" --timeout 600 "$@" --disk "256M:$work/data" \
		--disk "64M:$work/meta" --disk "64M:$work/spare" \
		--disk "64M:$work/strict" --disk "64M:$work/strict-meta" -- tests/host/boot-guest "$part" "$work/eratab"
}

if output=$(boot make 2>&1 && boot use --systemd --files "$files" 2>&1 && boot check 2>&1); then
	echo "ok boot ($((SECONDS - began)) s) at boot, volumes are opened when mounts need them; at shutdown, they are closed after their file systems are unmounted"
else
	echo "not ok boot ($((SECONDS - began)) s) at boot, volumes are opened when mounts need them; at shutdown, they are closed after their file systems are unmounted"
	printf '%s\n' "$output" | sed 's/^/  | /'
fi
