# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completes the options in erad-exporter's help, and file names for options that take a file.

_erad_exporter()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-l | --listen)
		;;
	-t | --textfile | -s | --socket | -b | --backups)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		;;
	*)
		words=$(erad-exporter --help | sed -n 's/^  -., \(--[a-z]*\).*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		;;
	esac
}

complete -F _erad_exporter erad-exporter
