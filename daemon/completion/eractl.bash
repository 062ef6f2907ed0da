# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completes the commands and options in eractl's help, and the names of the volumes in /etc/eratab.

_eractl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=

	if ((COMP_CWORD == 1)); then
		words="$(eractl help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p') --help --version"
	elif [[ $cur == -* ]]; then
		words=$(eractl help "${COMP_WORDS[1]}" 2> /dev/null |
			sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p')
	else
		case ${COMP_WORDS[1]}:$prev in
		diff:-f | diff:--format)
			words='table json ranges ddrescue xml qcow2'
			;;
		diff:-s | diff:--since | explain:-s | explain:--since | verify:-s | verify:--since | map:-s | map:--since | resize:--size | image:--size | backup:--size | diff:--offset | send:-s | send:--since | send:--to | backup:--to | restore-backup:--at | bookmark:--token)
			;;
		backup:--keep)
			words='all 1 2 3'
			;;
		backup:--full-every)
			words='never 6 13 29'
			;;
		snapshot:snapshot)
			words='take drop'
			;;
		image:image)
			words='create drop'
			;;
		create:-b | create:--block-size | attach:-b | attach:--block-size)
			words='4K 16K 64K 256K 1M'
			;;
		create:create | attach:attach)
			;;
		diff:--lv)
			words=$(lvs --noheadings -o vg_name,lv_name --separator / 2> /dev/null)
			;;
		verify:--base | *:--cow | *:--device | diff:qcow2 | receive:* | backup:* | restore-backup:* | create:* | attach:* | check:* | map:* | repair:* | dump:* | restore:* | import:*)
			[[ ${COMP_WORDS[1]} != @(check|dump|map|backup) ]] ||
				words=$(awk '$1 !~ /^#/ { print $1 }' /etc/eratab 2> /dev/null)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$words" -- "$cur")
			compopt -o filenames
			return
			;;
		help:*)
			words=$(eractl help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
			;;
		list:* | doctor:*)
			;;
		*)
			words=$(awk '$1 !~ /^#/ { print $1 }' /etc/eratab 2> /dev/null)
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _eractl eractl
