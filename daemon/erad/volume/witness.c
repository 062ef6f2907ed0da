// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the origin with a witness after a crash, and keeps new witnesses: see witness.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "erad/base/log.h"
#include "erad/volume/origin.h"
#include "erad/volume/volume.h"
#include "erad/volume/witness.h"
#include "store/history.h"
#include "store/moment.h"

/*
 * Returns whether no block of the place was written in this era or later.  Returns false if this is
 * not known.
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

int witness_compare(struct volume *v, int *code, struct err *difference, struct err *err)
{
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;
	struct origin_question q;
	struct origin_answer a;
	struct store_info info;
	uint32_t nr = 0;
	int r;

	*code = 0;
	store_item(v->store, STORE_WITNESS, kept.item);
	store_info(v->store, &info);
	/*
	 * Ignore a witness of an era that the metadata has not begun: the metadata has lost the
	 * records of this era.  An older erad's repair has emptied the journal, but has kept the
	 * witness.
	 */
	if (!witness_valid(&kept.w) || le32toh(kept.w.era) > info.era)
		return 0;
	origin_question(v, ORIGIN_READ_WITNESS_DIFFERENCE, &q);
	q.witness = kept.w;
	memset(q.witness.place, 0, sizeof(q.witness.place));
	for (uint32_t i = 0; i < le32toh(kept.w.nr); i++)
		if (not_written_since(v->store, &kept.w.place[i], le32toh(kept.w.era)))
			q.witness.place[nr++] = kept.w.place[i];
	q.witness.nr = htole32(nr);
	/*
	 * If a gap already covers the current era, for example because this open has found another
	 * identity, a second gap would change nothing.
	 */
	if (info.floor_era >= info.era)
		q.witness.content_kind = htole32(CONTENT_NOT_READ);
	if (!nr && !q.witness.content_kind)
		return 0;
	r = origin_read(v, &q, ORIGIN_OPEN_MS, &a, err);
	if (r)
		return r;
	*code = a.code;
	if (a.code)
		*difference = a.err;
	return 0;
}

int witness_begin(struct volume *v, uint32_t era, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	struct err why;
	int r;

	origin_question(v, ORIGIN_READ_WITNESS, &q);
	q.era = era;
	r = origin_read(v, &q, ORIGIN_WITNESS_MS, &a, &why);
	if (r || a.code) {
		/*
		 * Drop the question, because nobody asks it again.  A kept question would shorten
		 * the wait for all other answers.
		 */
		origin_drop(&v->asked);
		log_notice("volume %s: its origin has no witness of era %" PRIu32 ": %s", v->name, era,
			   r ? why.msg : a.err.msg);
		return 0;
	}
	return store_set_item(v->store, STORE_WITNESS, (const uint8_t *)&a.witness, err);
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
	/*
	 * A slow caller may bring a witness that is older than the one in the metadata.  Keep the
	 * newer one, because more of its places can be compared.
	 */
	if (!r && !(witness_valid(&kept.w) && le32toh(kept.w.era) > t->era && le32toh(kept.w.era) <= info.era))
		r = store_set_item(s, STORE_WITNESS, (const uint8_t *)w, err);
	volume_store_put(v);
	return r;
}
