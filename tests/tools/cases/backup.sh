# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl backup of closed volumes into a directory, and eractl restore-backup: chains, kills, and
# refused arguments.

# shellcheck source=tests/tools/backups.sh
. tests/tools/backups.sh

test_backup_makes_a_chain_that_restores_each_moment()
{
	DESCRIPTION="eractl restore-backup restores each copied moment by its token, by its time or as the latest; eractl backup copies nothing if nothing was written"
	volumes
	backs_up 1 --init
	says "full copy"
	says "this is the first copy"
	backs_up 2 --verify
	says "increment"
	says "verified"
	backs_up 3
	restores "$T/v3"
	restores "$T/v3" --at latest
	restores "$T/v1" --at "$(token 1)"
	restores "$T/v2" --at "$(token 2)"
	grep -E "the copy of [-0-9]{10} [:0-9]{8}, [0-9.]+ MiB written; all checksums of the copies were right" "$T/restore_said"
	restores "$T/v3" --at "@$(date +%s)"
	restores "$T/v3" --at "$(date -d '1 minute' '+%F %T')"
	refused "there is no copy of 2001-01-01 00:00 or before" eractl restore-backup "$T/dir" "$T/new" --at "2001-01-01 00:00"
	refused "there is no copy of $(token 7)" eractl restore-backup "$T/dir" "$T/new" --at "$(token 7)"
	refused "expected a token of MANIFEST" eractl restore-backup "$T/dir" "$T/new" --at yesterday
	[[ ! -e $T/new ]] || fail "a file was made"
	# An increment contains only what was written since era 2 began: 35 blocks of 64 KiB.
	(($(stat -c %s "$T/dir/incr-000003.erad") < 36 * 65536)) || fail "the increment is too large"
	same "$(sha256sum < "$T/dir/incr-000002.erad" | cut -d ' ' -f 1)" \
		"$(sed -n 3p "$T/dir/MANIFEST" > "$T/line"; json "$T/line" '$o->{sha256}')"
	same "$(stat -c %a "$T/dir"/*.erad | sort -u)" 600
	cp "$T/dir/MANIFEST" "$T/before"
	backs_up 3 --json
	same "$(json "$T/said" '"$o->{already} $o->{file}"')" "1 incr-000003.erad"
	backs_up 3
	says "nothing was written since the last copy"
	cmp "$T/dir/MANIFEST" "$T/before"
	backs_up 3 --full
	says "--full was given"
	restores "$T/v3"
	same "$(ls "$T/dir")" "$(printf '%s\n' LOCK MANIFEST full-000001.erad full-000004.erad incr-000002.erad incr-000003.erad)"
}

test_backup_needs_the_right_directory()
{
	DESCRIPTION="backup creates no directory, accepts a directory without MANIFEST only with --init and only if it is empty, and refuses a directory with the backups of another volume"
	volumes
	refused "expected a directory" eractl backup "$T/m1" "$T/none" --device "$T/v1" --init
	[[ ! -e $T/none ]] || fail "the directory was made"
	refused "it contains no backups of erad; if it is the right directory, and its disk is mounted, --init" \
		eractl backup "$T/m1" "$T/dir" --device "$T/v1"
	same "$(ls -A "$T/dir")" ""
	echo letters > "$T/dir/letters"
	refused "expected an empty directory for --init" eractl backup "$T/m1" "$T/dir" --device "$T/v1" --init
	[[ ! -e $T/dir/MANIFEST ]] || fail "there is a MANIFEST"
	rm "$T/dir/letters"
	mkdir "$T/dir/lost+found"
	backs_up 1 --init
	refused "leave out --init" eractl backup "$T/m1" "$T/dir" --device "$T/v1" --init
	# The same volume is accepted if its metadata has another path. Another volume is refused
	# even if its metadata has the same path.
	cp "$T/m2" "$T/elsewhere"
	eractl backup "$T/elsewhere" "$T/dir" --device "$T/v2" > "$T/said"
	says increment
	perl -0777 -pi -e 's/^(.*"uuid":")e7ad0300/${1}e7ad0399/; s/"token":"e7ad0300/"token":"e7ad0399/g' "$T/dir/MANIFEST"
	refused "it contains the backups of volume $T/m1 (e7ad0399-0000-0000-0000-000000000001), got volume $T/m3 ($uuid)" \
		eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	echo '{"erad_backup":2,"uuid":"'$uuid'","volume":"x"}' > "$T/dir/MANIFEST"
	refused "got version 2, expected 1" eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	echo nonsense > "$T/dir/MANIFEST"
	refused "MANIFEST: line 1: not a line of JSON" eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	refused "MANIFEST: line 1: not a line of JSON" eractl restore-backup "$T/dir" "$T/new"
}

test_backup_of_a_closed_volume_checks_its_device()
{
	DESCRIPTION="backup refuses a closed volume if its device was written since the close, is another device, or has no seal; a missing option is an error"
	volumes
	backs_up 1 --init
	cp "$T/dir/MANIFEST" "$T/before"
	printf x | dd of="$T/v2" bs=1 seek=1000 conv=notrunc status=none
	refused "was written since its volume was closed, or is another device" eractl backup "$T/m2" "$T/dir" --device "$T/v2"
	refused "was written since its volume was closed, or is another device" eractl backup "$T/m2" "$T/dir" --device "$T/v3"
	# Nothing was written according to the metadata, but the device was written.
	printf x | dd of="$T/v1" bs=1 seek=1000 conv=notrunc status=none
	refused "was written since its volume was closed" eractl backup "$T/m1" "$T/dir" --device "$T/v1"
	refused "was not closed properly" eractl backup "$T/m4" "$T/dir" --device "$T/v3"
	refused "--device DEV is missing" eractl backup "$T/m3" "$T/dir"
	refused "--to is for a volume that is open" eractl backup "$T/m3" "$T/dir" --device "$T/v3" --to "$(token 3)"
	# For an open volume, --device names a snapshot, and --to names its token.
	refused "expected --device DEV and --to TOKEN together" eractl backup data "$T/dir" --device "$T/v3"
	refused "expected --device DEV and --to TOKEN together" eractl backup data "$T/dir" --to "$(token 3)"
	refused "to 3: expected a token" eractl backup data "$T/dir" --device "$T/v3" --to 3
	refused "--freeze is not for a snapshot" eractl backup data "$T/dir" --device "$T/v3" --to "$(token 3)" --freeze
	truncate -s -512 "$T/v3"
	refused "v3" eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	cmp "$T/dir/MANIFEST" "$T/before"
	same "$(find "$T/dir" -type f -printf '%f\n' | sort | paste -sd ' ')" "LOCK MANIFEST full-000001.erad"
}

test_backup_notices_a_write_while_it_reads()
{
	DESCRIPTION="backup adds no copy if the device is written while it is copied, and the next backup is right"
	volumes
	backs_up 1 --init
	# strace delays each write of the copy by half a second, so that the device is written
	# during the copy.
	strace -f -o "$T/calls" -e trace=write -e inject=write:delay_enter=500000 \
		eractl backup "$T/m2" "$T/dir" --device "$T/v2" > "$T/said" 2>&1 &
	eventually test -e "$T/dir/unfinished.erad"
	touch "$T/v2"
	wait $! && fail "exit code 0: $(cat "$T/said")"
	says "was written to while it was copied, so this copy does not count"
	same "$(find "$T/dir" -type f -printf '%f\n' | sort | paste -sd ' ')" "LOCK MANIFEST full-000001.erad"
	restores "$T/v1"
	backs_up 2
	says increment
	restores "$T/v2"
}

test_backup_notes_the_time_of_the_moment()
{
	DESCRIPTION="the time of a copy that backup makes is the moment of its data, and not the end of the copying"
	local pid stat later

	volumes
	backs_up 1 --init
	# Stop the backup when it has copied all data, before it makes the copy durable.
	strace -qq -o "$T/calls" -e inject=fsync:signal=STOP:when=1 \
		eractl backup "$T/m2" "$T/dir" --device "$T/v2" > "$T/said" 2>&1 &
	eventually test -s "$T/dir/unfinished.erad"
	pid=$(< "/proc/$!/task/$!/children")
	until read -r stat < "/proc/${pid% }/stat" && [[ $stat == *") "[tT]* ]]; do
		sleep 0.05
	done
	sleep 1.1
	later=$(date +%s)
	sleep 1.1
	kill -CONT "${pid% }"
	wait $!
	tail -n 1 "$T/dir/MANIFEST" > "$T/line"
	(($(json "$T/line" '$o->{time}') < later)) || fail "the time is not the moment: $(cat "$T/line")"
	restores "$T/v2" --at "@$later"
}

test_backup_writes_a_report()
{
	DESCRIPTION="backup --report reports a success and a failure, keeps the time of the last success, and replaces the report in one step"
	local last

	volumes
	backs_up 1 --init --report "$T/report.json"
	same "$(json "$T/report.json" '"$o->{volume} $o->{directory} $o->{success} $o->{full} ".($o->{bytes} > 0)." ".($o->{error} // "none")')" \
		"$T/m1 $T/dir 1 1 1 none"
	same "$(stat -c %a "$T/report.json")" 644
	last=$(json "$T/report.json" '$o->{last_success}')
	same "$(json "$T/report.json" '$o->{time}')" "$last"
	sleep 1.1
	exec 3< "$T/report.json"
	eractl backup "$T/m2" "$T/none" --device "$T/v2" --report "$T/report.json" 2> /dev/null && fail "the command succeeded, expected a failure"
	same "$(json "$T/report.json" '"$o->{success} ".($o->{full} // "null")." $o->{last_success}"')" "0 null $last"
	(($(json "$T/report.json" '$o->{time}') > last)) || fail "the time is that of the success"
	json "$T/report.json" '$o->{error}' | grep -q "$T/none" || fail "the error is $(cat "$T/report.json")"
	cat <&3 > "$T/old"
	same "$(json "$T/old" '$o->{success}')" 1
	backs_up 2 --report "$T/report.json"
	same "$(json "$T/report.json" '"$o->{success} $o->{full}"')" "1 0"
	echo garbage > "$T/report.json"
	backs_up 3 --report "$T/report.json"
	same "$(json "$T/report.json" '$o->{success}')" 1
	same "$(cd "$T" && echo report*)" report.json
	eractl backup "$T/m3" "$T/dir" --device "$T/v3" --report "$T/none/report" > /dev/null 2> "$T/said" && fail "the backup wrote no report, but exited with 0"
	says "$T/none/report"
}

test_backup_makes_a_full_copy_where_it_must()
{
	DESCRIPTION="backup makes a full copy, and says why, if the volume has another timeline or another size, if there is a gap, or if no earlier copy is complete"
	volumes
	backs_up 1 --init
	backs_up 2
	# The newest file is missing, so the increment is made on the previous copy.
	mv "$T/dir/incr-000002.erad" "$T/aside"
	backs_up 3
	says "incr-000002.erad: cannot find the file of a copy: No such file or directory; the copy is an increment on an earlier copy, full-000001.erad"
	restores "$T/v3"
	refused "incr-000002.erad: cannot find the file of a copy: No such file" eractl restore-backup "$T/dir" "$T/new" --at "$(token 2)"
	mv "$T/aside" "$T/dir/incr-000002.erad"
	restores "$T/v2" --at "$(token 2)"
	# The full copy is cut off, so all increments are of no use.
	truncate -s -1 "$T/dir/full-000001.erad"
	backs_up 3
	says "full copy"
	says "full-000001.erad: it has"
	restores "$T/v3"
	# The volume was put back to era 1, and used again in another timeline.
	rm "$T/m2" "$T/m3"
	metadata "$T/m2" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 2 mark 0 300 close-sealed "$T/v2"
	backs_up 2
	says "a full copy is due"
	restores "$T/v2"
	# Writes may have gone past erad.
	metadata "$T/m3" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 2 floor close-sealed "$T/v3"
	backs_up 3
	says "writes may have gone past erad"
	restores "$T/v3"
	json "$T/dir/MANIFEST" 1 > /dev/null 2>&1 && fail "MANIFEST is one JSON object, expected one object in each line"
	tail -n 1 "$T/dir/MANIFEST" > "$T/line"
	same "$(json "$T/line" '"$o->{why}" . ($o->{base} // "")')" "writes may have gone past erad"
	# The volume has another size.
	cp "$T/v3" "$T/v4"
	truncate -s $((301 * 65536)) "$T/v4"
	rm "$T/m4"
	metadata "$T/m4" format 301 128 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 2 floor era 9 mark 299 2 close-sealed "$T/v4"
	backs_up 4
	says "the volume has $((301 * 65536)) bytes now, and had $size bytes"
	restores "$T/v4"
}

test_backup_of_the_same_era_is_an_increment_on_the_copy_before()
{
	DESCRIPTION="if the last copy is of the open volume, and the volume is closed in the same era, the next copy is an increment on the base of the last copy, or full if the last copy is full"
	volumes
	backs_up 1 --init
	# Change the MANIFEST as if the volume had been open.
	sed -i 's/"closed":true/"closed":false/' "$T/dir/MANIFEST"
	backs_up 1
	says "full copy"
	says "the last copy is of the same era, in which the volume may have been written since, and is full itself"
	backs_up 2
	sed -i 's/"closed":true/"closed":false/' "$T/dir/MANIFEST"
	# Write in era 2 after the copy.
	write_blocks "$T/v2" 9 30 2
	sealed 2
	backs_up 2
	says "the copy is an increment on the copy before that, full-000002.erad"
	says "increment"
	restores "$T/v2"
	restores "$T/v2" --at "$(token 2)"
	tail -n 1 "$T/dir/MANIFEST" > "$T/line"
	same "$(json "$T/line" '$o->{base}')" full-000002.erad
	backs_up 2
	says "nothing was written since the last copy"
}

test_backup_reads_earlier_copies_before_it_opens_the_device()
{
	DESCRIPTION="backup --verify reads the files of earlier copies before it opens the device, so that the volume may change meanwhile"
	local read opened

	volumes
	backs_up 1 --init
	strace -y -o "$T/calls" -e trace=openat,pread64 eractl backup "$T/m2" "$T/dir" --device "$T/v2" --verify > "$T/said"
	says increment
	read=$(grep -n "^pread64(.*<$T/dir/full-000001.erad>" "$T/calls" | tail -n 1 | cut -d : -f 1)
	opened=$(grep -n "^openat(.*<$T/v2>" "$T/calls" | head -n 1 | cut -d : -f 1)
	((read && read < opened)) || fail "the copy was read at call $read, the device opened at call $opened"
}

test_backup_writes_a_report_of_a_wrong_command_line()
{
	DESCRIPTION="backup --report reports a wrong command line: an unknown option, a wrong number, a missing directory or a wrong name"
	local line code last

	volumes
	backs_up 1 --init --report "$T/good.json"
	last=$(json "$T/good.json" '$o->{last_success}')
	for line in "--nonsense $T/m1 $T/dir --device $T/v1" "$T/m1 $T/dir --device $T/v1 --keep none" "$T/m1 --device $T/v1" "$T/m1 $T/dir" "" ".. $T/dir"; do
		cp "$T/good.json" "$T/report.json"
		code=0
		# shellcheck disable=SC2086 # words
		eractl backup --report "$T/report.json" $line > "$T/said" 2>&1 || code=$?
		same "$code" 2
		same "$(json "$T/report.json" '"$o->{success} $o->{last_success} $o->{error}"')" \
			"0 $last the command line is wrong; standard error, or systemd's journal, says where"
	done
	# --report has its effect even after a wrong option.
	eractl backup --nonsense "$T/m1" "$T/dir" --report "$T/new.json" 2> /dev/null && fail "the command exited with 0, expected a failure"
	same "$(json "$T/new.json" '"$o->{volume} $o->{directory} $o->{success}"')" "$T/m1 $T/dir 0"
}

test_backup_is_killed_at_any_moment()
{
	DESCRIPTION="after backup is killed at any write, flush, rename or unlink, each copy in MANIFEST can be restored, and the next backup is right"
	local call n last

	volumes
	backs_up 1 --init
	cp -a "$T/dir" "$T/first"
	for call in write fsync renameat unlinkat; do
		for ((n = 1; n < 20; n++)); do
			rm -rf "$T/dir"
			cp -a "$T/first" "$T/dir"
			strace -qq -o "$T/calls" -e "inject=$call:signal=KILL:when=$n" \
				eractl backup "$T/m2" "$T/dir" --device "$T/v2" > "$T/said" 2>&1 && break
			last=$(tail -n 1 "$T/dir/MANIFEST" | grep -o '"file":"[^"]*"')
			if [[ $last == *incr-000002* ]]; then
				restores "$T/v2"
			else
				restores "$T/v1"
			fi
			backs_up 3
			says increment
			restores "$T/v3"
			find "$T/dir" -type f -printf '%f\n' | grep -vxE 'LOCK|MANIFEST|full-000001.erad|incr-00000[23].erad' &&
				fail "$call $n: a file was left"
		done
		echo "$call: killed $((n - 1)) times"
		((n > 1 && n < 20)) || fail "$call: killed $((n - 1)) times"
	done
	# Do the same with the first backup.
	for ((n = 1; n < 9; n++)); do
		rm -rf "$T/dir"
		mkdir "$T/dir"
		strace -qq -o "$T/calls" -e "inject=fsync,renameat:signal=KILL:when=$n" \
			eractl backup "$T/m1" "$T/dir" --device "$T/v1" --init > "$T/said" 2>&1 && break
		if [[ -e $T/dir/MANIFEST ]]; then
			backs_up 1
		else
			backs_up 1 --init
		fi
		restores "$T/v1"
	done
	((n > 3 && n < 9)) || fail "killed $((n - 1)) times"
}

test_backup_makes_a_full_copy_after_some_increments()
{
	DESCRIPTION="backup --full-every N makes a full copy if a restore would need N increments or more, and says so, but makes no copy if nothing was written"
	local n

	volumes_of_four_eras
	backs_up 1 --init --full-every 2
	backs_up 2 --full-every 2
	says increment
	backs_up 3 --full-every 2
	says increment
	backs_up 3 --full-every 2
	says "nothing was written since the last copy"
	backs_up 4 --full-every 3
	says increment
	rm "$T/dir/incr-000004.erad"
	backs_up 4 --full-every 2
	says "full copy"
	says "the number of increments on the last full copy is 2, and --full-every 2 was given"
	tail -n 1 "$T/dir/MANIFEST" > "$T/line"
	same "$(json "$T/line" '"$o->{why}"')" "the number of increments on the last full copy is 2, and --full-every 2 was given"
	restores "$T/v3" --at "$(token 3)"
	restores "$T/v3"
	for n in 0 -1 x '' 1000001 99999999999 2x; do
		refused "--full-every $n: expected a number from 1 to 1000000, or never" \
			eractl backup "$T/m4" "$T/dir" --device "$T/v4" --full-every "$n"
		refused "--keep $n: expected a number from 1 to 1000000, or all" \
			eractl backup "$T/m4" "$T/dir" --device "$T/v4" --keep "$n"
	done
}

test_backup_keeps_the_newest_chains()
{
	DESCRIPTION="backup --keep N removes the oldest full copies with their increments, and each remaining copy can be restored"
	volumes_of_four_eras
	two_chains
	echo mine > "$T/dir/mine"
	echo mine > "$T/dir/full-000000.erad"
	cp "$T/dir/MANIFEST" "$T/before"
	backs_up 3 --keep all
	backs_up 3 --keep 2
	says "nothing was written since the last copy"
	cmp "$T/dir/MANIFEST" "$T/before"
	backs_up 4 --keep 2
	backs_up 4 --full --keep 2 --json
	same "$(json "$T/said" 'join " ", @{$o->{removed}}')" "full-000001.erad incr-000002.erad incr-000003.erad"
	same "$(json "$T/said" '"$o->{file} ".($o->{base} // "none")')" "full-000007.erad none"
	same "$(files)" "LOCK MANIFEST full-000000.erad full-000004.erad full-000007.erad incr-000005.erad incr-000006.erad mine"
	grep -q removed "$T/dir/MANIFEST" && fail "MANIFEST has a list of removed files"
	restores "$T/v2" --at "$(token 2)"
	restores "$T/v3" --at "$(token 3)"
	restores "$T/v3"
	refused "there is no copy of $(token 1)" eractl restore-backup "$T/dir" "$T/new" --at "$(token 1)"
	# --keep also removes copies if nothing is copied.
	backs_up 4 --keep 1 --verify
	says "nothing was written since the last copy"
	says "$T/m4: removed 3 old copies, "
	same "$(files)" "LOCK MANIFEST full-000000.erad full-000007.erad mine"
	restores "$T/v3"
	# An increment names its base. It still names the right base after older copies were removed
	# from MANIFEST.
	rm -rf "$T/dir"
	mkdir "$T/dir"
	two_chains
	backs_up 4 --keep 1 --json
	same "$(json "$T/said" '"$o->{file} $o->{base} ".@{$o->{removed}}')" "incr-000006.erad incr-000005.erad 3"
	same "$(files)" "LOCK MANIFEST full-000004.erad incr-000005.erad incr-000006.erad"
	restores "$T/v2" --at "$(token 2)"
	restores "$T/v3"
}

test_backup_is_killed_while_it_removes()
{
	DESCRIPTION="after a kill at any flush, rename or unlink of a backup with --keep, every copy in MANIFEST can be restored, and the next backup leaves no other file"
	local call n file

	volumes_of_four_eras
	two_chains
	cp -a "$T/dir" "$T/chains"
	for call in fsync renameat unlinkat; do
		for ((n = 1; n < 30; n++)); do
			rm -rf "$T/dir"
			cp -a "$T/chains" "$T/dir"
			strace -qq -o "$T/calls" -e "inject=$call:signal=KILL:when=$n" \
				eractl backup "$T/m4" "$T/dir" --device "$T/v4" --full --keep 1 > "$T/said" 2>&1 && break
			while read -r file; do
				[[ -e $T/dir/$file ]] || fail "$call $n: MANIFEST names $file, which was removed"
			done < <(grep -o '^{"file":"[^"]*"' "$T/dir/MANIFEST" | cut -d '"' -f 4)
			restores_all
			backs_up 4 --keep 1
			same "$(files)" "LOCK MANIFEST $(grep -o '^{"file":"[^"]*"' "$T/dir/MANIFEST" | cut -d '"' -f 4 | sort | paste -sd ' ')"
			grep -q removed "$T/dir/MANIFEST" && fail "$call $n: MANIFEST has a list of removed files"
		done
		echo "$call: killed $((n - 1)) times"
		((n > 1 && n < 30)) || fail "$call: killed $((n - 1)) times"
	done
	# Check the order that a power failure requires. MANIFEST is durable before the first file
	# is removed. The removal of the files is durable before their list is removed from
	# MANIFEST.
	rm -rf "$T/dir"
	cp -a "$T/chains" "$T/dir"
	strace -y -o "$T/calls" -e trace=fsync,renameat,unlinkat \
		eractl backup "$T/m4" "$T/dir" --device "$T/v4" --full --keep 1 > "$T/said"
	same "$(sed -n 's/^\([a-z]*\)(.*\(unfinished\|full\|incr\|MANIFEST.new\|dir>)\).*/\1 \2/p' "$T/calls" | grep -v '^unlinkat unf' | uniq | paste -sd ' ')" \
		"unlinkat full unlinkat incr fsync unfinished renameat full fsync dir>) fsync MANIFEST.new renameat MANIFEST.new fsync dir>) fsync MANIFEST.new renameat MANIFEST.new fsync dir>) unlinkat full unlinkat incr unlinkat full unlinkat incr fsync dir>) fsync MANIFEST.new renameat MANIFEST.new fsync dir>)"
}

test_backup_removes_only_what_manifest_names()
{
	DESCRIPTION="backup refuses a MANIFEST whose list of removed files names a copy or a path; if backup cannot remove an old file, it fails, but the new copy is added"
	local name

	volumes_of_four_eras
	two_chains
	cp -a "$T/dir" "$T/chains"
	for name in full-000004.erad ../m1 MANIFEST mine; do
		sed '1 s|}$|,"removed":["'$name'"]}|' "$T/chains/MANIFEST" > "$T/dir/MANIFEST"
		refused "MANIFEST: line " eractl backup "$T/m4" "$T/dir" --device "$T/v4"
		refused "MANIFEST: line " eractl restore-backup "$T/dir" "$T/new"
		cp "$T/chains/MANIFEST" "$T/dir/MANIFEST"
	done
	# Let the fourth call fail, because the first three calls remove what an interrupted backup
	# may have left.
	strace -qq -o "$T/calls" -e inject=unlinkat:error=EPERM:when=4 \
		eractl backup "$T/m4" "$T/dir" --device "$T/v4" --full --keep 1 --report "$T/report.json" > "$T/said" 2>&1 && fail "the command exited with 0, expected a failure"
	says "full copy"
	says "full-000001.erad: cannot remove the file of an old copy: Operation not permitted"
	same "$(json "$T/report.json" '"$o->{success} ".($o->{last_success} == $o->{time})." $o->{full}"')" "0 1 1"
	restores "$T/v3"
	grep -q '"removed":\["full-000001.erad"' "$T/dir/MANIFEST" || fail "the answer has no list: $(cat "$T/dir/MANIFEST")"
	# Even without --keep, the next backup removes the remaining files before it copies.
	backs_up 4
	same "$(files)" "LOCK MANIFEST full-000006.erad"
}

test_backup_removes_nothing_while_a_copy_is_restored()
{
	DESCRIPTION="backup --keep removes nothing while restore-backup reads the directory, and says so; the next backup removes the old copies"
	volumes_of_four_eras
	two_chains
	exec 8< "$T/dir"
	flock -s 8
	backs_up 4 --full --keep 1
	says "a copy is being restored, so the next backup will remove the old ones"
	same "$(files)" "LOCK MANIFEST full-000001.erad full-000004.erad full-000006.erad incr-000002.erad incr-000003.erad incr-000005.erad"
	exec 8<&-
	# Check that restore-backup takes a shared lock, and waits while another process holds the
	# lock.
	strace -qq -o "$T/calls" -P "$T/dir" -e trace=flock eractl restore-backup "$T/dir" "$T/restored" --at "$(token 1)" > /dev/null
	grep -q 'LOCK_SH' "$T/calls" || fail "restore-backup has no lock: $(cat "$T/calls")"
	cmp "$T/restored" "$T/v1"
	exec 8< "$T/dir"
	flock 8
	timeout 1 eractl restore-backup "$T/dir" "$T/other" > /dev/null && fail "restore-backup has not waited for the removal"
	exec 8<&-
	backs_up 4 --keep 1
	same "$(files)" "LOCK MANIFEST full-000006.erad"
}

test_backup_is_alone_in_its_directory()
{
	DESCRIPTION="if two backups into one directory run at the same time, the second one is refused and changes nothing"
	volumes
	backs_up 1 --init
	exec 8> "$T/dir/LOCK"
	flock 8
	echo x > "$T/dir/unfinished.erad"
	refused "$T/dir: another backup is being made in this directory" eractl backup "$T/m2" "$T/dir" --device "$T/v2"
	same "$(cat "$T/dir/unfinished.erad")" x
	exec 8>&-
	backs_up 2
	restores "$T/v2"
	[[ ! -e $T/dir/unfinished.erad ]] || fail "the unfinished file is still there"
}

test_restore_backup_protects_what_is_there()
{
	DESCRIPTION="restore-backup replaces a file only with --overwrite and only by a complete copy; it replaces no file in the directory of backups, and nothing but a regular file"
	volumes
	backs_up 1 --init
	echo precious > "$T/file"
	refused "$T/file: it exists; --overwrite replaces it" eractl restore-backup "$T/dir" "$T/file"
	same "$(cat "$T/file")" precious
	ln -s file "$T/link"
	strace -qq -o "$T/calls" -e inject=fsync:signal=KILL:when=1 eractl restore-backup "$T/dir" "$T/link" --overwrite && fail "erad was not killed"
	[[ -s $T/file.unfinished ]] || fail "there is no unfinished file"
	same "$(cat "$T/file")" precious
	eractl restore-backup "$T/dir" "$T/link" --overwrite --json > "$T/said"
	same "$(json "$T/said" '"$o->{file} $o->{token} $o->{size}"')" "full-000001.erad $(token 1) $size"
	[[ -L $T/link ]] || fail "the link was replaced"
	cmp "$T/file" "$T/v1"
	same "$(python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$T/file")" "[]"
	# An unfinished file that restore-backup has not made.
	cp "$T/m1" "$T/mine.unfinished"
	refused "$T/mine.unfinished: this file has content, and no mark that restore-backup has made the file" eractl restore-backup "$T/dir" "$T/mine"
	refused "$T/mine.unfinished: this file has content" eractl restore-backup "$T/dir" "$T/mine" --overwrite
	cmp "$T/m1" "$T/mine.unfinished"
	[[ ! -e $T/mine ]] || fail "the file was written"
	refused "it is in the directory of the backups" eractl restore-backup "$T/dir" "$T/dir/full-000001.erad" --overwrite
	refused "it is in the directory of the backups" eractl restore-backup "$T/dir" "$T/dir/new"
	mkfifo "$T/pipe"
	refused "expected a block device or a regular file" eractl restore-backup "$T/dir" "$T/pipe" --overwrite
	refused "No such file or directory" eractl restore-backup "$T/dir" "$T/none/file"
	refused "there is no such device" eractl restore-backup "$T/dir" /dev/none --overwrite
	[[ ! -e /dev/none.unfinished && ! -e /dev/none ]] || fail "there is a file in /dev"
	# Hold the lock that another restore-backup to the same file would hold.
	flock "$T/new.unfinished" eractl restore-backup "$T/dir" "$T/new" 2> "$T/said" && fail "two backups were accepted at the same time"
	says "new.unfinished"
	# Some file systems do not support RENAME_NOREPLACE.
	rm -f "$T/new.unfinished"
	strace -qq -o "$T/calls" -e inject=renameat2:error=EINVAL eractl restore-backup "$T/dir" "$T/new" > "$T/said" 2>&1 || fail "$(cat "$T/said")"
	grep -q INJECTED "$T/calls" || fail "no rename has failed, expected a failure"
	cmp "$T/new" "$T/v1"
	[[ ! -e $T/new.unfinished ]] || fail "the other name is left"
	refused "expected a directory" eractl restore-backup "$T/none" "$T/new"
	mkdir "$T/empty"
	refused "it has no MANIFEST" eractl restore-backup "$T/empty" "$T/new"
}

# on_loop: attaches $T/v1 to the loop device $loop, and closes $T/m1 with its seal and its counter of writes
on_loop()
{
	truncate -s 32M "$T/v1"
	loop=$(losetup --find --show "$T/v1")
	# The suite has a trap on EXIT, too, which this one replaces.
	trap 'losetup -d "$loop"; echo "$DESCRIPTION" > "$T.description"' EXIT
	mkdir -p "$T/dir" "$T/lib/erad/seen"
	metadata "$T/m1" format 512 128 timeline 77 era 1 mark 0 4 gone "$loop" close-sealed "$loop"
}

# loop_backup ARGUMENT…: backs up $T/m1 from $loop with $T/lib as /var/lib, and keeps the output in $T/said
loop_backup()
{
	unshare --mount sh -ec 'mount --bind "$T/lib" /var/lib; exec eractl "$@"' sh backup "$T/m1" "$T/dir" --device "$loop" "$@" > "$T/said" 2>&1
}

test_small_write_to_the_device_of_a_closed_volume()
{
	DESCRIPTION="in the boot of the close, backup and send notice a single write to the device of a closed volume that misses the seal, by the kernel's counter of writes"

	on_loop
	loop_backup --init || fail "$(cat "$T/said")"
	loop_backup || fail "$(cat "$T/said")"
	says "nothing was written since the last copy"
	dd if=/dev/urandom of="$loop" bs=4096 seek=3001 count=1 conv=nocreat,notrunc,fsync status=none
	loop_backup && fail "the write was not noticed: $(cat "$T/said")"
	says "$loop was written since its volume was closed: the kernel's counter of sectors written was"
	eractl send "$T/m1" --device "$loop" > "$T/stream" 2> "$T/said" && fail "send has not noticed the write"
	says "$loop was written since its volume was closed: the kernel's counter"
}

test_metadata_of_a_closed_volume_that_was_put_back()
{
	DESCRIPTION="backup refuses metadata of a closed volume that does not know the newest noted token, because the metadata was put back from an older copy"

	on_loop
	token 1 > "$T/lib/erad/seen/$uuid"
	loop_backup --init || fail "$(cat "$T/said")"
	token 2 > "$T/lib/erad/seen/$uuid"
	loop_backup && fail "the older copy was accepted: $(cat "$T/said")"
	says "$T/m1: the metadata, in era 1, does not know the noted era 2: it is an older copy"
}
