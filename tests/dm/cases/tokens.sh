# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Tokens: diff refuses a token that the metadata does not know, so that an increment is never made
# from the eras of another copy.

# due TOKEN REASON: checks that a diff since the token exits with status 3, and prints the reason,
# as text and as JSON.
due()
{
	local status=0

	eractl diff data --since "$1" --format ranges > "$T/out" 2> "$T/err" || status=$?
	same "$status" 3
	grep -q "a full copy is due: .*$2" "$T/err" || fail "got $(cat "$T/err"), expected $2"
	same "$(cat "$T/out")" incomplete
	status=0
	eractl diff data --since "$1" --json > "$T/json" 2> "$T/err" || status=$?
	same "$status" 3
	[[ $(field .full_copy_due < "$T/json") == *"$2"* ]] || fail "got $(cat "$T/json"), expected full_copy_due"
}

test_a_token_of_metadata_that_was_rolled_back_is_refused()
{
	DESCRIPTION="diff exits with status 3 for a token that is newer than metadata put back from an older copy, for a token of another volume, and for an era that is not in the token's timeline; a restart of erad begins no timeline"
	local m=/var/lib/erad/data.erad token old other

	eractl create data "$(new_disk 64M)"
	old=$(eractl checkpoint data --token)
	[[ $old =~ ^[0-9a-f-]{36}:[0-9a-f]{16}:2$ ]] || fail "got token $old"
	same "$(eractl status --json data | field token)" "$old"
	write_at data 0 4096
	same "$(eractl diff data --since "$old" --format ranges)" "0 65536"
	same "$(eractl diff data --since "$old" --json | field .token)" "$old"
	eractl close data
	# A diff of a closed volume accepts a token, too.
	same "$(eractl diff data --since "$old" --format ranges)" "0 65536"
	cp --sparse=always $m "$T/night"
	eractl open data > /dev/null
	token=$(eractl checkpoint data --token)
	[[ ${token%:*} != "${old%:*}" ]] || fail "the timeline is the same after an open: $token"
	write_at data 1048576 4096
	same "$(eractl diff data --since "$token" --format ranges)" "1048576 65536"
	same "$(eractl diff data --since "$old" --format ranges)" "0 65536
1048576 65536"
	due "${old%:*}:${token##*:}" "has no era ${token##*:} in it"
	due "${token%:*}:99" "has no era 99 in it"
	# Restart erad while the target is live.
	kill_erad
	start_erad
	wait_until "data is served" eractl_state_is data active
	same "$(eractl diff data --since "$token" --format ranges)" "1048576 65536"
	other=$(eractl checkpoint data --token)
	same "${other%:*}" "${token%:*}"

	eractl close data
	cp --sparse=always "$T/night" $m
	eractl open data > /dev/null
	eractl checkpoint data > /dev/null
	due "$token" "does not know the token's timeline"
	# The open has noticed that the metadata was put back, so this diff lists everything.
	same "$(eractl diff data --since "$old" --format ranges 2> /dev/null)" "0 67108864"
	eractl create other "$(new_disk 64M)" > /dev/null
	due "$(eractl status --json other | field token)" "the token is of metadata with UUID"
	eractl diff data --since "${token}0x" 2> "$T/err" && fail "a token with more behind it was accepted"
	grep -q "or a token of" "$T/err" || fail "got $(cat "$T/err")"
}

# gap_kinds: prints the kinds of the gaps, the oldest first. If metadata was put back in the same
# boot, there may be a second gap, because the counters of the origin show writes that this metadata
# does not know.
gap_kinds()
{
	eractl status --json data | grep -o '"kind": *"[^"]*"' | sed 's/.*"\(.*\)"/\1/'
}

test_metadata_put_back()
{
	DESCRIPTION="the first open of metadata that was put back from an older copy notices this, and a diff since an era that erad has noted lists everything"
	local m=/var/lib/erad/data.erad full next uuid

	eractl create data "$(new_disk 64M)" > /dev/null
	uuid=$(eractl status --json data | field uuid)
	eractl checkpoint data > /dev/null
	eractl close data
	cp --sparse=always $m "$T/night"
	eractl open data > /dev/null
	full=$(eractl checkpoint data)
	wait_until "the token is noted" no_child
	same "$(sed 's/.*://' "/var/lib/erad/seen/$uuid")" "$full"
	write_at data 1048576 4096
	# A restart of erad makes no gap, and neither does a close and an open.
	kill_erad
	start_erad
	wait_until "active" eractl_state_is data active
	eractl close data
	eractl open data > /dev/null
	same "$(gap_kinds)" ""
	# The last open has noted the token of the era that it has begun.
	wait_until "the token is noted" no_child
	same "$(sed 's/.*://' "/var/lib/erad/seen/$uuid")" $((full + 1))
	eractl close data
	cp --sparse=always "$T/night" $m
	sed -i 's/^data.*/& gap=refuse/' /etc/eratab
	eractl open data 2> "$T/err" && fail "open with gap=refuse succeeded"
	grep -q "(metadata-rolled-back): the metadata, in era 2, does not know the noted era $((full + 1)): an older copy, or a clone with the same UUID; .*'eractl open data --accept-gap'.*; if the volume is a clone, 'eractl forget data' and 'eractl create' give it" "$T/err" ||
		fail "got $(cat "$T/err")"
	sed -i 's/ gap=refuse//' /etc/eratab
	eractl open data > /dev/null
	same "$(gap_kinds | head -n 1)" metadata-rolled-back
	next=$(eractl checkpoint data)
	same "$(changed data "$full")" "0 67108864"
	write_at data 2097152 4096
	same "$(changed data "$next")" "2097152 65536"
	eractl close data
	eractl open data > /dev/null
	same "$(gap_kinds | head -n 1)" metadata-rolled-back
	eractl close data
	eractl forget data > /dev/null
	[[ ! -e /var/lib/erad/seen ]] || fail "forget has left $(ls -R /var/lib/erad/seen)"
}

test_metadata_put_back_without_a_checkpoint()
{
	DESCRIPTION="an open notices metadata that was put back even if the volume was only opened since the older copy was made; if /var/lib/erad is missing or read-only, an open notes no token and prints no message"
	local meta uuid

	meta=$(new_disk 8M)
	eractl create data "$(new_disk 64M)" --metadata "$meta" > /dev/null
	uuid=$(eractl status --json data | field uuid)
	wait_until "the token is noted" no_child
	same "$(cat "/var/lib/erad/seen/$uuid")" "$(eractl status --json data | field token)"
	eractl close data
	dd if="$meta" of="$T/night" bs=1M status=none
	eractl open data > /dev/null
	wait_until "the token is noted" no_child
	same "$(cat "/var/lib/erad/seen/$uuid")" "$(eractl status --json data | field token)"
	write_at data 1048576 4096
	eractl close data
	dd if="$T/night" of="$meta" bs=1M oflag=direct status=none
	eractl open data > /dev/null
	same "$(gap_kinds | head -n 1)" metadata-rolled-back
	log_has "volume data: if its metadata was put back from an older copy, make a full copy of the volume; if the volume is a clone"
	same "$(changed data 1 2> /dev/null)" "0 67108864"

	mv /var/lib/erad /var/lib/away
	eractl close data
	same "$(eractl open data 2>&1 > /dev/null)" ""
	[[ ! -e /var/lib/erad ]] || fail "open has made /var/lib/erad"
	mv /var/lib/away /var/lib/erad
	mount --bind /var/lib/erad /var/lib/erad
	mount -o remount,bind,ro /var/lib/erad
	eractl close data
	same "$(eractl open data 2>&1 > /dev/null)" ""
	umount /var/lib/erad
	same "$(gap_kinds | head -n 1)" metadata-rolled-back
}

test_clone_with_the_same_uuid()
{
	DESCRIPTION="a clone (a copy of the origin and of the metadata) gets a gap when it is opened after its original, and the original gets a gap when it is opened after the clone; after forget and create of the clone, both volumes are exact"
	local origin copy uuid before

	origin=$(new_disk 64M)
	copy=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	uuid=$(eractl status --json data | field uuid)
	write_at data 0 4096
	eractl close data
	dd if="$origin" of="$copy" bs=1M oflag=direct status=none
	cp --sparse=always /var/lib/erad/data.erad "$T/clone.erad"
	echo "clone $copy $T/clone.erad" >> /etc/eratab
	eractl open data > /dev/null
	write_at data 1048576 4096
	eractl close data
	eractl open clone > /dev/null
	log_has "volume clone: .*(metadata-rolled-back): .*: an older copy, or a clone with the same UUID; every block"
	same "$(changed clone 1 2> /dev/null)" "0 67108864"
	eractl close clone
	eractl forget clone | grep -q "; the note of its newest token stays for volume data, whose metadata has the same UUID" ||
		fail "forget does not say that the note stays"
	[[ -e /var/lib/erad/seen/$uuid ]] || fail "there is no note"
	eractl create clone "$copy" > /dev/null
	# The note now contains a token of the clone. So the open of the original records a gap.
	eractl open data > /dev/null
	same "$(gap_kinds)" metadata-rolled-back
	before=$(eractl checkpoint data)
	write_at data 2097152 4096
	same "$(changed data "$before")" "2097152 65536"
	eractl close clone
	eractl open clone > /dev/null
	same "$(eractl status --json clone | grep -c '"kind"')" 0
}

test_a_forgotten_clone_leaves_the_note_of_its_original()
{
	DESCRIPTION="forget of a clone that has the UUID of its original leaves the note of the newest token: metadata of the original that is put back is noticed"

	eractl create data "$(new_disk 64M)" > /dev/null
	write_at data 0 4096
	eractl close data
	cp --sparse=always /var/lib/erad/data.erad "$T/older"
	echo "clone $(new_disk 64M) $T/older" >> /etc/eratab
	eractl open data > /dev/null
	eractl checkpoint data > /dev/null
	eractl close data
	eractl forget clone > /dev/null
	cp --sparse=always "$T/older" /var/lib/erad/data.erad
	eractl open data > /dev/null
	same "$(gap_kinds)" metadata-rolled-back
	read_fully data || fail "got $(changed data 1)"
	eractl close data
	eractl forget data > /dev/null
	[[ ! -e /var/lib/erad/seen ]] || fail "forget has left $(ls -R /var/lib/erad/seen)"
}

test_checkpoint_does_not_wait_for_its_note()
{
	DESCRIPTION="if the file system with the note of the newest token is frozen, checkpoint and forget still end, and say that the note was not written or removed; after the thaw, the note is written or removed"
	local disk uuid era

	disk=$(new_disk 32M)
	mkfs.ext4 -q "$disk"
	mkdir -p /var/lib/erad/seen
	mount "$disk" /var/lib/erad/seen
	eractl create data "$(new_disk 64M)" > /dev/null
	uuid=$(eractl status --json data | field uuid)
	eractl checkpoint data > /dev/null
	fsfreeze -f /var/lib/erad/seen
	era=$(bounded 30 eractl checkpoint data 2> "$T/err") || {
		fsfreeze -u /var/lib/erad/seen
		fail "the checkpoint has failed or has not ended"
	}
	fsfreeze -u /var/lib/erad/seen
	same "$era" 3
	grep -q "cannot save token .* in /var/lib/erad/seen: Connection timed out" "$T/err" || fail "got $(cat "$T/err")"
	wait_until "the token is noted" grep -q ":3$" "/var/lib/erad/seen/$uuid"
	eractl close data
	fsfreeze -f /var/lib/erad/seen
	bounded 30 eractl forget data > "$T/out" 2> "$T/err" || {
		fsfreeze -u /var/lib/erad/seen
		fail "the forget has failed or has not ended: $(cat "$T/err")"
	}
	grep -q "the note /var/lib/erad/seen/$uuid cannot be removed: Connection timed out; the volume is forgotten, so remove the file" "$T/err" ||
		fail "got $(cat "$T/err")"
	bounded 30 eractl list > /dev/null 2>&1 || fail "erad does not answer"
	fsfreeze -u /var/lib/erad/seen
	note_is_gone() { [[ ! -e /var/lib/erad/seen/$uuid ]]; }
	wait_until "the note is removed" note_is_gone
	wait_until "unmounted" umount /var/lib/erad/seen
}

test_bookmarks()
{
	DESCRIPTION="a bookmark exists after a kill of erad and a close of its volume; diff, send and verify accept the bookmark; metadata that was restored from a dump has no bookmarks"
	local m=/var/lib/erad/data.erad token set

	eractl create data "$(new_disk 64M)" > /dev/null
	eractl bookmark data 2> "$T/err"
	grep -q "there are no bookmarks" "$T/err" || fail "got $(cat "$T/err")"
	write_at data 0 4096
	token=$(eractl checkpoint data --token)
	set=$(eractl bookmark data nightly)
	[[ $set =~ :3$ ]] || fail "got token $set, expected one of era 3"
	dd if=/dev/mapper/data of="$T/copy" bs=1M iflag=direct status=none
	write_at data 1048576 4096
	same "$(eractl diff data --since @nightly --format ranges)" "1048576 65536"
	same "$(eractl bookmark data weekly --token "$token")" "$token"
	same "$(eractl diff data --since @weekly --format ranges)" "1048576 65536"
	kill_erad
	start_erad
	wait_until "data is served" eractl_state_is data active
	same "$(eractl bookmark data | awk 'NR > 1 { print $1, $4 }')" "nightly $set
weekly $token"
	eractl verify data --base "$T/copy" --since @nightly > "$T/out"
	eractl send data --since @nightly > "$T/stream"
	(($(stat -c %s "$T/stream") < 200000)) || fail "the increment has $(stat -c %s "$T/stream") bytes"
	eractl send data --since "$set" > "$T/same"
	same "$(stat -c %s "$T/stream")" "$(stat -c %s "$T/same")"
	# Setting a bookmark that exists replaces its token.
	eractl bookmark data nightly > "$T/token"
	same "$(eractl diff data --since @nightly --format ranges)" ""

	eractl bookmark data weekly --delete
	eractl bookmark data weekly --delete 2> "$T/err" && fail "a bookmark was deleted twice"
	grep -q "volume data: there is no bookmark weekly" "$T/err" || fail "got $(cat "$T/err")"
	eractl diff data --since @weekly 2> "$T/err" && fail "there was a diff since a bookmark that was deleted"
	grep -q "there is no bookmark weekly" "$T/err" || fail "got $(cat "$T/err")"
	eractl bookmark data a/b 2> "$T/err" && fail "a name with a slash was accepted"
	grep -q "bookmark a/b: expected 1 to 40 letters" "$T/err" || fail "got $(cat "$T/err")"
	eractl bookmark data later --token "${token%:*}:99" 2> "$T/err" && fail "a token that is not known was accepted"
	grep -q "bookmark later: .*has no era 99 in it" "$T/err" || fail "got $(cat "$T/err")"

	write_at data 2097152 4096
	eractl close data
	same "$(eractl bookmark data --json | grep -o '"name"' | wc -l)" 1
	same "$(eractl bookmark $m | sed -n 's/^nightly .* //p')" "$(cat "$T/token")"
	same "$(eractl diff $m --since @nightly --format ranges)" "2097152 65536"
	eractl bookmark data nightly --delete 2> "$T/err" && fail "a bookmark of a closed volume was deleted"
	eractl check $m > "$T/out"
	eractl dump $m > "$T/xml"
	eractl restore "$T/restored" --input "$T/xml" > "$T/out"
	same "$(eractl bookmark "$T/restored" --json | grep -o '"bookmarks": *\[[^]]*\]' | tr -d ' ')" '"bookmarks":[]'
	eractl open data > /dev/null
	same "$(eractl diff data --since @nightly --format ranges | head -n 1)" "2097152 65536"
}
