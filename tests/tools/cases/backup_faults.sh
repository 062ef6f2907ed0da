# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl backup and restore-backup with a directory whose files were damaged or changed, and after
# errors of the system.

# shellcheck source=tests/tools/backups.sh
. tests/tools/backups.sh

test_backup_refuses_a_manifest_that_was_changed()
{
	DESCRIPTION="backup refuses a MANIFEST with a line that names a file elsewhere, an unknown base, another volume or a wrong hash, and says which line this is"
	local change

	volumes
	backs_up 1 --init
	backs_up 2
	cp "$T/dir/MANIFEST" "$T/good"
	for change in 's|full-000001|../full-01|' 's|"base":"full-000001|"base":"full-000009|' 's|"token":"e7|"token":"e8|' \
			's|"sha256":"....|"sha256":"XXXX|' 's|"size":[0-9]*|"size":-1|' '$ s|incr-000002|full-000001|' \
			'$ s|"size":[0-9]*|"size":4096|' '2 s|"why":"[^"]*"|"why":null|' '$ s|incr-000002|incr-1234567890|'; do
		sed "$change" "$T/good" > "$T/dir/MANIFEST"
		! cmp -s "$T/good" "$T/dir/MANIFEST" || fail "$change changes nothing"
		refused "MANIFEST: line " eractl backup "$T/m3" "$T/dir" --device "$T/v3"
		refused "MANIFEST: line " eractl restore-backup "$T/dir" "$T/new"
	done
	head -c -1 "$T/good" > "$T/dir/MANIFEST"
	refused "MANIFEST: line 3: it has no end" eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	: > "$T/dir/MANIFEST"
	refused "MANIFEST: it is empty" eractl backup "$T/m3" "$T/dir" --device "$T/v3"
}

test_backup_finds_a_damaged_base()
{
	DESCRIPTION="restore-backup finds a damaged or unreadable file before it writes; backup --verify finds such a file, too, and then makes a full copy"
	volumes
	backs_up 1 --init
	backs_up 2
	cp "$T/dir/full-000001.erad" "$T/good"
	printf x | dd of="$T/dir/full-000001.erad" bs=1 seek=100000 conv=notrunc status=none
	refused "$T/dir/full-000001.erad: it is damaged: got the SHA-256 " eractl restore-backup "$T/dir" "$T/new"
	same "$(ls "$T"/new* 2> /dev/null)" ""
	echo precious > "$T/precious"
	refused "$T/dir/full-000001.erad: it is damaged" eractl restore-backup "$T/dir" "$T/precious" --overwrite
	same "$(cat "$T/precious")" precious
	backs_up 3 --verify
	says "full copy"
	says "full-000001.erad: it is damaged"
	restores "$T/v3"
	# Simulate a medium that cannot be read.
	cp "$T/good" "$T/dir/full-000001.erad"
	restores "$T/v2" --at "$(token 2)"
	rm "$T/restored"
	refused "$T/dir/full-000001.erad: cannot read it at byte 1048576: Input/output error" strace -qq -P "$T/dir/full-000001.erad" -o "$T/calls" \
		-e inject=pread64:error=EIO:when=2 eractl restore-backup "$T/dir" "$T/restored" --at "$(token 1)"
	same "$(ls "$T"/restored* 2> /dev/null)" ""
	strace -qq -P "$T/dir/full-000003.erad" -o "$T/calls" -e inject=pread64:error=EIO:when=1 \
		eractl backup "$T/m3" "$T/dir" --device "$T/v3" --verify > "$T/said" 2>&1
	says "full-000003.erad: cannot read it at byte 0: Input/output error"
	says "increment"
	restores "$T/v3"
}

test_backup_that_reads_back_damage_does_not_count()
{
	DESCRIPTION="backup --verify reads the new copy after the device is closed; backup adds no copy that cannot be read, written or flushed"
	local closed read

	volumes
	backs_up 1 --init
	strace -y -o "$T/calls" -e trace=close,pread64,openat eractl backup "$T/m2" "$T/dir" --device "$T/v2" --verify > "$T/said"
	closed=$(grep -n "^close(.*<$T/v2>" "$T/calls" | tail -n 1 | cut -d : -f 1)
	read=$(grep -n "^pread64(.*<$T/dir/unfinished.erad>" "$T/calls" | head -n 1 | cut -d : -f 1)
	((closed < read)) || fail "the device was closed at call $closed, the copy read back at call $read"
	cp "$T/dir/MANIFEST" "$T/before"
	refused "$T/dir/unfinished.erad: cannot read it at byte 0: Input/output error" strace -qq -P "$T/dir/unfinished.erad" -o "$T/calls" \
		-e inject=pread64:error=EIO:when=1 eractl backup "$T/m3" "$T/dir" --device "$T/v3" --verify
	cmp "$T/dir/MANIFEST" "$T/before"
	same "$(find "$T/dir" -type f -printf '%f\n' | sort | paste -sd ' ')" "LOCK MANIFEST full-000001.erad incr-000002.erad"
	refused "No space left on device" strace -qq -P "$T/dir/unfinished.erad" -o "$T/calls" -e inject=write:error=ENOSPC:when=1 \
		eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	refused "Input/output error" strace -qq -P "$T/dir/unfinished.erad" -o "$T/calls" -e inject=fsync:error=EIO:when=1 \
		eractl backup "$T/m3" "$T/dir" --device "$T/v3"
	cmp "$T/dir/MANIFEST" "$T/before"
	backs_up 3
	restores "$T/v3"
}

test_backup_keeps_enough_good_chains()
{
	DESCRIPTION="backup --keep does not count a full copy if a file of this copy or of its increments is missing, cut or damaged; it keeps the newest copy with all that its restore needs, and removes nothing after a failure"
	volumes_of_four_eras
	two_chains
	cp -a "$T/dir" "$T/chains"
	# Let the backup fail: then it must remove nothing, in spite of --keep 1.
	cp "$T/dir/MANIFEST" "$T/before"
	refused "No space left on device" strace -qq -P "$T/dir/unfinished.erad" -o "$T/calls" -e inject=write:error=ENOSPC:when=1 \
		eractl backup "$T/m4" "$T/dir" --device "$T/v4" --full --keep 1
	cmp "$T/dir/MANIFEST" "$T/before"
	same "$(files)" "LOCK MANIFEST full-000001.erad full-000004.erad incr-000002.erad incr-000003.erad incr-000005.erad"
	# Cut, remove or damage a file of the second chain.
	truncate -s -1 "$T/dir/full-000004.erad"
	backs_up 4 --full --keep 2
	says "full-000004.erad: it has"
	says "the chain of full-000004.erad is not counted for --keep"
	restores "$T/v1" --at "$(token 1)"
	rm -rf "$T/dir"
	cp -a "$T/chains" "$T/dir"
	rm "$T/dir/incr-000005.erad"
	backs_up 4 --full --keep 2
	says "incr-000005.erad: cannot find the file of a copy: No such file or directory; the chain of full-000004.erad is not counted for --keep"
	restores "$T/v1" --at "$(token 1)"
	rm -rf "$T/dir"
	cp -a "$T/chains" "$T/dir"
	printf x | dd of="$T/dir/incr-000005.erad" bs=1 seek=1000 conv=notrunc status=none
	cp -a "$T/dir" "$T/damaged"
	backs_up 4 --full --verify --keep 2
	says "incr-000005.erad: it is damaged"
	says "the chain of full-000004.erad is not counted for --keep"
	restores "$T/v1" --at "$(token 1)"
	# Two newer chains are good, so the damaged chain and the chain before it are removed.
	backs_up 4 --full --verify --keep 2
	same "$(files)" "LOCK MANIFEST full-000006.erad full-000007.erad"
	# The newest full copy is damaged.  So the new increment is made on the older chain, which
	# becomes the newest chain.
	rm -rf "$T/dir"
	cp -a "$T/chains" "$T/dir"
	printf x | dd of="$T/dir/full-000004.erad" bs=1 seek=100000 conv=notrunc status=none
	backs_up 4 --verify
	says "the copy is an increment on an earlier copy, incr-000003.erad"
	backs_up 4 --keep 1
	same "$(files)" "LOCK MANIFEST full-000001.erad incr-000002.erad incr-000003.erad incr-000006.erad"
	restores "$T/v3"
	restores "$T/v1" --at "$(token 1)"
}

test_backup_replaces_a_damaged_newest_copy()
{
	DESCRIPTION="if the newest copy of a closed volume is damaged, a backup makes a new copy, even if an older copy is of the same moment; --keep then counts only the new copy"
	volumes
	backs_up 1 --init
	backs_up 1 --full
	printf x | dd of="$T/dir/full-000002.erad" bs=1 seek=1000 conv=notrunc status=none
	backs_up 1 --verify --keep 1
	says "full copy"
	same "$(files)" "LOCK MANIFEST full-000003.erad"
	restores "$T/v1"
}

# chain_of_four: makes full-000001 and three increments in $T/dir; incr-000004 is of era 4
chain_of_four()
{
	local i

	# In era 4, write to other blocks than in eras 2 and 3.
	cp "$T/v3" "$T/v4"
	write_blocks "$T/v4" 6 200 3
	rm "$T/m4"
	metadata "$T/m4" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 era 2 mark 5 3 mark 20 30 \
		era 3 mark 299 1 mark 100 1 era 4 mark 200 3 close-sealed "$T/v4"
	backs_up 1 --init
	for i in 2 3 4; do
		backs_up $i
	done
	same "$(files)" "LOCK MANIFEST full-000001.erad incr-000002.erad incr-000003.erad incr-000004.erad"
}

test_backup_compares_manifest_with_the_files()
{
	DESCRIPTION="if the base, the token or the size of a copy in MANIFEST was changed to another valid value, restore-backup writes nothing, and backup takes another base"
	local change file

	volumes
	chain_of_four
	cp -a "$T/dir" "$T/good"
	restores "$T/v4"
	while read -r file change; do
		rm -rf "$T/dir"
		cp -a "$T/good" "$T/dir"
		sed -i "$change" "$T/dir/MANIFEST"
		! cmp -s "$T/good/MANIFEST" "$T/dir/MANIFEST" || fail "$change changes nothing"
		refused "$T/dir/$file: it is not the copy that MANIFEST describes: got from " eractl restore-backup "$T/dir" "$T/new"
		same "$(ls "$T"/new* 2> /dev/null)" ""
		echo precious > "$T/precious"
		refused "$T/dir/$file: it is not the copy" eractl restore-backup "$T/dir" "$T/precious" --overwrite
		same "$(cat "$T/precious")" precious
		backs_up 4 --verify
		says "$file: it is not the copy that MANIFEST describes"
		restores "$T/v4"
	done <<- 'END'
		incr-000004.erad $ s|"base":"incr-000003|"base":"full-000001|
		incr-000004.erad $ s|:4","time"|:5","time"|
		incr-000004.erad 4 s|:3","time"|:2","time"|
		incr-000002.erad 2 s|:1","time"|:3","time"|
		incr-000004.erad s|"size":[0-9]*|"size":4096|
	END
	# Now without --verify. MANIFEST names another base for the newest copy, so the increment is
	# made on the copy before it.
	rm -rf "$T/dir"
	cp -a "$T/good" "$T/dir"
	sed -i '$ s|"base":"incr-000003|"base":"incr-000002|' "$T/dir/MANIFEST"
	backs_up 4
	says "incr-000004.erad: it is not the copy that MANIFEST describes"
	says "the copy is an increment on an earlier copy, incr-000003.erad"
	restores "$T/v4"
}

test_backup_notices_that_its_list_of_extents_was_cut()
{
	DESCRIPTION="backup adds no copy if its temporary file, which lists what is to be copied, has lost its end or has zeros in place of an extent"
	local nth fault

	volumes
	backs_up 1 --init
	cp -a "$T/dir" "$T/first"
	strace -y -o "$T/calls" -e trace=read eractl backup "$T/m2" "$T/dir" --device "$T/v2" > /dev/null
	nth=$(nth_call read '/dir/\.erad-' "$T/calls")
	for fault in retval=0 "poke_exit=@arg2=$(printf '0%.0s' {1..32})"; do
		rm -rf "$T/dir"
		cp -a "$T/first" "$T/dir"
		refused "volume $T/m2: the temporary file in $T/dir has lost data: got " strace -qq -y -o "$T/calls" \
			-e "inject=read:$fault:when=$nth" eractl backup "$T/m2" "$T/dir" --device "$T/v2"
		grep -q '^read([0-9]*<[^>]*/dir/\.erad-.*INJECTED' "$T/calls" || fail "$fault: strace has changed another call: $(cat "$T/calls")"
		cmp "$T/dir/MANIFEST" "$T/first/MANIFEST"
		backs_up 2
		says increment
		restores "$T/v2"
	done
}

test_backup_says_what_an_error_of_a_flush_means()
{
	DESCRIPTION="if the directory cannot be flushed after a rename, backup fails, and says whether MANIFEST lists the new copy; the next backup is right in both cases"
	local names

	volumes
	backs_up 1 --init
	names="LOCK MANIFEST full-000001.erad incr-000002.erad"
	# The first flush of the directory is for the name of the copy, the second one for MANIFEST.
	refused "$T/dir/incr-000002.erad: cannot make the name of the file durable: Input/output error; so MANIFEST does not list this copy" \
		strace -qq -P "$T/dir" -o "$T/calls" -e inject=fsync:error=EIO:when=1 eractl backup "$T/m2" "$T/dir" --device "$T/v2"
	grep -q incr-000002 "$T/dir/MANIFEST" && fail "MANIFEST lists the copy"
	same "$(files)" "$names"
	restores "$T/v1"
	refused "$T/dir/MANIFEST: it was replaced, but cannot be made durable: Input/output error; a power cut may bring back the old one" \
		strace -qq -P "$T/dir" -o "$T/calls" -e inject=fsync:error=EIO:when=2 eractl backup "$T/m2" "$T/dir" --device "$T/v2"
	grep -q incr-000002 "$T/dir/MANIFEST" || fail "MANIFEST does not list the copy"
	same "$(files)" "$names"
	restores "$T/v2"
	backs_up 3
	says increment
	restores "$T/v3"
}
