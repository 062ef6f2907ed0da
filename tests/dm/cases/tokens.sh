# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Tokens: a moment that the metadata does not know is refused, so that an increment is never based on another copy's eras.

# member NAME: prints a member of the object on standard input.
member()
{
	perl -MJSON::PP -0777 -ne '
		BEGIN { $name = shift @ARGV }
		print JSON::PP->new->decode($_)->{$name} // "null", "\n"' "$1"
}

# due TOKEN REASON: a diff since the token exits with status 3 and says why, as text and as JSON.
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
	[[ $(member full_copy_due < "$T/json") == *"$2"* ]] || fail "got $(cat "$T/json"), expected full_copy_due"
}

test_a_token_of_metadata_that_was_rolled_back_is_refused()
{
	DESCRIPTION="a token of metadata that was put back from an older copy, of another volume, or of an era that is not in its timeline: exit status 3; erad restarted is no new timeline"
	local m=/var/lib/erad/data.erad token old other

	eractl create data "$(new_disk 64M)"
	old=$(eractl checkpoint data --token)
	[[ $old =~ ^[0-9a-f-]{36}:[0-9a-f]{16}:2$ ]] || fail "got token $old"
	same "$(eractl status --json data | field token)" "$old"
	write_at data 0 4096
	same "$(eractl diff data --since "$old" --format ranges)" "0 65536"
	same "$(eractl diff data --since "$old" --json | member token)" "$old"
	eractl close data
	# A closed volume can be asked, too.
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
	# erad is restarted while the target is live.
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
	same "$(eractl diff data --since "$old" --format ranges | head -n 1)" "0 65536"
	eractl create other "$(new_disk 64M)" > /dev/null
	due "$(eractl status --json other | field token)" "the token is of metadata with UUID"
	eractl diff data --since "${token}0x" 2> "$T/err" && fail "a token with more behind it was accepted"
	grep -q "or a token of" "$T/err" || fail "got $(cat "$T/err")"
}
