#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# UUIDs and labels lead to a volume, and not to its origin, as long as eratab names the origin or
# the volume is open.
#
# usage: tests/host/udev.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}
began=$SECONDS
claim="while a volume is open or eratab names it, UUIDs and labels do not lead to its origin"
if output=$(tests/vm/run --kernel "$kernel" --systemd --disk 128M --disk 64M --disk 64M --disk 64M --timeout 600 -- tests/host/udev-guest 2>&1); then
	echo "ok udev ($((SECONDS - began)) s) $claim"
else
	echo "not ok udev ($((SECONDS - began)) s) $claim"
	printf '%s\n' "$output" | sed 's/^/  | /'
fi
