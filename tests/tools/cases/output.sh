# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# How all programs handle output that cannot be written, closed descriptors and unusual paths.

# Command lines that print something and need no running erad.
printing=('eractl help' 'eractl help diff' 'eractl create --help' 'eractl --version' 'eractl check F' 'eractl check --json F'
	'eractl dump F' 'eractl dump --json F' 'eractl map F' 'eractl map --json F' 'eractl repair F' 'eractl repair --json F'
	'erad --help' 'erad --version' 'erad-exporter --help' 'erad-exporter --version')

test_a_full_device_is_told_as_such()
{
	DESCRIPTION="if the output cannot be printed because the device is full, the command fails and says so"
	local command out i marks=()

	used "$T/F"
	cd "$T" || return
	for command in "${printing[@]}"; do
		# shellcheck disable=SC2086 # words
		out=$($command 2>&1 > /dev/full) && fail "$command: exit code 0"
		[[ $out == "${command%% *}: cannot write the output: No space left on device" ]] || fail "$command: got '$out'"
	done
	# Let the output be much larger than a buffer.
	for ((i = 0; i < 600; i++)); do
		marks+=(mark $((i * 1000)) 1)
	done
	metadata big format 1000000 1 era 1 "${marks[@]}"
	for command in 'eractl dump big' 'eractl dump --json big'; do
		# shellcheck disable=SC2086 # words
		out=$($command 2>&1 > /dev/full) && fail "$command: exit code 0"
		[[ $out == "eractl: cannot write the output: No space left on device" ]] || fail "$command: got '$out'"
	done
}

test_closed_descriptors_are_not_given_to_files()
{
	DESCRIPTION="if standard output is closed, nothing is printed into another file, and the command fails"
	local command out

	used "$T/F"
	cd "$T" || return
	for command in "${printing[@]}"; do
		# shellcheck disable=SC2086 # words
		out=$($command 2>&1 >&-) && fail "$command: exit code 0"
		[[ $out == "${command%% *}: cannot write the output: Bad file descriptor" ]] || fail "$command: got '$out'"
	done
	cp F before
	# Close the three descriptors: the files that the program opens next must not get the
	# numbers of these descriptors.
	eractl dump F <&- >&- 2>&- && fail "dump: exit code 0"
	eractl repair F <&- >&- 2>&- && fail "repair: exit code 0"
	eractl dump F <&- 2>&- > out
	eractl restore new --input out <&- >&- 2>&- && fail "restore: exit code 0"
	same "$(eras new)" "$(eras F)"
	eractl restore other < out <&- 2> err && fail "restore: read from a closed descriptor"
	grep -q 'Bad file descriptor' err || fail "got $(cat err)"
	erad-generator "$T" <&- >&- 2>&- || fail "generator"
	erad-exporter --textfile out.prom <&- >&- 2>&- || fail "exporter"
	grep -q '^erad_up 0$' out.prom || fail "the exporter wrote $(cat out.prom)"
	cmp F before
}

test_control_characters_do_not_reach_the_terminal()
{
	DESCRIPTION="eractl prints control characters of a path as numbers, or replaces them in error messages"
	local name=$'m\e[31m\nred\xc2\x9b' command

	cd "$T" || return
	used F
	eractl dump F > xml
	eractl restore "$name" --input xml > out
	grep -qF 'm\x1b[31m\x0ared\xc2\x9b: ' out || fail "got $(cat -v out)"
	for command in "map $name" "check $name" "dump $name" "repair $name" "check missing$name" "dump missing$name"; do
		eractl "${command%% *}" "${command#* }" >> out 2>> err || :
	done
	for command in check repair restore; do
		eractl "$command" --json "$name" >> out 2>> err < xml || :
	done
	[[ -s err ]] || fail "the command reported no error"
	LC_ALL=C grep -qP '\x1b|\xc2\x9b' <(grep -v '"metadata"' out; cat err) && fail "got $(cat -v out err)"
	grep -q $'\e' out && fail "got $(cat -v out)"
	return 0
}

test_the_text_file_replaces_only_files()
{
	DESCRIPTION="erad-exporter --textfile does not replace a FIFO or a directory"
	mkfifo "$T/fifo"
	mkdir "$T/dir"
	refused "fifo is no regular file" erad-exporter --textfile "$T/fifo"
	refused "dir is no regular file" erad-exporter --textfile "$T/dir"
	[[ -p $T/fifo && -d $T/dir ]] || fail "the FIFO or the directory was replaced"
}

# page_section COMMAND: prints the description of this command in eractl(8), below COMMANDS.
page_section()
{
	awk -v command="$1" '
		/^# / { commands = $0 == "# COMMANDS" }
		/^\*/ { wanted = $0 ~ "^[*]" command "[* ]" }
		commands && wanted' daemon/man/eractl.8.scd
}

test_manual_has_the_options_of_the_help()
{
	DESCRIPTION="eractl(8) describes every command in eractl's help, with exactly the options in the help of this command"
	local command page

	for command in $(eractl help | sed -n 's/^  \([a-z-]\{1,\}\)  .*/\1/p'); do
		[[ $command != help ]] || continue
		page=$(page_section "$command")
		[[ $page ]] || fail "eractl(8) does not describe $command"
		eractl help "$command" | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p' | sed '/^--\(help\|json\)$/d' | sort > "$T/help"
		# An option is in a paragraph of its own, or in the line that begins the description of the command.
		sed -n '/^\*/p; /^\t\*-/p' <<< "$page" | sed 's/[^a-z-]/\n/g' | sed '/^--[a-z]/!d; /^--json$/d' | sort -u > "$T/page"
		diff "$T/help" "$T/page" > "$T/diff" || fail "$command: '<' are in the help only, '>' in eractl(8) only: $(cat "$T/diff")"
	done
}
