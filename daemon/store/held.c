// SPDX-License-Identifier: GPL-2.0-or-later
/* Begins and drops the snapshot: see store_begin_snapshot() in store.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>

#include "common/size.h"
#include "store/append.h"

/*
 * Makes the error.  The message contains a size with which store_format() leaves room for
 * snapshots, so that the user's next attempt succeeds.
 */
static int no_room_for_snapshots(struct store *s, struct err *err)
{
	const struct store_geometry g = {
		.nr_sectors = le64toh(s->super.nr_sectors),
		.block_sectors = le32toh(s->super.block_sectors),
	};
	char size[SIZE_EXACT];

	return err_set(err, -ENOSPC,
		       "%s has no room for snapshots; metadata with room needs %s: close the volume, and copy this metadata to a larger device with 'eractl dump' and 'eractl restore'",
		       s->e->name, size_exact(size, store_size(&g, NULL)));
}

uint32_t store_snapshot_era(const struct store *s)
{
	if (s->begin.kind)
		return s->begin.era;
	return s->fold_snapshot ? s->fold_era : s->snapshot.era;
}

int store_begin_snapshot(struct store *s, uint32_t era, bool lasts, struct err *err)
{
	uint32_t held;
	int ret;

	ret = store_check_writable(s, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->lock);
	held = store_snapshot_era(s);
	pthread_mutex_unlock(&s->lock);
	if (held)
		return err_set(err, -EBUSY, "%s: a snapshot of era %" PRIu32
			       " is held, and there can be only one; drop it first", s->e->name, held);
	if (!s->array.chunk)
		return no_room_for_snapshots(s, err);
	return store_append_era(s, era, lasts ? SNAPSHOT_LASTS : SNAPSHOT_ENDS, lasts, err);
}

int store_drop_snapshot(struct store *s, struct err *err)
{
	struct erad_disk_super sb;
	bool asked, unsure;
	int ret;

	ret = store_check_writable(s, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->fold_lock);
	pthread_mutex_lock(&s->lock);
	asked = s->begin.kind;
	s->begin.kind = SNAPSHOT_NONE;
	pthread_mutex_unlock(&s->lock);
	/*
	 * The superblock on the disk may name a snapshot that is not in memory, because a failed
	 * fold may have written it.
	 */
	unsure = s->fold_snapshot;
	ret = 0;
	if (s->snapshot.era || unsure) {
		sb = s->super;
		sb.snap_era = 0;
		sb.snap_floor_era = 0;
		sb.flags &= ~htole32(ERAD_SB_SNAP_LASTS);
		ret = store_next_super(s, &sb);
		if (!ret) {
			pthread_mutex_lock(&s->lock);
			s->fold_snapshot = SNAPSHOT_NONE;
			pthread_mutex_unlock(&s->lock);
			store_set_snapshot(s);
		} else {
			store_io_error(s, err, ret, "cannot drop the snapshot");
		}
	} else if (!asked) {
		ret = err_set(err, -ENOENT, "%s: no snapshot is held", s->e->name);
	}
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}
