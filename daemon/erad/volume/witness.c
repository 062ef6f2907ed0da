// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the origin with a witness after a crash, and keeps new witnesses: see witness.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/sysfs.h"
#include "erad/base/log.h"
#include "erad/volume/volume.h"
#include "erad/volume/witness.h"
#include "store/history.h"
#include "store/moment.h"

static int open_origin(const struct volume *v, struct err *err)
{
	const dev_t dev = makedev(v->info.origin_major, v->info.origin_minor);
	char node[NODE_PATH_SIZE];
	int r;

	r = dm_node(dev, node);
	return r ? err_set(err, r, "cannot find the origin %u:%u: %s", major(dev), minor(dev), strerror(-r)) :
		seal_open(node, false, err);
}

/*
 * Returns whether no block of the place was written in this era or later.  If that is not known,
 * returns false.
 */
static bool not_written_since(struct store *s, const struct seal_entry *e, uint32_t era)
{
	const uint64_t from = le64toh(e->offset), to = from + le32toh(e->length);
	struct store_info info;
	uint64_t block, first;
	uint32_t newest;

	store_info(s, &info);
	block = (uint64_t)info.block_sectors * ERAD_SECTOR;
	first = from / block;
	if (to > info.nr_sectors * ERAD_SECTOR)
		return false;
	return !store_newest_era(s, first, (to - 1) / block - first + 1, &newest, NULL) && newest < era;
}

int witness_compare(struct volume *v, struct err *difference)
{
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;
	char text[SEAL_ENTRY_TEXT];
	int fd, r, differs = 0;
	uint64_t hash;

	store_item(v->store, STORE_WITNESS, kept.item);
	if (!witness_valid(&kept.w) || !kept.w.nr)
		return 0;
	/* An origin that cannot be read may have changed: the witness of this open will replace this one. */
	fd = open_origin(v, difference);
	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < le32toh(kept.w.nr) && !differs; i++) {
		const struct seal_entry *e = &kept.w.place[i];

		if (!not_written_since(v->store, e, le32toh(kept.w.era)))
			continue;
		r = seal_hash_entry(fd, e, &hash);
		if (!r && hash == le64toh(e->hash))
			continue;
		/* The metadata keeps only the first ERAD_GAP_DETAIL bytes of the sentence. */
		if (r)
			err_set(difference, 0, "%s cannot be read: %s", seal_entry_text(e, text), strerror(-r));
		else
			err_set(difference, 0, "without a record since era %" PRIu32 ", %s has changed",
				le32toh(kept.w.era), seal_entry_text(e, text));
		differs = 1;
	}
	close(fd);
	return differs;
}

int witness_begin(struct volume *v, uint32_t era, struct err *err)
{
	struct witness w;
	struct err why;
	int fd, r;

	fd = open_origin(v, &why);
	if (fd < 0)
		return 0;
	r = witness_take(fd, v->info.nr_sectors * ERAD_SECTOR, era, &w, &why);
	close(fd);
	if (r) {
		log_notice("volume %s: its origin has no witness of era %" PRIu32 ": %s", v->name, era, why.msg);
		return 0;
	}
	return store_set_item(v->store, STORE_WITNESS, (const uint8_t *)&w, err);
}

int witness_keep(struct volume *v, const struct token *t, const struct witness *w, struct err *err)
{
	struct store *s = volume_store_get(v);
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;
	struct store_info info;
	int r;

	if (!s)
		return volume_store_missing(err);
	store_info(s, &info);
	r = store_check_token(s, t, err);
	if (!r && store_timeline(s, info.era) != t->timeline)
		r = err_set(err, -ESTALE, "the witness is of an earlier activation");
	if (!r && (!witness_valid(w) || le32toh(w->era) != t->era))
		r = err_set(err, -EINVAL, "the witness has version %" PRIu32 ", %" PRIu32 " places and era %" PRIu32
			    ", expected version %u, at most %u places and era %" PRIu32, le32toh(w->version),
			    le32toh(w->nr), le32toh(w->era), WITNESS_VERSION, WITNESS_PLACES, t->era);
	store_item(s, STORE_WITNESS, kept.item);
	/* A slow caller may come after a newer witness.  More places are compared with the newer one. */
	if (!r && !(witness_valid(&kept.w) && le32toh(kept.w.era) > t->era && le32toh(kept.w.era) <= info.era))
		r = store_set_item(s, STORE_WITNESS, (const uint8_t *)w, err);
	volume_store_put(v);
	return r;
}
