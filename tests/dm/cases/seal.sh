# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes past erad is noticed: another origin, writes while the volume is closed or its target out of the table.

# mapped NAME SIZE UUID: /dev/mapper/NAME, a disk of zeros with that device-mapper UUID.
mapped()
{
	local disk

	disk=$(new_disk "$2")
	dmsetup create "$1" --uuid "$3" --table "0 $(blockdev --getsz "$disk") linear $disk 0"
}

test_origin_has_a_path_that_lasts()
{
	DESCRIPTION="create writes a path into eratab that names the origin after the next boot too, and says so"
	local dev

	mapped one 64M LVM-one
	dev=$(dmsetup info -c --noheadings -o major,minor one)
	[[ -e /dev/dm-${dev#*:} ]] || mknod "/dev/dm-${dev#*:}" b "${dev%:*}" "${dev#*:}"
	eractl create data "/dev/dm-${dev#*:}" > "$T/out"
	grep -q "^data: the origin is /dev/mapper/one in /etc/eratab, because /dev/dm-${dev#*:} may be another device after the next boot$" "$T/out" ||
		fail "got $(cat "$T/out")"
	grep -q '^data[[:space:]]/dev/mapper/one[[:space:]]' /etc/eratab || fail "eratab has $(cat /etc/eratab)"
	eractl close data
	eractl forget data

	# What udev would know of it.
	mkdir -p /run/udev/data /dev/disk/by-id
	ln -s /dev/mapper/one /dev/disk/by-id/dm-uuid-LVM-one
	printf 'S:disk/by-uuid/x\nS:disk/by-id/dm-uuid-LVM-one\nI:1\n' > "/run/udev/data/b$dev"
	eractl create data /dev/mapper/one > "$T/out"
	grep -q '^data[[:space:]]/dev/disk/by-id/dm-uuid-LVM-one[[:space:]]' /etc/eratab || fail "eratab has $(cat /etc/eratab)"
	eractl close data
	eractl open data | grep -q 'origin' && fail "open says something of a path that is not new"
	rm "/run/udev/data/b$dev" /dev/disk/by-id/dm-uuid-LVM-one
}
