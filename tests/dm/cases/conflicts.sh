# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Two volumes never share an origin, metadata or a UUID: erad refuses the second volume, and the
# message names the first one.

# names TEXT COMMAND...: checks that the command fails within ten seconds, and that its error
# contains TEXT.
names()
{
	local text=$1 out began=$SECONDS

	shift
	out=$("$@" 2>&1 > /dev/null) && fail "the command succeeded, expected a failure: $*"
	[[ $out == *"$text"* ]] || fail "got '$out' from $*, expected '$text'"
	((SECONDS - began < 10 * SLOWNESS)) || fail "the refusal took $((SECONDS - began)) s: $*"
}

test_conflict_copy()
{
	DESCRIPTION="if a volume is live, erad does not open a volume with a copy of its metadata, nor read the copy as that of a closed volume, and the copy gets no marks of writes to the live volume"
	local m=/var/lib/erad since i

	eractl create data "$(new_disk 64M)"
	eractl close data
	cp --sparse=always $m/data.erad "$T/copy"
	echo "copy $(new_disk 64M) $T/copy" >> /etc/eratab
	eractl open data
	names "as the metadata of /dev/mapper/data, which is live" eractl open copy
	[[ ! -e /dev/mapper/copy ]] || fail "a device is left"
	# Another attempt would fail, too.
	for i in "diff copy --since 1" "bookmark copy"; do
		# shellcheck disable=SC2086 # words
		names "metadata $T/copy is the metadata of volume data, which is open, or has the same UUID" eractl $i
	done
	since=$(eractl checkpoint data)
	for i in 1 2; do
		dmsetup load data --table "$(dmsetup table data)"
		dmsetup suspend --noflush data
		dmsetup resume data
		write_at data $((i << 20)) 4096
	done
	same "$(changed data "$since")" "1048576 65536
2097152 65536"
	# Open the copy first: now the copy becomes live, and the original is refused.
	eractl close data
	eractl open copy
	names "as the metadata of /dev/mapper/copy, which is live" eractl open data
	cp --sparse=always $m/data.erad "$T/third"
	names "as the metadata of /dev/mapper/copy" eractl create other "$(new_disk 16M)" --metadata "$T/third" --overwrite-metadata
	cmp $m/data.erad "$T/third"
	eractl close copy
	eractl check $m/data.erad
}

test_conflict_lines()
{
	DESCRIPTION="create refuses an origin or metadata that another line of eratab has, and names the volume of that line, open or closed"
	local origin meta other

	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	other=$(new_disk 64M)
	eractl create data "$origin" --metadata "$meta"
	eractl close data
	dd if="$meta" bs=1M status=none | cksum > "$T/before"
	names "is the origin of volume data" eractl create second "$origin"
	names "is the metadata of volume data" eractl create second "$other" --metadata "$meta" --overwrite-metadata
	names "is the metadata of volume data" eractl create second "$meta"
	names "is the origin of volume data" eractl create second "$other" --metadata "$origin" --overwrite-metadata
	# Name the origin by a link: create must find the device behind the link.
	ln -s "$origin" "$T/link"
	names "is the origin of volume data" eractl create second "$T/link"
	eractl create third "$other"
	names "is the metadata of volume third" eractl create second "$(new_disk 16M)" --metadata /var/lib/erad/third.erad \
		--overwrite-metadata
	# The volume "third" is open. Check that no volume with the same origin or the same metadata
	# can be opened, and that the error says why.
	echo "fourth $other $T/fourth" >> /etc/eratab
	names "/dev/mapper/third" eractl open fourth
	echo "fifth $(new_disk 16M) /var/lib/erad/third.erad" >> /etc/eratab
	names "is the metadata of volume third, which is open" eractl open fifth
	dd if="$meta" bs=1M status=none | cksum | cmp - "$T/before"
	eractl open data
}

test_conflict_at_one_moment()
{
	DESCRIPTION="if two volumes with the same origin are opened at the same moment, one goes live, and the other is refused"
	local first second i won lost

	first=$(new_disk 16M)
	second=$(new_disk 16M)
	eractl create one "$first"
	eractl create two "$second"
	eractl close one
	eractl close two
	sed -i "s|$second|$first|" /etc/eratab
	for ((i = 0; i < 8; i++)); do
		eractl open two 2> "$T/two" &
		won=two lost=one
		eractl open one 2> "$T/one" && won=one lost=two
		wait $! && [[ $won == one ]] && fail "two volumes are live on one origin"
		[[ -e /dev/mapper/$won && ! -e /dev/mapper/$lost ]] || fail "not just $won is live: $(ls /dev/mapper)"
		# Either erad has noticed before it loaded the table that the origin is in use, or
		# the other volume became live after erad's check. The error differs.
		grep -q "origin $first is in use\|/dev/mapper/$won" "$T/$lost" ||
			fail "the refusal of $lost does not say why: $(cat "$T/$lost")"
		eractl close $won
	done
}

test_forget_shared()
{
	DESCRIPTION="forget removes no metadata that another line or a live volume uses, and removes nothing if two lines have the name"
	local origin m=/var/lib/erad/old.erad

	origin=$(new_disk 64M)
	eractl create old "$origin"
	eractl close old
	echo "new $origin $m" >> /etc/eratab
	eractl open new
	write_at new 0 4096
	# Remove the line of the live volume "new": forget of "old" must still keep the metadata.
	cp /etc/eratab "$T/lines"
	sed -i /^new/d /etc/eratab
	eractl forget old > /dev/null
	[[ -e $m ]] || fail "the metadata of a live volume is gone"
	cp "$T/lines" /etc/eratab
	eractl forget old | grep -q "its metadata is still in $m" || fail "forget does not say that the metadata is still there"
	eractl checkpoint new > /dev/null
	eractl close new
	eractl open new
	same "$(changed new 1)" "0 65536"
	eractl close new

	# Now another closed volume has a line with the same metadata: forget must keep the
	# metadata.
	sed -i 's/^new/old/' /etc/eratab
	echo "new $origin $m" >> /etc/eratab
	eractl forget old
	[[ -e $m ]] || fail "the metadata of a closed volume is gone"
	sed -i 's/^new/old/' /etc/eratab

	echo "old $(new_disk 16M) $T/other" >> /etc/eratab
	cp /etc/eratab "$T/eratab"
	names "remove one of the two lines" eractl forget old
	cmp /etc/eratab "$T/eratab"
	[[ -e $m ]] || fail "the metadata is gone"

	# Rename the device of the live volume: forget must still notice that the volume is live.
	sed -i '$d' /etc/eratab
	eractl open old
	dmsetup rename old renamed
	stop_erad
	start_erad
	names "close it first" eractl forget old
	eractl close old
	eractl forget old
	[[ ! -e $m ]] || fail "its own metadata is still there"
}

test_conflict_overlay()
{
	DESCRIPTION="metadata is refused if it is the file on which its own origin lies, even if one of the two is reached through overlayfs; another file of the same file system is accepted"
	local disk origin

	disk=$(new_disk 128M)
	mkfs.ext4 -q "$disk"
	mkdir -p "$T/fs" "$T/merged"
	mount "$disk" "$T/fs"
	mkdir "$T/fs/upper" "$T/fs/work" "$T/fs/lower"
	mount -t overlay overlay -o "lowerdir=$T/fs/lower,upperdir=$T/fs/upper,workdir=$T/fs/work" "$T/merged"
	truncate -s 32M "$T/merged/file"
	origin=$(losetup --find --show --direct-io=off "$T/merged/file")
	names "lies on its own metadata" eractl create data "$origin" --metadata "$T/fs/upper/file" --overwrite-metadata
	losetup -d "$origin"
	origin=$(losetup --find --show --direct-io=off "$T/fs/upper/file")
	names "lies on its own metadata" eractl create data "$origin" --metadata "$T/merged/file" --overwrite-metadata
	cmp -n $((32 << 20)) "$T/merged/file" /dev/zero
	eractl create data "$origin" --metadata "$T/merged/other"
	eractl close data
	losetup -d "$origin"
	umount "$T/merged"
}

test_conflict_device_made_meanwhile()
{
	DESCRIPTION="a create during which another program makes a device of the volume's name fails, names the device, and leaves no line and no metadata"
	local disk create

	disk=$(new_disk 64M)
	stop_erad
	start_erad_armed OPEN_COMPARED 1 stop
	eractl create data "$disk" 2> "$T/err" &
	create=$!
	wait_until "erad has stopped" grep -q '^State:[[:space:]]*T' "/proc/$(erad_pid)/status"
	dmsetup create data --table "0 2048 linear $(new_disk 16M) 0"
	kill -CONT "$(erad_pid)"
	! wait "$create" || fail "the create has succeeded"
	grep -q "cannot create /dev/mapper/data: .*Device or resource busy" "$T/err" || fail "got $(cat "$T/err")"
	! grep -q "^data " /etc/eratab || fail "the volume has a line: $(cat /etc/eratab)"
	[[ ! -e /var/lib/erad/data.erad ]] || fail "the metadata are left"
	dmsetup remove data
	eractl create data "$disk" > /dev/null
}
