# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Hostile and concurrent ioctls: the module refuses invalid arguments, and still works afterwards.

case_timeout["test_ioctl_fuzz"]=300
test_ioctl_fuzz()
{
	DESCRIPTION="several threads send hostile ioctls while file descriptors, tables and devices are made and removed, and the module still works"

	ioctl_fuzz 6000 "${SEED:-1}" "$(new_disk 64M)" "$(new_disk 8M)" "$(new_disk 64M)" "$(new_disk 8M)"
}
