# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Shared by the VM scripts and the test drivers: paths, exit statuses, and the kernel messages that fail a test.

# shellcheck disable=SC2034 # used by the scripts that source this file
ERAD_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # used by the scripts that source this file
ERAD_BUILD=$ERAD_TOP/build

# Exit statuses of tests/vm/run, besides the status of the COMMAND. A COMMAND that was killed by a
# signal has the status 128 + the number of the signal, at most 192. The statuses here are higher.
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly VM_KERNEL_TROUBLE=240 VM_NO_VERDICT=241 VM_KILLED=242 VM_TIMEOUT=243 VM_CANNOT_START=244

# A line in the kernel log that matches this pattern fails the test, whatever the cause of the line
# is.
# shellcheck disable=SC2034 # used by the scripts that source this file
TROUBLE='WARNING: |BUG: |BUG at |\bOops\b|Kernel panic|general protection fault|[Uu]nable to handle (kernel|page)'
TROUBLE+='|stack segment:|divide error:|invalid opcode:|double fault:|traps: |segfault at '
TROUBLE+='|blocked for more than|soft lockup|hard LOCKUP|rcu.*(detected|self-detected) (expedited )?stall|rcu.*stalls? on '
TROUBLE+='|circular locking dependency|recursive locking|inconsistent lock state|lock held when returning'
TROUBLE+='|suspicious RCU usage|DEBUG_LOCKS|possible .* unsafe locking|bad unlock balance|held lock freed'
TROUBLE+='|KASAN|KCSAN|KFENCE: |UBSAN: |ODEBUG: |kmemleak: [0-9]+ new|refcount_t: |list_(add|del) corruption|slab corruption|Poison overwritten'
TROUBLE+='|sleeping function called|scheduling while atomic|page allocation failure|Out of memory|oom-kill|invoked oom-killer'

# slowness SERIES|RELEASE: prints how many times slower this kernel may be than a kernel without checkers.
slowness()
{
	case $1 in
	debug | *-erad-debug) echo 5 ;;
	*) echo 1 ;;
	esac
}

# die MESSAGE...: exits because the VM cannot be started.
die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$VM_CANNOT_START"
}

as_root()
{
	if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# sq WORD: prints WORD, quoted for any POSIX shell.
sq()
{
	printf "'%s'" "${1//\'/\'\\\'\'}"
}
