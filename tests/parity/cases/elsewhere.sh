# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Fixes in dm-era's history that cannot be tested with a volume. Other tests check the sources.

# This case also covers the commits 8ae12666, 74d46992, ed00aabd, 21cf8661, dc3b17cc, 1eff9d32,
# 28a8f0d3, 05bdb996, 3664ff82, b362c733, 4c7da06f and 73cbca6a, which changed the kernel's API.
elsewhere["test_6dcbb52c_every_kernel"]=lint:lint_sparse
not_for_era["test_6dcbb52c_every_kernel"]="it is part of its kernel"
test_6dcbb52c_every_kernel()
{
	DESCRIPTION="one source of the module builds on every kernel series, with warnings as errors"
}

# This case also covers the commits 0ef0b471, 02f10ba1, a4a82ce3, 86a3238c and 1c131886.
elsewhere["test_09c434b8_licences"]=lint:lint_licences
not_for_era["test_09c434b8_licences"]="its source is not here"
test_09c434b8_licences()
{
	DESCRIPTION="every file names its licence"
}

elsewhere["test_later_hostile_metadata"]=unit:damage_hostile
not_for_era["test_later_hostile_metadata"]="it is not fuzzed here"
test_later_hostile_metadata()
{
	DESCRIPTION="the module relies on no field of the metadata"
}
