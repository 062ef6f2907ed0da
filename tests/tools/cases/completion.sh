# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The completions of bash and zsh.

# in_bash WORD...: prints the words with which bash completes the last word.
in_bash()
{
	(
		# shellcheck source=daemon/completion/eractl.bash
		. daemon/completion/eractl.bash
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_eractl
		printf '%s\n' "${COMPREPLY[@]}"
	) | sort
}

# in_zsh WORD...: prints the words that zsh offers for the last word. The script replaces functions
# of zsh's completion.
in_zsh()
{
	zsh -f -c 'compadd() {
			local -a options=("${(@M)@:#-*}")
			[[ ${@[1]} == -a ]] && { shift; [[ $1 == -- ]] && shift; print -l -- "${(@P)1}"; return }
			[[ ${@[1]} == -- ]] && shift
			print -l -- "$@"
		}
		_describe() { print -l -- "${(@)${(@P)2}%%:*}" }
		_files() { print FILES }
		words=("$@")
		CURRENT=$#
		set --
		source daemon/completion/eractl.zsh' zsh "$@" | sort
}

test_completion_has_all_commands()
{
	DESCRIPTION="bash and zsh complete every command of eractl's help, and every option of every command"
	local commands command options

	[[ $(eractl help) == *"  restore-backup  "* ]] || fail "help does not list restore-backup"
	commands=$(eractl help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
	same "$(in_bash eractl '')" "$(printf '%s\n' "$commands" --help --version | sort)"
	same "$(in_zsh eractl '')" "$(printf '%s\n' "$commands" --help --version | sort)"
	for command in $commands; do
		[[ $command != help ]] || continue
		options=$(eractl help "$command" | grep -o '^  \(-.,\|   \) --[a-z-]*' | grep -o -- '--.*' | sort)
		same "$(in_bash eractl "$command" -)" "$options"
		same "$(in_zsh eractl "$command" -)" "$options"
	done
}

test_completion_has_formats()
{
	DESCRIPTION="bash and zsh complete the formats of diff that are in its help"
	local formats='ddrescue json qcow2 ranges table xml'

	same "$(in_bash eractl diff data --format '' | paste -sd ' ')" "$formats"
	same "$(in_zsh eractl diff data --format '' | paste -sd ' ')" "$formats"
}

test_completion_has_words_of_backup()
{
	DESCRIPTION="bash and zsh complete the arguments of backup's --keep and --full-every, and eractl accepts each of them"
	local option words word

	for option in keep full-every; do
		words=$(in_bash eractl backup data /backup --$option '')
		same "$(in_zsh eractl backup data /backup --$option '')" "$words"
		[[ $words == *[a-z]* ]] || fail "got '$words'"
		for word in $words; do
			[[ $(eractl backup --$option "$word" 2>&1) == *"expected a volume"* ]] || fail "eractl does not take --$option $word"
		done
	done
}
