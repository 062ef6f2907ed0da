# shellcheck shell=bash disable=SC2016,SC2034,SC2086
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl image create --together: images of several volumes at one moment.

# shellcheck source=tests/dm/image.sh
. tests/dm/image.sh

# make_volumes NAME…: creates volumes with blocks of 4 KiB
make_volumes()
{
	local name

	for name; do
		eractl create "$name" "$(new_disk 16M)" --block-size 4K > /dev/null
	done
}

# states NAME…: prints the states of the images
states()
{
	local name

	for name; do
		eractl status --json "$name" | field image.state
	done | paste -s -d ' '
}

states_are()
{
	[[ $(states a b) == "$1" ]]
}

# suspended_are NUMBER: succeeds if so many of the mapped devices are suspended
suspended_are()
{
	(($(dmsetup info -c --noheadings -o suspended | grep -cx Suspended) == $1))
}

is_suspended()
{
	[[ $(dmsetup info -c --noheadings -o suspended "$1") == Suspended ]]
}

has_stopped()
{
	grep -q "failpoint $1" "$T/life"
}

# kill_erad: kills the erad of keep_erad, and waits until the next one serves. Until the next one
# begins, its predecessor's messages must not look as if it served.
kill_erad()
{
	kill -STOP "$(erad_pid)"
	echo "failpoint of the test" >> "$T/life"
	kill -KILL "$(erad_pid)"
	wait_back
}

# go_on: fails unless a and b go on, and none of them has an image. The devices are as before.
go_on()
{
	wait_until "no volume has an image" states_are "null null"
	wait_until "the devices are as before" eval '[[ $(devices) == "$before" ]]'
	# Reads wait, too, while a volume is suspended. The load of a case verifies what it has
	# written to b, so nothing else may write to b.
	bounded 20 dd if=/dev/mapper/b of=/dev/null bs=4K count=1 iflag=direct status=none || fail "b is suspended"
	bounded 20 touch "$T/mnt/file" || fail "the file system on a is frozen"
	bounded 20 sync -f "$T/mnt" || fail "the file system on a takes no writes"
	wait_until "no note is left" eval '[[ ! $(compgen -G "/run/erad/images-*") ]]'
}

case_timeout["test_image_together_is_one_moment"]=7200
case_share["test_image_together_is_one_moment"]=both
test_image_together_is_one_moment()
{
	DESCRIPTION="images of three volumes under dependent writes never have a write whose predecessor on another volume they do not have; a write that is in no image is in the new era; no volume has a gap"

	make_volumes a b c
	together --images "${IMAGES:-25}" a b c
	no_gap a
	no_gap b
	no_gap c
}

case_timeout["test_image_together_with_a_volume_that_is_late"]=300
test_image_together_with_a_volume_that_is_late()
{
	DESCRIPTION="if one volume is suspended later than the others, the images are of one moment nevertheless: no volume goes on before all are suspended"
	local images pid late

	make_volumes a b c
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	arm TOGETHER_SUSPENDING 1 stop
	together --images 4 a b c &
	images=$!
	for late in 1 2 3 4; do
		# The images cannot be made while this process is stopped.
		wait_until "a process has stopped" eval 'pid=$(pgrep -r T -x erad-reader)'
		wait_until "the other two volumes are suspended" suspended_are 2
		# All three processes have passed the point, so the next one that stops is one of
		# the next images.
		((late == 4)) || arm TOGETHER_SUSPENDING 1 stop
		kill -CONT $pid
	done
	wait $images || fail "the images are not of one moment"
}

# dependent: writes the numbers 1, 2, … to files on the file systems of a and b, each when the one
# before it is on the disk, until $T/stop exists
dependent()
{
	local i

	for ((i = 1; ; i++)); do
		[[ ! -e $T/stop ]] || return 0
		# The redirection does not truncate the file, so the file is never empty.
		printf '%08d\n' $i 1<> "$T/a/number" && sync "$T/a/number" && printf '%08d\n' $i 1<> "$T/b/number" && sync "$T/b/number" ||
			echo "write $i" >> "$T/failed"
	done
}

# number_in NAME: prints the number in the image of the volume
number_in()
{
	local number

	number=$(debugfs -R 'cat /number' "/dev/mapper/$1-image" 2> /dev/null)
	echo $((10#$number))
}

test_image_together_of_mounted_file_systems()
{
	DESCRIPTION="images of two mounted ext4 under dependent writes are of one moment and clean; eractl prints a device and a token for each"
	local before writer i name a b

	make_volumes a b
	for name in a b; do
		mkfs.ext4 -q /dev/mapper/$name
		mkdir "$T/$name"
		mount /dev/mapper/$name "$T/$name"
		printf '%08d\n' 0 > "$T/$name/number"
		sync "$T/$name/number"
	done
	before=$(devices)
	dependent &
	writer=$!
	for ((i = 0; i < 3; i++)); do
		eractl image create --together b a --cow 24M > "$T/said" || fail "$(cat "$T/said")"
		same "$(sed 's/token .*/token/; s/still for .* ms/still/' "$T/said" | paste -s -d ' ')" "b: /dev/mapper/b-image, token b: I/O stood still a: /dev/mapper/a-image, token a: I/O stood still"
		same "$(states a b)" "valid valid"
		for name in a b; do
			e2fsck -fn /dev/mapper/$name-image > "$T/fsck" 2>&1 || fail "the image of $name is damaged: $(cat "$T/fsck")"
			dumpe2fs -h /dev/mapper/$name-image 2> /dev/null | grep -q needs_recovery && fail "the file system in the image of $name is not clean"
		done
		a=$(number_in a)
		b=$(number_in b)
		((a == b || a == b + 1)) || fail "the images have the numbers $a and $b"
		echo "# the images have the numbers $a and $b"
		eractl image drop a > /dev/null
		eractl image drop b > /dev/null
	done
	touch "$T/stop"
	wait $writer
	[[ ! -e $T/failed ]] || fail "$(cat "$T/failed")"
	same "$(devices)" "$before"
	umount "$T/a" "$T/b"
	no_gap a
	no_gap b
	same "$(eractl image create --together a b --json | field .volumes.0.volume .volumes.1.device)" "a /dev/mapper/b-image"
}

case_timeout["test_image_together_of_all_or_none"]=300
test_image_together_of_all_or_none()
{
	DESCRIPTION="if one volume is closed, suspended, has an image, lies on another one, or cannot be frozen within 30 seconds, no volume gets an image, the message names the volume, and all go on"
	local before status=0 create held loop

	make_volumes a c
	dmsetup create hangs --table "0 32768 linear $(new_disk 16M) 0"
	eractl create b "$(new_disk 16M)" --metadata /dev/mapper/hangs > /dev/null
	eractl create onto "$(new_disk 4M)" > /dev/null
	mkfs.ext4 -q /dev/mapper/a
	mkdir "$T/mnt"
	mount /dev/mapper/a "$T/mnt"
	before=$(devices)
	for arguments in "a" "a a" "a b --cow $T/none" "a b --lvm"; do
		status=0
		eractl image create --together $arguments > "$T/said" 2>&1 || status=$?
		same "$status" 2
	done
	refused "volume nobody: " image create --together a nobody b
	refused "so none of the 3 volumes has got an image" image create --together a nobody b
	eractl image create b > /dev/null
	refused "volume b: the volume has an image already, which is valid" image create --together a b c
	eractl image drop b > /dev/null
	go_on
	dmsetup suspend --noflush --nolockfs c
	refused "volume c: /dev/mapper/c is suspended" image create --together a b c
	dmsetup resume c
	go_on
	eractl close onto
	refused "volume onto: it is closed" image create --together a b onto
	eractl forget onto > /dev/null
	eractl create onto "$(new_disk 4M)" --metadata "$T/mnt/onto.erad" > /dev/null
	before=$(devices)
	refused "volume onto: its metadata $T/mnt/onto.erad lies on volume a" image create --together b onto a
	go_on
	eractl close onto
	eractl forget onto > /dev/null
	truncate -s 4M "$T/mnt/onto.img"
	loop=$(losetup --find --show "$T/mnt/onto.img")
	eractl create onto "$loop" > /dev/null
	before=$(devices)
	refused "volume onto: it lies on volume a" image create --together b onto a
	go_on
	eractl close onto
	eractl forget onto > /dev/null
	losetup -d "$loop"
	before=$(devices)

	# When the new tables are loaded, the metadata of b begins to hang. So a write to b is held,
	# and b cannot be suspended.
	stop_erad
	start_erad_armed TOGETHER_LOADED 1 stop
	eractl image create --together a b c > "$T/said" 2>&1 &
	create=$!
	wait_until "erad has stopped" has_stopped TOGETHER_LOADED
	dmsetup suspend --noflush --nolockfs hangs
	write_at b 0 4096 &
	held=$!
	wait_until "the write to b is held" eval '[[ $(dmsetup status b | awk "{ print \$9 }") == 1 ]]'
	kill -CONT "$(erad_pid)"
	wait_until "a is suspended" is_suspended a
	bounded 60 touch "$T/mnt/later" || fail "the file system on a stays frozen"
	bounded 20 write_at c 0 4096 || fail "c takes no writes"
	is_running $held || fail "the write to b was not held"
	dmsetup resume hangs
	wait $create && fail "it worked, expected a failure: $(cat "$T/said")"
	grep -q "volume b: it was not frozen and suspended within 30 seconds" "$T/said" || fail "got '$(cat "$T/said")'"
	wait $held || fail "the write to b failed"
	go_on
	umount "$T/mnt"
	no_gap a
	no_gap b
	no_gap c
}

# fails_at POINT TEXT: runs image create, which must fail with the text, because a process kills
# itself at the point
fails_at()
{
	arm $1
	bounded 60 eractl image create --together a b > "$T/said" 2>&1 && fail "create worked at $1"
	wait_killed
	grep -qF "$2" "$T/said" || fail "got '$(cat "$T/said")' at $1, expected '$2'"
}

case_timeout["test_image_together_killed_at_every_step"]=900
case_share["test_image_together_killed_at_every_step"]=both
test_image_together_killed_at_every_step()
{
	DESCRIPTION="if erad or a process that suspends the volumes is killed at any step of image create --together, the volumes go on, no write fails, and no volume keeps an image"
	local before point create pid pids load_pid made=0

	make_volumes a b
	mkfs.ext4 -q /dev/mapper/a
	mkdir "$T/mnt"
	mount /dev/mapper/a "$T/mnt"
	load -t 1 -s 100000 /dev/mapper/b > "$T/load" 2>&1 &
	load_pid=$!
	before=$(devices)
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	# erad is killed.
	for point in $(points images); do
		fails_at $point "erad stopped before it answered"
		wait_back
		go_on
	done
	# A process that suspends a volume is killed, and then the parent of these processes.
	for point in $(points frozen); do
		fails_at $point "so none of the 2 volumes has got an image"
		go_on
	done
	# erad is killed while such a process is stopped, and this process goes on later; then all
	# of the processes are killed.
	for how in cont kill; do
		for point in TOGETHER_SUSPENDING TOGETHER_ALL_FROZEN TOGETHER_THAWED; do
			arm "$point" 1 stop
			eractl image create --together a b > "$T/said" 2>&1 &
			create=$!
			wait_killed
			wait_until "a process is stopped" eval 'pids=$(pgrep -r T -x erad-reader)'
			[[ $how == cont ]] || pkill -KILL -x erad-reader
			kill_erad
			wait $create && fail "create worked at $point"
			[[ $how == kill ]] || kill -CONT $pids
			go_on
		done
	done
	is_running $load_pid || fail "the load has ended: $(cat "$T/load")"
	kill -TERM $load_pid
	wait $load_pid || fail "$(cat "$T/load")"
	umount "$T/mnt"
	e2fsck -fn /dev/mapper/a > "$T/fsck" 2>&1 || fail "the volume is damaged: $(cat "$T/fsck")"
	# A create that nothing interrupts works afterwards. Of two at the same time, one waits for
	# the other and is refused.
	for pid in 1 2; do
		eractl image create --together a b > "$T/said.$pid" 2>&1 &
		pids[pid]=$!
	done
	# If a table is replaced meanwhile, the checkpoint fails.
	bounded 120 eractl checkpoint --together b a > "$T/eras" 2>&1 || (($? == 1)) || fail "the checkpoint has not ended"
	for pid in 1 2; do
		wait ${pids[pid]} && ((++made)) || grep -q "has an image already\|another request for this volume" "$T/said.$pid" || fail "$(< "$T/said.$pid")"
	done
	same "$made $(states a b)" "1 valid valid"
}

# eventually COMMAND…: returns when COMMAND succeeds. For bounded, if 30 seconds are too few.
eventually()
{
	until "$@" > /dev/null 2>&1; do
		nap 0.1
	done
}

# leave_note NUMBER MARKS: leaves a note about a and b, as a killed erad does, and lets the next
# erad undo it
leave_note()
{
	local note=/run/erad/images-$1 name

	printf 'begun\n%s\n' "$2" > "$note"
	for name in a b; do
		echo "$name $(dmsetup info -c --noheadings --separator : -o major,minor $name)" >> "$note"
	done
	start_erad
	# erad first waits until it has attached to all volumes.
	bounded 120 eventually test ! -e "$note" || fail "the note is not undone"
}

test_image_together_undoes_only_what_it_made()
{
	DESCRIPTION="a note that was left drops only images with its number; only volumes that it has suspended are resumed, and a table of somebody else stays loaded; images that are complete when erad has found their note are kept; a damaged note is kept, and nothing that it may name is changed"
	local images name note=/run/erad/images-0123456789abcdef

	make_volumes a b
	eractl image create a > /dev/null
	stop_erad
	leave_note 0123456789abcdef --
	same "$(states a b)" "valid null"
	eractl image drop a > /dev/null

	dmsetup suspend --noflush --nolockfs a
	dmsetup suspend --noflush --nolockfs b
	dmsetup load a --table "$(dmsetup table a)"
	stop_erad
	leave_note 0123456789abcdef -S
	is_suspended a || fail "a was resumed, but no image had suspended it"
	dmsetup info a | grep -q "LIVE & INACTIVE" || fail "the loaded table was dropped"
	wait_until "b was resumed" eval '! is_suspended b'
	dmsetup clear a
	dmsetup resume a

	# The metadata of another volume hang, so erad cannot attach to this volume. When erad gives
	# up, it logs the reason.
	dmsetup create hangs --table "0 32768 linear $(new_disk 16M) 0"
	eractl create c "$(new_disk 16M)" --metadata /dev/mapper/hangs > /dev/null
	stop_erad
	dmsetup suspend --noflush --nolockfs b
	dmsetup suspend --noflush --nolockfs hangs
	printf 'begun\n-S\n' > "$note"
	for name in a b; do
		echo "$name $(dmsetup info -c --noheadings --separator : -o major,minor $name)" >> "$note"
	done
	: > "$T/life"
	build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
	echo $! > /run/vm/erad.pid
	wait_until "b was resumed" eval '! is_suspended b'
	! grep "volume c" "$T/life" || fail "b was resumed only when erad had given up c"
	dmsetup resume hangs
	bounded 120 eventually test ! -e "$note" || fail "the note is not undone"
	wait_until "erad serves c" eractl checkpoint c
	eractl close c
	eractl forget c
	dmsetup remove hangs

	# The end of the note is missing.
	stop_erad
	dmsetup suspend --noflush --nolockfs b
	printf 'begun\nSS\na %s\nb 25' "$(dmsetup info -c --noheadings --separator : -o major,minor a)" > "$note"
	# erad is killed when it has looked at the note once.
	start_erad_armed TOGETHER_FOUND 2
	bounded 120 eventually test ! -s "$T/armed" || fail "erad does not look at the damaged note again"
	wait_until "erad is gone" erad_gone
	test -e "$note" || fail "the damaged note was removed"
	is_suspended b || fail "b was resumed by a damaged note"
	start_erad
	refused "$note is damaged" image create a
	refused "$note is damaged" image create --together a b
	dmsetup resume b
	rm "$note"

	# erad finds the note of a request that completes before erad locks the note.
	stop_erad
	start_erad_armed TOGETHER_SERVED
	eractl image create --together a b > /dev/null 2>&1 && fail "create worked, but erad was killed"
	wait_killed
	wait_until "erad is gone" erad_gone
	images=$(compgen -G "/run/erad/images-*")
	echo "TOGETHER_FOUND 1 stop" > "$T/armed"
	ERAD_FAILPOINT=$T/armed build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
	echo $! > /run/vm/erad.pid
	wait_until "erad has found the note" has_stopped TOGETHER_FOUND
	grep -qx erad-image "/proc/$(erad_pid)/task/"*/comm || fail "the thread has another name"
	rm "$images"
	kill -CONT "$(erad_pid)"
	wait_until "erad answers" eractl list
	# After the notes, erad looks at the other images, and then ends this thread.
	wait_until "erad has looked at all images" eval '! grep -qx erad-image /proc/$(erad_pid)/task/*/comm'
	same "$(states a b)" "valid valid"
}

# stopped_at POINT: runs image create of a and b, until erad or a process that suspends the volumes
# stops at the point
stopped_at()
{
	arm "$1" 1 stop
	eractl image create --together a b > "$T/said" 2>&1 &
	create=$!
	wait_until "a process has stopped" eval '[[ ! -s $T/armed ]] && pgrep -r T erad'
}

# reads_work NAME…: fails if one of the volumes stays suspended
reads_work()
{
	local name

	for name; do
		bounded 120 dd if=/dev/mapper/$name of=/dev/null bs=4K count=1 iflag=direct status=none || fail "$name stays suspended"
	done
}

# failed TEXT: fails unless the create has failed with the text
failed()
{
	wait $create && fail "create worked, expected a failure"
	grep -qF "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
}

case_timeout["test_image_together_beside_other_programs"]=600
test_image_together_beside_other_programs()
{
	DESCRIPTION="if another program suspends or resumes a volume during image create --together, or one of the processes that suspend them stops or gets signals, no volume gets an image, no volume stays suspended, and the suspend of the other program stays"
	local before create pid signal

	make_volumes a b
	mkfs.ext4 -q /dev/mapper/a
	mkdir "$T/mnt"
	mount /dev/mapper/a "$T/mnt"
	before=$(devices)
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back

	stopped_at TOGETHER_LOADED
	dmsetup suspend --noflush --nolockfs b
	kill -CONT "$(erad_pid)"
	failed "volume b: /dev/mapper/b is suspended; resume it first"
	is_suspended b || fail "the suspend of the other program has ended"
	dmsetup resume b
	go_on
	kill_erad

	stopped_at TOGETHER_ALL_FROZEN
	suspended_are 2 || fail "a and b are not suspended"
	dmsetup resume b
	kill -CONT "$(pgrep -r T -x erad-reader)"
	failed "volume b: another program has resumed /dev/mapper/b"
	go_on

	# The process that commands the suspends stays stopped.
	stopped_at TOGETHER_ALL_FROZEN
	pid=$(pgrep -r T -x erad-reader)
	reads_work a b
	kill -CONT "$pid"
	failed "so none of the 2 volumes has got an image"
	go_on

	# A process that has suspended a volume stays stopped.
	stopped_at TOGETHER_FROZEN
	reads_work a b
	failed "so none of the 2 volumes has got an image"
	go_on

	no_gap a
	no_gap b
	# While all volumes are suspended, all these processes get the signals of a shutdown, and
	# erad does nothing. The new tables come into use without erad, so now there may be a gap.
	stopped_at TOGETHER_ALL_FROZEN
	pid=$(pgrep -r T -x erad-reader)
	kill -STOP "$(erad_pid)"
	for signal in TERM HUP INT QUIT USR1 USR2; do
		pkill -$signal -x erad-reader
	done
	kill -CONT "$pid"
	reads_work a b
	kill_erad
	failed "erad stopped before it answered"
	go_on
	umount "$T/mnt"
}

case_timeout["test_image_together_with_a_volume_that_hangs"]=400
test_image_together_with_a_volume_that_hangs()
{
	DESCRIPTION="if the freeze of a volume hangs, the message and the log name it, the other volume goes on and can be closed with its image, and all is undone when the hang ends"
	local before create hung=/proc/sys/kernel/hung_task_timeout_secs timeout

	# The kernel of the tests panics when a task has been blocked for this time. This freeze
	# hangs for about 100 seconds, or for longer on a busy machine.
	timeout=$(< $hung)
	echo 1200 > $hung
	make_volumes a
	dmsetup create hangs --table "0 65536 linear $(new_disk 32M) 0"
	eractl create b /dev/mapper/hangs --block-size 4K > /dev/null
	mkfs.ext4 -q /dev/mapper/b
	mkdir "$T/mnt"
	mount /dev/mapper/b "$T/mnt"
	before=$(devices)
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	# erad has synced the file systems, and now this file is dirty, and no signal ends the wait
	# for it.
	stopped_at TOGETHER_LOADED
	head -c 100000 /dev/urandom > "$T/mnt/dirty"
	dmsetup suspend --noflush --nolockfs hangs
	kill -CONT "$(erad_pid)"
	bounded 200 eventually eval '! is_running $create' || fail "create has not ended"
	failed "volume b: its file system is still being frozen or thawed after 75 seconds; check whether its origin hangs"
	reads_work a
	wait_until "the image of a is dropped" eval '[[ $(states a) == null ]]'
	wait_until "the log names b" grep -q "volume b: the image that .* cannot be dropped now: the process that suspends it has not ended" "$T/life"
	refused "and volume b is not undone yet" image create a
	eractl image drop b > "$T/said" 2>&1 && fail "the image of b was dropped while its freeze hangs"
	bounded 60 eractl close a || fail "a cannot be closed"
	eractl open a
	dmsetup resume hangs
	wait_until "no note is left" eval '[[ ! $(compgen -G "/run/erad/images-*") ]]'
	same "$(devices)" "$before"
	same "$(states a b)" "null null"
	bounded 20 sync -f "$T/mnt" || fail "the file system on b takes no writes"
	echo $timeout > $hung
	umount "$T/mnt"
	no_gap a
	no_gap b
	eractl image create --together a b > /dev/null
}

# images_of SET: makes and drops images of the volumes of the set, several times. Appends a line to
# $T/made for each time. Appends each refusal to $T/refused.
images_of()
{
	local set=$1 i name

	for ((i = 0; i < 8; i++)); do
		if eractl image create $set > /dev/null 2>> "$T/refused"; then
			echo "$set" >> "$T/made"
			for name in ${set#--together }; do
				eractl image drop "$name" > /dev/null || exit
			done
		fi
		sleep 0.1
	done
}

case_timeout["test_image_together_of_overlapping_sets"]=300
test_image_together_of_overlapping_sets()
{
	DESCRIPTION="image create of overlapping sets and of single volumes, at the same time: each one either makes all its images or is refused with the name of a volume in use, and all end"
	local pids=() pid set

	make_volumes a b c
	: > "$T/made"
	: > "$T/refused"
	for set in "--together a b" "--together c b" "--together b c a" b; do
		images_of "$set" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "dropping an image failed"
	done
	! grep -v -e "volume [abc]: another request for this volume is being carried out" -e "volume [abc]: the volume has an image already, which is" \
		"$T/refused" || fail "a refusal has another reason"
	same "$(states a b c)" "null null null"
	suspended_are 0 || fail "a device is suspended"
	no_gap a
	no_gap b
	no_gap c
	for set in "--together a b" "--together c b" "--together b c a" b; do
		grep -qx -e "$set" "$T/made" || eractl image create $set > /dev/null || fail "no image of $set could be made"
	done
}
