# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Moves volumes from Linux's era target to erad and back, with thin-provisioning-tools.

# new_disks: makes $origin and $meta, with links by the names that erad-from-dm-era(7) uses.
new_disks()
{
	modprobe dm-era
	origin=$(new_disk 64M)
	meta=$(new_disk 8M)
	mkdir -p /dev/vg
	ln -sfn "$origin" /dev/vg/data
	ln -sfn "$meta" /dev/vg/data-era
}

# ext4: makes an ext4 file system on a new loop device, and prints the path of the device. era_restore
# needs O_DIRECT, which ext4 supports. On Linux 6.1, the file system of $T does not support O_DIRECT.
ext4()
{
	local disk

	disk=$(new_disk 32M)
	mkfs.ext4 -q -O ^has_journal "$disk"
	echo "$disk"
}

# era_of NAME: prints the era in the dmsetup status of a device of either target.
era_of()
{
	dmsetup status "$1" | cut -d ' ' -f 6
}

# eras METADATA: prints the eras in erad's metadata, in the format of tests/dm_era_eras.
eras()
{
	eractl dump "$1" | sed -n 's/^ *<era block="\([0-9]*\)" era="\([0-9]*\)".*/\1 \2/p'
}

# same_diffs VOLUME LAST OPTIONS...: checks for each era up to LAST that eractl diff and
# era_invalidate OPTIONS of $meta list the same blocks.
same_diffs()
{
	local since

	for ((since = 1; since <= $2; since++)); do
		era_invalidate "${@:3}" --written-since $since "$meta" > "$T/invalidate"
		eractl diff "$1" --since $since --format xml > "$T/diff"
		cmp "$T/diff" "$T/invalidate" || fail "since era $since: got '$(cat "$T/diff")', era_invalidate has '$(cat "$T/invalidate")'"
	done
}

# blocks NAME NUMBER...: writes to each of these blocks of 64 KiB.
blocks()
{
	local number

	for number in "${@:2}"; do
		write_at "$1" $((number << 16)) 4096
	done
}

test_interop_import()
{
	DESCRIPTION="the metadata of a real dm-era volume is imported from a live volume by its snapshot, from a closed volume, and as XML of era_dump; era_dump and era_invalidate print the same"
	local origin meta

	new_disks
	dmsetup create old --table "0 131072 era $meta $origin 128"
	blocks old 1 5 1023
	dmsetup message old 0 checkpoint
	blocks old 2 3 4 5
	dmsetup message old 0 checkpoint
	blocks old 64 700
	same "$(era_of old)" 3
	dmsetup message old 0 take_metadata_snap
	blocks old 7
	eractl import "$meta" "$T/live" --origin "$origin" --metadata-snapshot
	echo "live $origin $T/live" >> /etc/eratab
	same "$(eras "$T/live" | tr '\n' ' ')" "1 1 2 2 3 2 4 2 5 2 64 3 700 3 1023 1 "
	same_diffs live 3 --metadata-snapshot
	eractl import "$meta" "$T/m" --origin "$origin" 2> "$T/err" && fail "import of metadata in use succeeded"
	dmsetup message old 0 drop_metadata_snap
	dmsetup message old 0 checkpoint
	blocks old 1
	dmsetup remove old
	eractl import "$meta" "$T/m" --origin "$origin"
	echo "data $origin $T/m" >> /etc/eratab
	same "$(eras "$T/m")" "$(era_dump "$meta" | tests/dm_era_eras)"
	era_dump "$meta" | eractl restore "$T/restored" > /dev/null
	same "$(eras "$T/restored")" "$(eras "$T/m")"
	same "$(eras "$T/m" | tr '\n' ' ')" "1 5 2 2 3 2 4 2 5 2 7 4 64 3 700 3 1023 1 "
	same_diffs data 5
	eractl open data
	same "$(era_of data)" 6
	blocks data 9
	same "$(changed data 5)" "65536 65536
589824 65536"
}

test_interop_export()
{
	DESCRIPTION="era_restore accepts the output of eractl dump, and dm-era starts with the same eras"
	local origin meta

	new_disks
	eractl create data "$origin"
	blocks data 1 5 1023
	eractl checkpoint data
	write_at data $((2 << 16)) $((4 << 16))
	eractl checkpoint data
	blocks data 64 700
	eractl close data
	eras /var/lib/erad/data.erad > "$T/eras"
	same "$(tr '\n' ' ' < "$T/eras")" "1 1 2 2 3 2 4 2 5 2 64 3 700 3 1023 1 "
	eractl dump data > "$T/xml"
	mkdir "$T/mnt"
	mount "$(ext4)" "$T/mnt"
	truncate -s 8M "$T/mnt/dm-era"
	era_restore -i "$T/xml" -o "$T/mnt/dm-era"
	dd if="$T/mnt/dm-era" of="$meta" bs=1M conv=fsync status=none
	era_check -q "$meta"
	same_diffs data 3
	dmsetup create old --table "0 131072 era $meta $origin 128"
	same "$(era_of old)" 4
	blocks old 9
	dmsetup remove old
	same "$(era_dump "$meta" | tests/dm_era_eras | grep -v '^9 4$')" "$(cat "$T/eras")"
	era_dump "$meta" | tests/dm_era_eras | grep -q '^9 4$' || fail "dm-era does not go on"
}

# Run in a separate mount namespace, so that no mount stays after the case.  The shell ends at the
# first command that fails.
test_interop_manual_page()
{
	DESCRIPTION="the commands of erad-from-dm-era(7), exactly as they are in the manual page, move a mounted dm-era volume to erad and back"
	local origin meta

	new_disks
	mkfs.ext4 -q "$origin"
	dmsetup create data --table "0 131072 era $meta $origin 128"
	{
		echo "mount '$(ext4)' /var/tmp"
		echo 'mount /dev/mapper/data /srv'
		echo 'dmsetup message data 0 checkpoint'
		echo 'echo before > /srv/file && sync -f /srv/file'
		echo 'dmsetup message data 0 checkpoint'
		page_commands erad-from-dm-era.7 "TO ERAD"
		echo 'until eractl checkpoint data > "$T/era"; do sleep 0.2; done'
		echo 'grep -q before /srv/file'
		echo 'dd if=/dev/urandom of=/srv/more bs=1M count=1 conv=fsync status=none'
		echo 'md5sum /srv/more > "$T/sums"'
		echo 'eractl diff data --since 1 --format ranges > "$T/changed"'
		page_commands erad-from-dm-era.7 "BACK TO DM-ERA"
		echo 'grep -q before /srv/file'
		echo 'md5sum -c "$T/sums"'
		echo 'dmsetup table data > "$T/table"'
		echo 'dmsetup status data > "$T/status"'
		echo 'umount /srv'
	} > "$T/script"
	(($(grep -c . "$T/script") >= 22)) || fail "the page has no commands"
	unshare --mount bash -euxo pipefail "$T/script"
	same "$(cut -d ' ' -f 1-3,6 "$T/table")" "0 131072 era 128"
	(($(cut -d ' ' -f 6 "$T/status") > $(< "$T/era"))) || fail "the era went from $(< "$T/era") to $(cat "$T/status")"
	dmsetup remove data
	era_check -q "$meta"
	era_dump "$meta" | tests/dm_era_eras > "$T/back"
	# dm-era's new metadata must contain each block that erad has reported.
	perl -ne 'my ($o, $l) = split; print "$_\n" for $o >> 16 .. ($o + $l - 1) >> 16' "$T/changed" | sort > "$T/want"
	same "$(comm -13 <(cut -d ' ' -f 1 "$T/back" | sort) "$T/want")" ""
	(($(wc -l < "$T/want") > 16)) || fail "only $(wc -l < "$T/want") blocks were reported"
	awk '$2 == 2' "$T/back" | grep -q . || fail "the dump has no block of dm-era's era 2"
	[[ ! -e /var/lib/erad/data.erad ]] || fail "erad's metadata is still there"
}
