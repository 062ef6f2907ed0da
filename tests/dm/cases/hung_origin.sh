# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# An origin, metadata, or the copy-on-write store of an image, that hangs: other volumes are served, and
# erad can be stopped.

# shellcheck source=tests/dm/hung.sh
. tests/dm/hung.sh
# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# hung_volume: makes the volume "data", whose origin is on /dev/mapper/slow, and the volume "other",
# whose origin never hangs.
hung_volume()
{
	local disk

	disk=$(new_disk 64M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl create data /dev/mapper/slow > /dev/null
	write_at data 0 4096
	eractl create other "$(new_disk 64M)" > /dev/null
}

test_others_are_served_while_an_open_hangs()
{
	DESCRIPTION="while the origin of a volume hangs during its open, other volumes are served, and erad can be stopped and started; then the volume opens without a gap"
	local open

	hung_volume
	eractl close data
	dmsetup suspend slow
	eractl open data > "$T/open" 2>&1 &
	open=$!
	bounded 9 eractl status > /dev/null || fail "no status"
	wait_until "the open waits" eractl_state_is data loading
	others_are_served
	stops_soon
	wait "$open" && fail "the open has succeeded"
	setsid erad --no-standby < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 &
	echo $! > /run/vm/erad.pid
	bounded 30 write_at other 0 131072 || fail "the next erad does not serve the other volume"
	dmsetup resume slow
	wait_until "erad answers" eractl list
	eractl open data > /dev/null
	no_gap data
}

test_close_of_a_volume_whose_origin_hangs()
{
	DESCRIPTION="while the origin of a volume hangs during its close, other volumes are served, and erad can be stopped; the next open counts every block as written"

	hung_volume
	dmsetup suspend slow
	eractl close data > "$T/close" 2>&1 &
	wait_until "the device is removed" test ! -e /dev/mapper/data
	bounded 9 eractl checkpoint other > /dev/null || fail "no checkpoint of the other volume"
	stops_soon
	dmsetup resume slow
	start_erad
	eractl open data > /dev/null
	read_fully data || fail "got $(changed data 1)"
	gap_was unknown "could not be read"
}

case_share["test_image_of_a_volume_whose_origin_hangs"]=newest
test_image_of_a_volume_whose_origin_hangs()
{
	DESCRIPTION="an image of a volume whose origin hangs is refused in time and with a reason; other volumes are served, and erad can be stopped"
	local code=0

	hung_volume
	dmsetup suspend slow
	bounded 30 eractl image create data 2> "$T/err" || code=$?
	others_are_served
	stops_soon
	dmsetup resume slow
	same "$code" 1
	grep -q "^eractl: volume data: the origin .* was not read within 20 seconds; check whether the device hangs" "$T/err" || fail "got $(cat "$T/err")"
	start_erad
	eractl image create data > /dev/null
	eractl image drop data > /dev/null
}

case_timeout["test_create_and_open_while_the_metadata_device_hangs"]=300
test_create_and_open_while_the_metadata_device_hangs()
{
	DESCRIPTION="while a metadata device hangs, create, open and resize of its volume are refused in time and with a reason; meanwhile the name can be used, other volumes are served, and erad can be stopped"
	local disk origin

	eractl create other "$(new_disk 64M)" > /dev/null
	origin=$(new_disk 64M)
	disk=$(new_disk 16M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	dmsetup suspend slow
	fails_with "volume data: /dev/mapper/slow was not examined within 20 seconds; check whether the device or its file system hangs" \
		eractl create data "$origin" --metadata /dev/mapper/slow
	others_are_served
	bounded 9 eractl create data "$origin" > /dev/null || fail "the name cannot be used"
	eractl close data
	eractl forget data > /dev/null
	dmsetup resume slow
	wait_until "no process examines the device" eractl create data "$origin" --metadata /dev/mapper/slow
	eractl close data
	dmsetup suspend slow
	fails_with "volume data: /dev/mapper/slow was not examined within 20 seconds" eractl open data
	fails_with "volume data: /dev/mapper/slow was not examined within 20 seconds" eractl resize data --size 32M
	others_are_served
	stops_soon
	dmsetup resume slow
	start_erad
	eractl open data > /dev/null
	no_gap data
}

# notified_again: succeeds if erad has notified the watchdog since `notified` was set.
notified_again()
{
	(($(grep -c WATCHDOG=1 "$T/notices") > notified))
}

case_share["test_write_to_the_metadata_hangs"]=newest
test_write_to_the_metadata_hangs()
{
	DESCRIPTION="while a write to the metadata of a volume hangs, erad says so and notifies the watchdog, other volumes are served, and erad can be restarted; then the write to the volume completes"
	local disk writer notified

	stop_erad
	perl -MIO::Socket::UNIX -e '$| = 1; $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => shift) or die; print "$m\n" while defined $s->recv($m, 4096)' \
		"$T/socket" > "$T/notices" &
	wait_until "the socket is there" test -S "$T/socket"
	: > "${ERAD_OUT:-/tmp}/erad.log"
	NOTIFY_SOCKET=$T/socket WATCHDOG_USEC=2000000 start_erad
	disk=$(new_disk 16M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl create data "$(new_disk 64M)" --metadata /dev/mapper/slow > /dev/null
	eractl create other "$(new_disk 64M)" > /dev/null
	dmsetup suspend slow
	write_at data 65536 65536 &
	writer=$!
	others_are_served
	log_has "volume data: one write to the metadata has taken [0-9]* seconds"
	notified=$(grep -c WATCHDOG=1 "$T/notices")
	wait_until "erad notifies the watchdog" notified_again
	others_are_served
	eractl checkpoint other > /dev/null

	# erad cannot end before the write ends: it must log this.
	kill -TERM "$(erad_pid)"
	log_has "stopping while a volume thread or a request is still busy"
	! erad_gone || fail "the write has not hung"
	start_erad
	bounded 9 write_at other 0 65536 || fail "the next erad does not serve the other volume"
	others_are_served
	kill -0 "$writer" || fail "the write has completed unrecorded"
	dmsetup resume slow
	wait "$writer"
	wait_until "the volume is served" eractl_state_is data active
	same "$(changed data 1)" "65536 65536"
	eractl checkpoint data > /dev/null
}

# new_fs: makes a file system on /dev/mapper/slow, and the directory $T/fs/below in it.
new_fs()
{
	local disk

	disk=$(new_disk 64M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	mkfs.ext4 -q /dev/mapper/slow
	mkdir "$T/fs"
	mount /dev/mapper/slow "$T/fs"
	mkdir "$T/fs/below"
}

# hang_fs: lets this file system hang. From now on, a look-up of a path below $T/fs/below reads the disk.
hang_fs()
{
	sync
	dmsetup suspend --nolockfs slow
	echo 3 > /proc/sys/vm/drop_caches
}

test_create_while_the_file_system_of_another_volume_hangs()
{
	DESCRIPTION="while the file system with the metadata of a closed volume hangs, other volumes are created, opened, and served, and erad can be stopped"

	new_fs
	eractl create data "$(new_disk 64M)" --metadata "$T/fs/below/data" > /dev/null
	eractl close data
	hang_fs
	bounded 15 eractl create other "$(new_disk 64M)" > /dev/null || fail "no other volume is created"
	others_are_served
	fails_with "volume data: $T/fs/below/data was not examined within 20 seconds; check whether the device or its file system hangs" eractl open data
	eractl close other
	bounded 15 eractl open other > /dev/null || fail "the other volume is not opened"
	stops_soon
	dmsetup resume slow
	start_erad
	eractl open data > /dev/null
	no_gap data
	eractl close data
	umount "$T/fs"
}

test_open_while_the_file_system_of_the_noted_tokens_hangs()
{
	DESCRIPTION="while the file system with the noted tokens hangs, volumes are opened without a look at the tokens, other volumes are served, and erad can be stopped"

	new_fs
	mkdir "$T/fs/below/seen"
	ln -s "$T/fs/below/seen" /var/lib/erad/seen
	eractl create data "$(new_disk 64M)" > /dev/null
	eractl create other "$(new_disk 64M)" > /dev/null
	eractl checkpoint data > /dev/null
	eractl close data
	compgen -G "$T/fs/below/seen/*" > /dev/null || fail "no token was noted"
	umount "$T/fs"
	mount /dev/mapper/slow "$T/fs"
	hang_fs
	: > "${ERAD_OUT:-/tmp}/erad.log"
	bounded 30 eractl open data > /dev/null 2>&1 || fail "the volume is not opened"
	log_has "erad cannot notice whether the metadata was put back from an older copy"
	others_are_served
	stops_soon
	dmsetup resume slow
	start_erad
	no_gap data
	rm /var/lib/erad/seen
}

# slow_store: makes the volumes "data" and "other", and /dev/mapper/slow for the copy-on-write store
# of an image.
slow_store()
{
	local disk

	eractl create data "$(new_disk 64M)" > /dev/null
	eractl create other "$(new_disk 64M)" > /dev/null
	disk=$(new_disk 32M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
}

case_share["test_image_whose_store_hangs"]=newest
test_image_whose_store_hangs()
{
	DESCRIPTION="an image whose copy-on-write store hangs is refused in time and with a reason; meanwhile images of other volumes are made, and erad can be stopped"
	local create

	slow_store
	dmsetup suspend slow
	eractl image create data --cow /dev/mapper/slow 2> "$T/said" &
	create=$!
	nap 1
	bounded 9 eractl image create other > /dev/null || fail "no image of the other volume"
	eractl image drop other > /dev/null
	! wait "$create" || fail "the image has been made"
	grep -q "^eractl: volume data: the copy-on-write store at /dev/mapper/slow was not examined within 10 seconds; check whether the device hangs; if it does, name another place with --cow" "$T/said" || fail "got $(cat "$T/said")"
	fails_with "the copy-on-write store at /dev/mapper/slow cannot be examined, because an attempt to examine it has not ended" \
		eractl image create data --cow /dev/mapper/slow
	others_are_served
	stops_soon
	dmsetup resume slow
	start_erad
	eractl image create data --cow /dev/mapper/slow > /dev/null
	eractl image drop data > /dev/null
}

case_share["test_image_dropped_while_its_store_hangs"]=newest
test_image_dropped_while_its_store_hangs()
{
	DESCRIPTION="while the copy-on-write store of an image hangs, image drop says in time that the image cannot be dropped; reads of the volume complete, other volumes can be closed and opened, and erad can be stopped; later the image is dropped without a gap"
	local writer drop began i

	slow_store
	eractl image create data --cow /dev/mapper/slow > /dev/null
	dmsetup suspend slow
	write_at data 0 65536 &
	writer=$!
	nap 1
	fails_with "volume data: /dev/mapper/data-image was not removed within 10 seconds; check whether its copy-on-write store hangs or udev is slow; when the store works again, run 'eractl image drop data' again" \
		eractl image drop data
	bounded 10 eractl close other || fail "the other volume is not closed"
	bounded 10 eractl open other > /dev/null || fail "the other volume is not opened"
	fails_with "volume data: copies to the copy-on-write store have not ended within 10 seconds; check whether the store hangs; when it works again, run 'eractl image drop data' again" \
		eractl image drop data &
	drop=$!
	for ((i = 0; i < 8; i++)); do
		nap 1
		is_running $drop || break
		began=$(now_ms)
		bounded 9 dd if=/dev/mapper/data of=/dev/null bs=64K count=1 skip=$((32 + i)) iflag=direct status=none ||
			fail "a read of the volume waits during the drop"
		# The drop may end during the last read, but the read must not wait for this end.
		is_running $drop || (($(now_ms) - began < 3000 * SLOWNESS)) || fail "a read of the volume has waited for the end of the drop"
	done
	((i > 2)) || fail "the drop has ended after $i seconds, expected 10"
	wait $drop || fail "the second drop: see above"
	others_are_served
	stops_soon
	dmsetup resume slow
	wait "$writer"
	start_erad
	wait_until "the image is dropped" test ! -e /dev/mapper/data-image-store
	eractl image create data > /dev/null
	eractl image drop data > /dev/null
	no_gap data
}

case_share["test_image_of_a_logical_volume_dropped_while_its_store_hangs"]=newest
test_image_of_a_logical_volume_dropped_while_its_store_hangs()
{
	DESCRIPTION="image drop and image create --lvm run no lvm while the volume has an image of dm-snapshot, so they end in time although its copy-on-write store hangs; when the store works again, the image can be dropped"
	local disk writer

	new_vg 100M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	disk=$(new_disk 32M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl image create data --cow /dev/mapper/slow > /dev/null
	# From this write on, the beginning of the image is in the store. lvs reads the beginning of
	# a device, so lvs would hang with the store.
	write_at data 0 65536
	dmsetup suspend slow
	write_at data 1048576 65536 &
	writer=$!
	nap 1
	fails_with "volume data: it has an image already; run 'eractl image drop data' to drop it" eractl image create data --lvm --size 8M
	fails_with "volume data: /dev/mapper/data-image was not removed within 10 seconds; check whether its copy-on-write store hangs or udev is slow; when the store works again, run 'eractl image drop data' again" \
		eractl image drop data
	dmsetup resume slow
	wait "$writer"
	wait_until "the image is dropped" eval 'eractl image drop data || [[ ! -e /dev/mapper/data-image-store ]]'
	eractl image create data --lvm --size 8M > /dev/null
	eractl image drop data > /dev/null
	no_gap data
}

case_timeout["test_create_while_the_directory_of_erad_hangs"]=300
test_create_while_the_directory_of_erad_hangs()
{
	DESCRIPTION="while the writes to the file system of /var/lib/erad hang, or while it is frozen, create is refused in time and with a reason, and leaves nothing; other volumes are created elsewhere and served, and erad can be stopped"
	local origin why

	why="check whether the device or its file system hangs; if it does, name another place with --metadata"
	slow_home
	with_other
	origin=$(new_disk 64M)
	fsfreeze -f /var/lib/erad
	fails_with "volume data: /var/lib/erad/meta was not examined within 20 seconds; $why" \
		eractl create data "$origin" --metadata /var/lib/erad/meta
	others_are_served
	fsfreeze -u /var/lib/erad
	hang_writes
	fails_with "volume data: /var/lib/erad was not examined within 20 seconds; $why" eractl create data "$origin"
	others_are_served
	bounded 10 eractl create data "$origin" --metadata "$(new_disk 16M)" > /dev/null || fail "no volume with metadata elsewhere"
	bounded 10 eractl close data || fail "the volume is not closed"
	bounded 15 eractl forget data > /dev/null 2>&1 || fail "the volume is not forgotten"
	eractl create data "$origin" > /dev/null 2>&1 &
	nap 1
	stops_soon
	dmsetup resume slow
	start_erad
	same "$(ls -A /var/lib/erad)" "lost+found
seen"
	eractl create data "$origin" > /dev/null
	eractl close data
}

test_forget_while_the_directory_of_erad_hangs()
{
	DESCRIPTION="while the file system of /var/lib/erad is frozen, forget removes the line of eratab in time, and says that the metadata file is left"

	slow_home
	with_other
	eractl create data "$(new_disk 64M)" > /dev/null
	eractl close data
	fsfreeze -f /var/lib/erad
	bounded 40 eractl forget data > "$T/said" 2>&1 || fail "not forgotten: $(cat "$T/said")"
	grep -q "volume data: /var/lib/erad/data.erad is not removed: /var/lib/erad/data.erad was not examined within 20 seconds; check whether the device or its file system hangs; when its file system works again, remove the file" \
		"$T/said" || fail "got $(cat "$T/said")"
	same "$(grep -c '^data' /etc/eratab)" 0
	others_are_served
	stops_soon
	fsfreeze -u /var/lib/erad
	start_erad
	[[ -e /var/lib/erad/data.erad ]] || fail "the file was removed after forget had said that it is left"
}

case_timeout["test_resize_while_the_directory_of_erad_hangs"]=300
test_resize_while_the_directory_of_erad_hangs()
{
	DESCRIPTION="while the writes to the file system of /var/lib/erad hang, the resize of a volume with metadata there is refused in time and with a reason, and changes nothing; other volumes are served"
	local disk

	slow_home
	with_other
	disk=$(new_disk 64M)
	eractl create data "$disk" > /dev/null
	truncate -s 4G "$(losetup -nO BACK-FILE "$disk")"
	losetup -c "$disk"
	hang_writes
	fails_with "volume data: /var/lib/erad/data.erad was not examined within 20 seconds; check whether the device or its file system hangs" eractl resize data
	others_are_served
	dmsetup resume slow
	same "$(blockdev --getsize64 /dev/mapper/data)" 67108864
	wait_until "the volume is resized" eractl resize data
	eractl close data
	truncate -s 16G "$(losetup -nO BACK-FILE "$disk")"
	losetup -c "$disk"
	fsfreeze -f /var/lib/erad
	fails_with "volume data: /var/lib/erad/data.erad was not examined within 20 seconds" eractl resize data
	others_are_served
	stops_soon
	fsfreeze -u /var/lib/erad
	start_erad
	eractl resize data > /dev/null
	eractl open data > /dev/null
	same "$(blockdev --getsize64 /dev/mapper/data)" $((16 << 30))
	no_gap data
}

case_share["test_image_while_the_directory_of_erad_hangs"]=newest
case_timeout["test_image_while_the_directory_of_erad_hangs"]=300
test_image_while_the_directory_of_erad_hangs()
{
	DESCRIPTION="while the writes to the file system of /var/lib/erad hang, an image with a store or with metadata there is refused in time and with a reason; images with a store elsewhere are made, other volumes are served, and erad can be stopped"
	local hangs="was not examined within 20 seconds; check whether the device or its file system hangs"

	slow_home
	with_other
	eractl create data "$(new_disk 64M)" > /dev/null
	truncate -s 32M /var/lib/erad/store
	hang_writes
	fails_with "volume other: /var/lib/erad $hangs; if it does, name another place with --cow" eractl image create other
	fails_with "volume other: /var/lib/erad/store $hangs; if it does, name another place with --cow" eractl image create other --cow /var/lib/erad/store
	fails_with "volume data: /var/lib/erad/data.erad $hangs" eractl image create data --cow "$(new_disk 32M)"
	bounded 15 eractl image create other --cow "$(new_disk 32M)" > /dev/null 2>&1 || fail "no image with a store elsewhere"
	bounded 10 eractl image drop other > /dev/null || fail "the image is not dropped"
	others_are_served
	dmsetup resume slow
	wait_until "an image is made" eractl image create other --cow 16M
	eractl image drop other > /dev/null
	eractl image create data > /dev/null
	eractl image drop data > /dev/null
	no_gap data
}

case_timeout["test_resize_while_the_origin_hangs"]=400
test_resize_while_the_origin_hangs()
{
	DESCRIPTION="while a write to the origin of a volume hangs, resize is refused in time and with a reason, and changes nothing; meanwhile other volumes are closed, opened, created and served, and erad can be stopped; then the write completes, and the volume is resized without a gap"
	local disk writer late resize size=67108864
	local why="volume data: the size is unchanged, because I/O to origin /dev/mapper/slow has not ended within 20 seconds; check whether the origin hangs; when it works again, run 'eractl resize data' again"

	hung_volume
	disk=$(new_disk 64M)
	dmsetup suspend --noflush --nolockfs slow
	write_at data 0 4096 &
	writer=$!
	wait_until "the write is in flight" is_in_flight data
	eractl resize data --size 32M 2> "$T/resized" &
	resize=$!
	wait_until "the resize waits" suspend_waits
	write_at data 16777216 65536 &
	late=$!
	others_come_and_go "$disk"
	is_running $resize || fail "the resize has not waited: $(cat "$T/resized")"
	wait_until "the resize is refused" eval "! is_running $resize"
	! wait $resize || fail "the volume has been resized"
	grep -qF "$why" "$T/resized" || fail "got $(cat "$T/resized")"
	same "$(blockdev --getsize64 /dev/mapper/data)" $size
	! dmsetup info data | grep -q INACTIVE || fail "a table is left"
	others_are_served

	# The next erad resizes the volume, even if the swap of the old one has not ended.
	eractl resize data --size 32M > /dev/null 2>&1 &
	wait_until "the resize waits" suspend_waits
	stops_soon
	start_erad
	others_are_served
	dmsetup resume slow
	wait $writer || fail "the write has failed"
	wait $late || fail "a write that began during the resize has failed"
	wait_until "the volume is resized" eractl resize data --size 32M
	wait_until "the volume is served" eractl_state_is data active
	same "$(blockdev --getsize64 /dev/mapper/data)" 33554432
	eractl resize data > /dev/null
	bounded 9 write_at data 0 65536 || fail "writes are held"
	no_gap data
}

# new_record_volumes: makes the volumes "data", whose metadata is on /dev/mapper/slow, and "other".
new_record_volumes()
{
	with_other
	dmsetup create slow --table "0 131072 linear $(new_disk 64M) 0"
	eractl create data "$(new_disk 64M)" --metadata /dev/mapper/slow > /dev/null
}

test_close_while_a_degrade_record_hangs()
{
	DESCRIPTION="while the write of a degrade record hangs during the close of its volume, other volumes are closed, opened, created and served; when the metadata works again, the volume is closed, and the next open counts every block as written"
	local disk close

	disk=$(new_disk 64M)
	new_record_volumes
	hang_record data data
	eractl close data > "$T/close" 2>&1 &
	close=$!
	wait_until "the removal waits" removal_waits
	others_come_and_go "$disk"
	is_running $close || fail "the close has not waited: $(cat "$T/close")"
	dmsetup resume slow
	wait $close || fail "the volume is not closed: $(cat "$T/close")"
	eractl open data > /dev/null
	read_fully data || fail "got $(changed data 1)"
}

case_timeout["test_restart_while_a_degrade_record_hangs"]=300
test_restart_while_a_degrade_record_hangs()
{
	DESCRIPTION="while the write of a degrade record hangs during the close of its volume, erad can be stopped and started, and the next erad serves other volumes; when the metadata works again, the volume is closed or can be closed, and the next open counts every block as written"
	local disk

	: > "${ERAD_OUT:-/tmp}/erad.log"
	disk=$(new_disk 64M)
	new_record_volumes
	hang_record data data
	eractl close data > "$T/close" 2>&1 &
	wait_until "the removal waits" removal_waits
	# erad cannot end before a write to the metadata ends: see test_write_to_the_metadata_hangs.
	kill -TERM "$(erad_pid)"
	log_has "stopping while a volume thread or a request is still busy"
	start_erad
	removal_waits || fail "the removal has ended"
	others_come_and_go "$disk"
	dmsetup resume slow
	wait_until "the device is gone" eval '! removal_waits'
	wait_until "the volume can be opened" eval 'eractl close data; eractl open data' > "$T/said" 2>&1 || fail "$(cat "$T/said")"
	read_fully data || fail "got $(changed data 1)"
}
