#compdef eractl
# SPDX-License-Identifier: GPL-2.0-or-later
# Completes in zsh the commands and options in eractl's help, and the names of the volumes in /etc/eratab.

_eractl_volumes()
{
	local -a volumes=(${(f)"$(awk '$1 !~ /^#/ && NF { print $1 }' /etc/eratab 2> /dev/null)"})

	compadd -a volumes
}

_eractl()
{
	local line command=${words[2]-} before=${words[CURRENT - 1]-}
	local -a found

	if ((CURRENT == 2)) || [[ $command == help ]]; then
		for line in ${(f)"$(eractl help | sed -n 's/^  \([a-z][a-z-]*\)  *\(.*\)/\1:\2/p')"}; do
			found+=("$line")
		done
		_describe command found
		((CURRENT != 2)) || compadd -- --help --version
		return
	fi
	if [[ ${words[CURRENT]} == -* ]]; then
		for line in ${(f)"$(eractl help $command 2> /dev/null | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\)[^a-z].*/\2/p')"}; do
			found+=("$line")
		done
		compadd -a -- found
		return
	fi
	case $command:$before in
	diff:-f | diff:--format) compadd $(eractl help diff | sed -n 's/^  -f, --format FORMAT *//p' | sed 's/(default)//; s/,/ /g; s/ or / /') ;;
	*:-s | *:--since | *:--to | restore-backup:--at | resize:--size | image:--size | backup:--size | bookmark:--token) ;;
	backup:--keep) compadd all 1 2 3 ;;
	backup:--full-every) compadd never 6 13 29 ;;
	snapshot:snapshot) compadd take drop ;;
	image:image) compadd create drop ;;
	create:-b | create:--block-size | attach:-b | attach:--block-size) compadd 4K 16K 64K 256K 1M ;;
	diff:--lv) compadd -- ${=$(lvs --noheadings -o vg_name,lv_name --separator / 2> /dev/null)} ;;
	create:create | attach:attach | list:* | doctor:*) ;;
	verify:--base | *:--cow | *:--device | restore-backup:* | create:* | attach:* | repair:* | restore:* | import:*) _files ;;
	check:* | dump:* | map:* | backup:*)
		_eractl_volumes
		_files
		;;
	*) _eractl_volumes ;;
	esac
}

_eractl "$@"
