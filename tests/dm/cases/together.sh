# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Checkpoints of several volumes at one moment: dependent writes across the volumes, volumes that
# cannot begin an era, and an erad that is killed while writes are held.

# make_volumes: creates the volumes a, b and c, with blocks of 4 KiB. The metadata of c is on /dev/mapper/hangs,
# which a case can suspend. Each write to it takes 10 ms, so c begins its era later than a and b.
make_volumes()
{
	local name disk

	for name in a b c; do
		disk=$(new_disk 16M)
		if [[ $name == c ]]; then
			slow_disk hangs "$(new_disk 64M)" 10
			eractl create c "$disk" --block-size 4K --metadata /dev/mapper/hangs > /dev/null
		else
			eractl create $name "$disk" --block-size 4K > /dev/null
		fi
	done
}

# refused COMMAND…: runs the command, which must fail with status 1 and print nothing. Its message is in $T/err.
refused()
{
	local status=0

	"$@" > "$T/out" 2> "$T/err" || status=$?
	same "$status $(< "$T/out")" "1 "
	grep -q "so the checkpoint of the [23] volumes has failed" "$T/err" || fail "got $(< "$T/err")"
}

# era_of NAME: prints the current era.
era_of()
{
	eractl status --json "$1" | field era
}

era_is()
{
	[[ $(era_of "$1") == "$2" ]]
}

# holding: begins a checkpoint of a, b and c in which a and b hold their writes, because the metadata
# of c hangs. Its status is the last line of $T/out.
holding()
{
	local era

	era=$(era_of a)
	dmsetup suspend --noflush --nolockfs hangs
	{
		status=0
		eractl checkpoint --together a b c || status=$?
		echo "status $status"
	} > "$T/out" 2> "$T/err" &
	checkpoint=$!
	wait_until "a has begun its era" era_is a $((era + 1))
}

# fails_while_holding TEXT COMMAND…: runs the command while a and b hold their writes, and then continues the metadata
# of c. The checkpoint must fail with this text. On a busy machine, the hold may have ended before the command, and then
# the checkpoint fails for another reason, or the command may have taken long and set $late. Then tries again, at most 5
# times.
fails_while_holding()
{
	local try

	for try in 1 2 3 4 5; do
		late=
		holding
		"${@:2}"
		dmsetup resume hangs
		wait "$checkpoint"
		dmsetup resume a	# no effect unless the command has suspended a
		[[ $late ]] || grep -q "within 5 seconds" "$T/err" || break
		echo "# attempt $try of '${*:2}' came too late or took too long: ${late:-$(< "$T/err")}"
	done
	[[ ! $late ]] || fail "$late"
	same "$(< "$T/out")" "status 1"
	grep -qF -- "$1" "$T/err" || fail "got $(< "$T/err"), expected $1"
	all_serve
}

# all_serve: fails unless all volumes serve writes and can have a checkpoint together.
all_serve()
{
	local name

	for name in a b c; do
		bounded 30 write_at $name $((RANDOM % 4096 * 4096)) 4096 || fail "$name does not serve writes"
	done
	eractl checkpoint --together a b c > "$T/out"
	same "$(wc -l < "$T/out")" 3
}

# await_failure TEXT: continues the metadata of c. The checkpoint must fail with this text.
await_failure()
{
	dmsetup resume hangs
	wait "$checkpoint"
	same "$(< "$T/out")" "status 1"
	grep -qF -- "$1" "$T/err" || fail "got $(< "$T/err"), expected $1"
	all_serve
}

case_timeout["test_together_cuts_dependent_writes_at_one_moment"]=3000
case_share["test_together_cuts_dependent_writes_at_one_moment"]=every
test_together_cuts_dependent_writes_at_one_moment()
{
	DESCRIPTION="a checkpoint of three volumes never has a write whose predecessor on another volume it does not have"

	make_volumes
	together "${ROUNDS:-1000}" a b c
	eractl checkpoint --together c a --json > "$T/json"
	same "$(field .volumes.0.volume .volumes.0.era .volumes.1.volume .volumes.1.era < "$T/json")" "c $(era_of c) a $(era_of a)"
	rm /var/lib/erad/a.erad
	eractl checkpoint --together a b > /dev/null
	[[ -e /var/lib/erad/a.erad ]] || fail "the checkpoint did not write the deleted metadata anew"
	same "$(eractl checkpoint --together b c --token | cut -d : -f 3 | paste -s -d ' ')" "$(era_of b) $(era_of c)"
}

test_together_ends_for_all_when_one_volume_cannot_begin()
{
	DESCRIPTION="if a volume is closed, suspended or has its metadata on another one, no volume gets an era, and the message names the volume"
	local eras status=0

	make_volumes
	eractl checkpoint --together a 2> "$T/err" || status=$?
	same "$status" 2
	grep -q "got 1 volumes, expected two or more" "$T/err" || fail "got $(< "$T/err")"
	eras="$(era_of a) $(era_of b) $(era_of c)"
	refused eractl checkpoint --together a nobody c
	grep -q "volume nobody: " "$T/err" || fail "got $(< "$T/err")"
	dmsetup suspend b
	refused bounded 30 eractl checkpoint --together a b c
	grep -q "volume b: the device is suspended; resume it first" "$T/err" || fail "got $(< "$T/err")"
	# b is still suspended, so the write to a does not wait for b.
	bounded 30 write_at a 0 4096 || fail "the write to a is held"
	dmsetup resume b
	same "$(era_of a) $(era_of b) $(era_of c)" "$eras"

	mkfs.ext4 -q /dev/mapper/a
	mkdir "$T/mnt"
	mount /dev/mapper/a "$T/mnt"
	eractl create onto "$(new_disk 4M)" --metadata "$T/mnt/onto.erad" > /dev/null
	refused bounded 30 eractl checkpoint --together b onto a
	grep -q "volume onto: its metadata $T/mnt/onto.erad lies on volume a" "$T/err" || fail "got $(< "$T/err")"
	eractl checkpoint --together b onto > /dev/null
	eractl close onto
	umount "$T/mnt"
}

test_together_holds_writes_for_a_limited_time()
{
	DESCRIPTION="while a volume cannot begin its era, the others hold first writes for 5 seconds, and then serve them and can have checkpoints and snapshots, though the volume still hangs"
	local began took era try

	make_volumes
	era=$(era_of a)
	# A busy machine may take longer, but not each time.
	for try in 1 2 3 4 5; do
		# The hold begins after this.
		began=$(now_ms)
		holding
		bounded 30 write_at a 4096 4096 || fail "the write to a is held"
		took=$(($(now_ms) - began))
		((took >= 4900)) || fail "the write to a has completed $took ms after the beginning of the checkpoint, expected 5000 or more"
		((SLOWNESS == 1 && took >= 8000 && try < 5)) || break
		await_failure "within 5 seconds"
		era=$(era_of a)
	done
	((SLOWNESS > 1 || took < 8000)) || fail "the write to a was held for $took ms, in each of 5 attempts for more than 8000 ms"
	# The metadata of c still hangs, so these do not wait for c.
	bounded 30 write_at b 4096 4096 || fail "the write to b is held"
	bounded 30 eractl checkpoint a > "$T/own" || fail "a cannot have a checkpoint"
	same "$(< "$T/own")" $((era + 2))
	bounded 30 eractl checkpoint --together b a > "$T/own" || fail "a and b cannot have a checkpoint together"
	bounded 30 eractl snapshot take b > /dev/null || fail "b cannot have a snapshot"
	eractl snapshot drop b
	is_running "$checkpoint" || fail "the checkpoint has ended, although the metadata of c hangs: $(< "$T/err")"
	await_failure "volume c: it has not begun its new era within 5 seconds, because its metadata is slow, hangs, or needs writes to one of the other volumes"
}

test_together_lets_the_others_go_when_a_volume_is_aborted()
{
	DESCRIPTION="an abort of a volume whose writes are held fails the checkpoint, and the other volumes serve writes at once"
	make_volumes
	fails_while_holding "volume a: held writes were failed" abort_lets_b_go
}

# abort_lets_b_go: aborts a while a write to b is held. Sets $late if the write to b takes so long that the limit of the
# hold, and not the abort, may have ended the hold.
abort_lets_b_go()
{
	local began

	began=$(now_ms)
	write_at b 4096 4096 &
	eractl abort a
	wait $! || fail "the write to b has failed"
	((SLOWNESS > 1 || $(now_ms) - began < 4000)) || late="the write to b was held for $(($(now_ms) - began)) ms"
}

test_together_fails_when_a_volume_is_suspended_while_it_holds()
{
	DESCRIPTION="if a volume is suspended and its writes go back to device-mapper while it waits for the others, the checkpoint fails"

	make_volumes
	fails_while_holding "volume a: its target was suspended, replaced or aborted" dmsetup suspend --noflush --nolockfs a
}

test_together_of_overlapping_sets()
{
	DESCRIPTION="checkpoints of overlapping sets, and of single volumes at the same time all succeed"
	local pids=() pid err i

	make_volumes
	: > "$T/late"
	for set in "--together a b" "--together c b" "--together c a b" "--together a c" b a; do
		err=$T/err.${#pids[@]}
		for ((i = 0; i < 15; i++)); do
			# On a busy machine, a checkpoint may have to wait for others for more than the 10 seconds
			# of its limit. Accept 2 of these, because a deadlock would make more.
			# shellcheck disable=SC2086 # words
			until eractl checkpoint $set 2> "$err"; do
				[[ $(< "$err") == *"another checkpoint or snapshot has not ended in time"* ]] || exit
				echo "$set" >> "$T/late"
				(($(wc -l < "$T/late") <= 2)) || exit
			done
		done > /dev/null &
		pids+=($!)
	done
	for pid in "${!pids[@]}"; do
		wait "${pids[pid]}" || fail "$(< "$T/err.$pid")"
	done
}

test_together_when_erad_is_killed()
{
	DESCRIPTION="if erad is killed while one volume has begun its era, the command fails for all, and the next erad serves all volumes"
	local i

	make_volumes
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	for i in 1 2 3; do
		arm TOGETHER_HELD $i
		status=0
		eractl checkpoint --together a b c > "$T/out" 2> "$T/err" || status=$?
		wait_killed
		same "$status $(< "$T/out")" "1 "
		wait_back
		all_serve
		together 100 a b c
	done
}
