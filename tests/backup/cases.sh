# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl send into Ceph's rbd, and rbd into eractl receive.

# shellcheck source=../tools/volumes.sh
. tests/tools/volumes.sh

# exported IMAGE[@SNAPSHOT]: prints the content of the image
exported()
{
	timeout 60 rbd export --no-progress "$1" -
}

test_rbd_import_diff_takes_what_send_writes()
{
	DESCRIPTION="rbd import-diff imports the full copy and the increments of eractl send, names its snapshots after their tokens, and refuses an increment whose base snapshot is missing"
	three_eras
	timeout 60 rbd create --size 1M take
	timeout 60 rbd import-diff --no-progress - take < "$T/full"
	exported take | cmp - "$T/v1"
	timeout 60 rbd import-diff --no-progress - take < "$T/two_to_three" && fail "an increment on a missing snapshot was taken"
	exported take | cmp - "$T/v1"
	timeout 60 rbd import-diff --no-progress - take < "$T/one_to_two"
	timeout 60 rbd import-diff --no-progress - take < "$T/two_to_three"
	exported "take@$(token 1 | sed 's/^/erad-/; s/:/-/g')" | cmp - "$T/v1"
	exported "take@$(token 2 | sed 's/^/erad-/; s/:/-/g')" | cmp - "$T/v2"
	exported take | cmp - "$T/v3"
	same "$(timeout 60 rbd snap ls take --format json | perl -MJSON::PP -0ne 'print join " ", map { $_->{name} } @{decode_json($_)}')" \
		"$(for i in 1 2 3; do token $i | sed 's/^/erad-/; s/:/-/g'; done | paste -sd ' ')"
}

test_receive_takes_what_rbd_passes_on()
{
	DESCRIPTION="eractl receive accepts the output of rbd export-diff for an image that eractl send has filled, and afterwards accepts increments of eractl send"
	local one two

	three_eras
	one=erad-$(token 1 | sed 's/:/-/g')
	two=erad-$(token 2 | sed 's/:/-/g')
	timeout 60 rbd create --size 1M pass
	timeout 60 rbd import-diff --no-progress - pass < "$T/full"
	timeout 60 rbd import-diff --no-progress - pass < "$T/one_to_two"
	timeout 60 rbd export-diff --no-progress "pass@$one" - > "$T/rbd_full"
	timeout 60 rbd export-diff --no-progress --from-snap "$one" "pass@$two" - > "$T/rbd_increment"
	receives "$T/copy" "$T/rbd_full" "$(token 1)"
	cmp "$T/copy" "$T/v1"
	receives "$T/copy" "$T/rbd_increment" "$(token 2)"
	cmp "$T/copy" "$T/v2"
	receives "$T/copy" "$T/two_to_three" "$(token 3)"
	cmp "$T/copy" "$T/v3"
}

test_rbd_takes_many_groups()
{
	DESCRIPTION="rbd import-diff imports a stream of eractl send that has several groups and their checksums, and eractl receive accepts rbd's export of the image"
	random 9 $((1000 * 65536)) > "$T/v"
	metadata "$T/m" format 1000 128 timeline 77 era 1 mark 0 1000 close
	timeout 60 rbd create --size 1M many
	eractl send "$T/m" --device "$T/v" | timeout 120 rbd import-diff --no-progress - many
	exported many | cmp - "$T/v"
	timeout 60 rbd export-diff --no-progress "many@erad-$(token 1 | sed 's/:/-/g')" - | eractl receive "$T/copy"
	cmp "$T/copy" "$T/v"
}

test_rbd_takes_no_cut_stream()
{
	DESCRIPTION="a stream of eractl send that was cut makes no snapshot in the image, and the complete stream then makes the snapshot"
	three_eras
	timeout 60 rbd create --size 1M cut
	timeout 60 rbd import-diff --no-progress - cut < "$T/full"
	head -c $(($(stat -c %s "$T/one_to_two") - 1)) "$T/one_to_two" > "$T/cut"
	timeout 60 rbd import-diff --no-progress - cut < "$T/cut" && fail "a cut stream was taken"
	same "$(timeout 60 rbd snap ls cut --format json | perl -MJSON::PP -0ne 'print scalar @{decode_json($_)}')" 1
	timeout 60 rbd import-diff --no-progress - cut < "$T/one_to_two"
	exported cut | cmp - "$T/v2"
}
