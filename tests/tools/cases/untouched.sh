# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# If eractl refuses a command, it does not change a byte.

# shellcheck source=tests/content.sh
. tests/content.sh

# untouched TYPE TEXT COMMAND…: checks that the command fails with TEXT, and that the file with content TYPE is unchanged
untouched()
{
	refused "${@:2}"
	cmp "$T/$1" "$T/$1.before" || fail "changed by ${*:3}"
}

test_untouched_by_restore()
{
	DESCRIPTION="restore, import and repair change no byte of a file that is not erad metadata, with any option"
	local type

	used "$T/m"
	eractl dump "$T/m" > "$T/xml"
	sed 's/era="1"/era="x"/' "$T/xml" > "$T/bad"
	for type in "${CONTENTS[@]}"; do
		content_file "$type"
		untouched "$type" "is never overwritten" eractl restore "$T/$type" --input "$T/xml"
		untouched "$type" "is never overwritten" eractl restore "$T/$type" --input "$T/xml" --force
		untouched "$type" "is never overwritten" eractl restore "$T/$type" --input "$T/xml" --overwrite-metadata
		untouched "$type" "expected" eractl restore "$T/$type" --input "$T/bad" --overwrite-metadata
		untouched "$type" "$T/$type" eractl repair "$T/$type"
		rm "$T/$type"*
	done
	# Use a file that is smaller than a page. The engine cannot read such a file.
	printf 'all that I have' > "$T/text"
	cp "$T/text" "$T/text.before"
	untouched text "is never overwritten" eractl restore "$T/text" --input "$T/xml" --overwrite-metadata
	untouched text "" eractl repair "$T/text"
	# Use a file of zeros, with one other byte at the end of the range that restore would write.
	truncate -s $((42 * 4096)) "$T/late"
	printf x | dd of="$T/late" bs=1 seek=$((42 * 4096 - 1)) conv=notrunc status=none
	cp "$T/late" "$T/late.before"
	untouched late "got data at byte $((42 * 4096 - 1)), expected zeros" eractl restore "$T/late" --input "$T/xml"
}

test_untouched_metadata()
{
	DESCRIPTION="metadata in a file is overwritten only with --overwrite-metadata; --force is not enough"
	used "$T/m"
	eractl dump "$T/m" > "$T/xml"
	cp "$T/m" "$T/m.before"
	untouched m "carries erad metadata; --overwrite-metadata overwrites it" eractl restore "$T/m" --input "$T/xml"
	untouched m "carries erad metadata; --overwrite-metadata overwrites it" eractl restore "$T/m" --input "$T/xml" --force
}

test_untouched_zeros()
{
	DESCRIPTION="a restore that fails midway leaves a file of zeros unchanged, with its size"
	used "$T/m"
	eractl dump "$T/m" > "$T/xml"
	truncate -s 5000 "$T/zeros"
	cp "$T/zeros" "$T/zeros.before"
	# Limit the size of files, so that the new metadata cannot be written as a whole.
	trap '' XFSZ
	(ulimit -f 20 && untouched zeros "File too large" eractl restore "$T/zeros" --input "$T/xml")
	eractl restore "$T/zeros" --input "$T/xml" > /dev/null
	eractl dump "$T/zeros" | cmp - "$T/xml"
}
