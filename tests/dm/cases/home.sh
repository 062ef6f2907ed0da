# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The metadata file of a live volume is deleted, replaced, moved, truncated or hidden. erad notices
# this, and never reports that the metadata is in order.

readonly its=/var/lib/erad/data.erad

new_volume()
{
	eractl create data "$(new_disk 64M)" > /dev/null
	write_at data 0 4096
}

# fails TEXT COMMAND...: checks that the command exits with status 1, and that its message contains
# TEXT.
fails()
{
	local text=$1 status=0

	shift
	"$@" > "$T/out" 2>&1 || status=$?
	((status == 1)) || fail "'$*' ended with status $status: $(cat "$T/out")"
	grep -q -- "$text" "$T/out" || fail "'$*' says '$(cat "$T/out")', expected '$text'"
}

test_metadata_deleted_live()
{
	DESCRIPTION="if the metadata file of a live volume was deleted, a checkpoint, status, the end of erad and close each write a new file with all records"

	new_volume
	rm $its
	same "$(eractl checkpoint data)" 2
	[[ -e $its ]] || fail "the checkpoint did not write the file anew"
	log_has "data.erad was deleted; erad has written a new, complete file in its place"
	write_at data 1048576 4096
	rm $its
	eractl status data > /dev/null
	wait_until "status has the file written anew" test -e $its
	rm $its
	stop_erad
	[[ -e $its ]] || fail "erad has ended, and the file is lost"
	start_erad
	wait_until "active" eractl_state_is data active
	write_at data 2097152 4096
	rm $its
	eractl close data
	eractl check $its > /dev/null
	eractl open data > /dev/null
	same "$(changed data 1)" "0 65536
1048576 65536
2097152 65536"
	same "$(changed data 2)" "1048576 65536
2097152 65536"
}

test_metadata_deleted_under_load()
{
	DESCRIPTION="if the metadata file is deleted again and again under load, writes go on, and no written block is missing"
	local writer i

	new_volume
	load -t 2 -s 1000 -r 3 -b 4096 -d /dev/mapper/data > "$T/touched" 2> "$T/load" &
	writer=$!
	for ((i = 0; i < 8; i++)); do
		rm $its
		eractl checkpoint data > /dev/null
		[[ -e $its ]] || fail "there is no new metadata file"
		sleep 0.1
	done
	kill $writer || fail "the load ended: $(cat "$T/load")"
	wait $writer || fail "the load failed: $(cat "$T/load")"
	eractl close data
	eractl open data > /dev/null
	changed data 1 > "$T/changed"
	# Compare blocks of 64 KiB, the block size of the volume: the load prints pieces of 4 KiB.
	awk '{ for (b = int($1 / 65536); b <= int(($1 + $2 - 1) / 65536); b++) print b }' "$T/touched" | sort -u > "$T/want"
	awk '{ for (b = int($1 / 65536); b <= int(($1 + $2 - 1) / 65536); b++) print b }' "$T/changed" | sort -u > "$T/got"
	[[ -s $T/want ]] || fail "the load has written nothing"
	same "$(comm -23 "$T/want" "$T/got")" ""
}

test_metadata_replaced_live()
{
	DESCRIPTION="if the metadata file was replaced by a copy, or moved, checkpoint and close fail, say why, and do not change the other file"
	local before

	new_volume
	eractl checkpoint data > /dev/null
	cp $its $its.copy
	mv $its.copy $its
	before=$(cksum < $its)
	fails "data.erad was replaced by another file" eractl checkpoint data
	eractl status data | grep -q "was replaced" || fail "status does not have the error of the metadata: $(eractl status data)"
	write_at data 1048576 4096
	same "$(cksum < $its)" "$before"
	mv $its $its.other
	same "$(eractl checkpoint data)" 3
	same "$(eractl status --json data | field error)" null
	mv $its $its.away
	fails "no such file: it was moved" eractl checkpoint data
	fails "not closed cleanly: .*it was moved" eractl close data
	[[ ! -e $its ]] || fail "a second file was made"
	mv $its.away $its
	eractl open data > /dev/null
	same "$(changed data 1)" "0 65536
1048576 65536"
	mv $its.other $its
	fails "was replaced" eractl close data
}

test_metadata_mounted_over_live()
{
	DESCRIPTION="if another file system is mounted over the directory of a live volume's metadata, nothing is written there, and status reports it until the file system is unmounted"

	new_volume
	mount -t tmpfs none /var/lib/erad
	fails "another file system is mounted over its directory" eractl checkpoint data
	same "$(ls -A /var/lib/erad)" ""
	umount /var/lib/erad
	same "$(eractl checkpoint data)" 2
	eractl close data
}

status_says()
{
	eractl status data | grep -q "$1"
}

test_metadata_truncated_live()
{
	DESCRIPTION="if the metadata file was truncated, checkpoint and close fail, and the next open refuses the file"

	new_volume
	truncate -s 8K $its
	write_at data 1048576 4096
	fails "data.erad was truncated: the file has .* expected" eractl checkpoint data
	eractl status data | grep -q "was truncated" || fail "status does not have the error of the metadata: $(eractl status data)"
	fails "not closed cleanly: .*was truncated" eractl close data
	! eractl open data > "$T/out" 2>&1 || fail "the truncated metadata was opened"
}

test_truncated_metadata_fills()
{
	DESCRIPTION="if the journal of truncated metadata is full, new writes wait, and the log and status give the reason at once"
	local i writer

	eractl create data "$(new_disk 64M)" --block-size 4K > /dev/null
	eractl close data
	eractl dump $its | sed 's/journal_pages="[0-9]*"/journal_pages="16"/' > "$T/xml"
	eractl restore $its --overwrite-metadata --input "$T/xml"
	eractl open data > /dev/null
	write_at data 0 4096
	truncate -s 80K $its
	{
		for ((i = 1; i < 64; i++)); do
			write_at data $((i << 16)) 4096 || exit
		done
	} 2> "$T/writer" &
	writer=$!
	wait_until "status says that new writes wait" status_says "was truncated"
	log_has "volume data: new writes wait: .*data.erad was truncated"
	is_running $writer || fail "nothing waits: $(cat "$T/writer")"
	# Do what the message tells the user to do.
	eractl abort data > /dev/null
	! wait $writer || fail "no write has failed, expected a failure"
	fails "not closed cleanly: .*was truncated" eractl close data
}
