# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Another device on the origin, whose writes go past the volume: the note in the metadata of a
# closed volume, and the gaps in erad's answers.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

# fake_erad: starts a program that answers as erad does on a connection to $T/run/erad/erad.sock.  In the
# answers, the volume "data" is in $T/v1, and another device is on its origin.
fake_erad()
{
	mkdir -p "$T/run/erad"
	perl -MJSON::PP -MIO::Socket::UNIX -e '
		$SIG{PIPE} = "IGNORE";
		my ($path, $device, $size, $token) = @ARGV;
		my $s = IO::Socket::UNIX->new(Local => $path, Listen => 9) or die;
		my %named = (volume => "data", era => 2, token => $token);
		my @gaps = ({ era => 1, time => undef, kind => "unknown", detail => "/dev/mapper/other uses the origin itself" });
		while (my $c = $s->accept) {
			my $q = decode_json(scalar <$c>);
			my $since = $q->{since} // (split /:/, $q->{token} // ":0")[-1];
			my @listed = $since > 0 ? @gaps : ();
			my %answer = (
				status => [{ result => { volumes => [{ volume => "data", device => $device }] } }],
				checkpoint => [{ result => { %named, gaps => \@gaps } }],
				checkpoint_together => [{ result => { volumes => [map {
					{ volume => $_, era => 2, token => $_ eq "lost" ? undef : $token, gaps => $_ eq "data" ? \@gaps : [] }
				} @{$q->{volumes} // []}] } }],
				image_create => [{ result => { %named, device => "x", stood_still_seconds => 0.1, gaps => \@gaps } }],
				bookmark_set => [{ result => { volume => "data", bookmarks => [] } }],
				diff => [{ part => { %named, block_size => 65536, since => $since + 0, size => $size + 0, gaps => \@listed } },
					{ part => [0, 65536] }, { result => { changed_bytes => 65536 } }],
			);
			print $c encode_json($_), "\n" for @{$answer{$q->{op}} // [{ error => { code => "EINVAL", message => "unknown" } }]};
			close $c;
		}' "$T/run/erad/erad.sock" "$T/v1" $size "$(token 2)" &
	fake=$!
	eventually test -S "$T/run/erad/erad.sock"
}

# asks COMMAND…: runs eractl, which must succeed, with the socket of fake_erad.  Its standard error is in $T/err.
asks()
{
	mkdir -p "$T/lib"
	unshare --mount --map-root-user sh -ec 'mount --bind "$T/run" /run; mount --bind "$T/lib" /var/lib; exec eractl "$@"' sh "$@" \
		> "$T/out" 2> "$T/err" || fail "exit status $?: $(cat "$T/err")"
}

# says_once TEXT: checks that $T/err contains exactly one line about gaps, and that this line
# contains TEXT.
says_once()
{
	same "$(grep -c "writes may have gone past erad" "$T/err")" 1
	grep -qF -- "$1" "$T/err" || fail "got '$(cat "$T/err")', expected '$1'"
}

test_commands_that_begin_an_era_say_which_gaps_erad_has_noticed()
{
	DESCRIPTION="checkpoint, bookmark, image create, send and an incremental send each say once that another device uses the origin"
	local gap="volume data: writes may have gone past erad in era 1 (unknown: /dev/mapper/other uses the origin itself)"

	truncate -s $size "$T/v1"
	fake_erad
	trap 'kill $fake || :; echo "$DESCRIPTION" > "$T.description"' EXIT
	asks checkpoint data
	says_once "$gap; the next increment lists the whole volume"
	asks bookmark data nightly
	says_once "$gap; the next increment lists the whole volume"
	same "$(cat "$T/out")" "$(token 2)"
	asks image create data
	says_once "$gap; the next increment lists the whole volume"
	asks send data
	says_once "$gap; if they go on during this copy, the copy may mix data of different moments"
	asks send data --since "$(token 1)"
	says_once "the whole volume is listed, because writes may have gone past erad in era 1 (unknown: /dev/mapper/other"
}

test_checkpoint_together_prints_all_volumes_or_none()
{
	DESCRIPTION="checkpoint --together prints a line for each volume, and prints nothing if the answer has no token for one of them"

	truncate -s $size "$T/v1"
	fake_erad
	trap 'kill $fake || :; echo "$DESCRIPTION" > "$T.description"' EXIT
	asks checkpoint --together log data --token
	same "$(cat "$T/out")" "$(token 2)
$(token 2)"
	says_once "volume data: writes may have gone past erad in era 1"
	asks checkpoint --together log data --json
	same "$(grep -o '"volume": *"[a-z]*"' "$T/out" | tr -d ' \n')" '"volume":"log""volume":"data"'
	(asks checkpoint --together data lost) > /dev/null 2>&1 && fail "the command succeeded without a token"
	same "$(cat "$T/out")" ""
	grep -q "volume lost: the answer of erad to checkpoint_together cannot be understood: a member is missing" "$T/err" ||
		fail "got $(cat "$T/err")"
}

test_diff_refuses_metadata_with_another_device_on_the_origin()
{
	DESCRIPTION="if the metadata of a closed volume has the note that another device used the origin, diff, send and backup refuse it, dump and map print a warning, and a snapshot is read as before"
	local status=0 who="/dev/mapper/vg-a used the origin itself, past the volume, when erad looked last"

	truncate -s $size "$T/v"
	metadata "$T/m" format 300 5 timeline 77 era 1 mark 0 40 snapshot 2 mark 3 1 past /dev/mapper/vg-a era 3 close-sealed "$T/v"
	eractl diff "$T/m" --since "$(token 3)" --format ranges > "$T/out" 2> "$T/err" || status=$?
	same "$status $(cat "$T/out")" "3 incomplete"
	grep -qF "$T/m: a full copy is due: $who" "$T/err" || fail "got $(cat "$T/err")"
	grep -q "open the volume, which records the gap" "$T/err" || fail "got $(cat "$T/err")"
	status=0
	eractl send "$T/m" --device "$T/v" --since "$(token 2)" 2> "$T/err" > "$T/out" || status=$?
	same "$status $(stat -c %s "$T/out")" "3 0"
	mkdir "$T/dir"
	refused "$T/m: $who" eractl backup "$T/m" "$T/dir" --device "$T/v" --init
	same "$(eractl dump "$T/m" 2> "$T/err" | grep -c '<era ')" 40
	grep -qF "$T/m: $who" "$T/err" || fail "got $(cat "$T/err")"
	eractl map "$T/m" 2> "$T/err" > "$T/out"
	grep -qF "$T/m: $who" "$T/err" || fail "got $(cat "$T/err")"
	# A snapshot shows an earlier moment, so there is no warning.
	same "$(eractl diff "$T/m" --since 1 --snapshot --format ranges 2>&1)" "0 2621440"
	eractl dump "$T/m" --snapshot 2>&1 > /dev/null | grep . && fail "dump of the snapshot printed a warning"
	# Make the metadata anew without the note: the next open of erad would remove the note.
	rm "$T/m"
	metadata "$T/m" format 300 5 timeline 77 era 1 mark 0 40 era 3 close-sealed "$T/v"
	same "$(eractl diff "$T/m" --since "$(token 3)" --format ranges 2>&1)" ""
	eractl dump "$T/m" 2>&1 > /dev/null | grep . && fail "dump printed a warning"
	eractl backup "$T/m" "$T/dir" --device "$T/v" --init > /dev/null
}
