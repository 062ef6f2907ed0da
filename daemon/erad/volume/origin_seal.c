// SPDX-License-Identifier: GPL-2.0-or-later
/* Seals the origin of a volume that is closed: see origin_seal.h. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/image.h"
#include "common/seal.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/holders.h"
#include "erad/volume/origin.h"
#include "erad/volume/origin_seal.h"
#include "erad/volume/registry.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"

/* How often another user of the origin is waited for, and the limit for the volume's own target. */
#define CLAIM_TRIES	20
#define CLAIM_PAUSE_US	50000
#define OWN_MS		10000

struct search {
	const struct volume *v;
	bool found;
};

static void search_one(void *ctx, const struct erad_info *i)
{
	struct search *s = ctx;
	const struct volume *v = s->v;

	s->found |= !i->era && !(i->status & ERAD_PASSES_ALL) && !memcmp(i->uuid, v->uuid, sizeof(v->uuid)) &&
		image_beneath(makedev(i->origin_major, i->origin_minor)) == v->origin_dev;
}

/*
 * Returns whether a new target of the volume already uses the origin.  The new target holds all
 * writes until erad attaches.
 */
static bool new_target_has_it(const struct volume *v)
{
	struct search s = { .v = v };

	return !control_each(volumes_control(), search_one, &s) && s.found;
}

/*
 * Returns 0 if nobody uses the origin, or if a new target of the volume uses the origin.  EBUSY:
 * another program uses the origin.  Claims the origin exclusively only for a moment, so that other
 * programs are refused only for this moment.  Tries several times, because the old target releases
 * the origin after erad has noticed the end of the target.  As long as the kernel still lists the
 * volume's device as a holder of the origin, this may take long on a busy machine.
 */
static int check_unused(struct volume *v, struct err *err)
{
	struct origin_question q;
	const uint64_t end = thread_now_ms() + OWN_MS;
	struct origin_answer a;
	unsigned int tries = 0;
	int r;

	origin_question(v, ORIGIN_READ_UNUSED, &q);
	while ((r = origin_ask_for_seal(v, &q, &a, err)) == -EBUSY) {
		if (new_target_has_it(v))
			return 0;
		if (!(holders_have(v->origin_dev, v->dev) && thread_now_ms() < end) && ++tries == CLAIM_TRIES)
			break;
		usleep(CLAIM_PAUSE_US);
	}
	return r;
}

static int take_seal(struct volume *v, struct seal *s, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	uint8_t random[16];
	int r;

	r = uuid_random(random);
	if (r)
		return err_set(err, r, "cannot get random numbers: %s", strerror(-r));
	r = check_unused(v, err);
	if (r)
		return r;
	origin_question(v, ORIGIN_READ_SEAL, &q);
	memcpy(&q.seed, random, sizeof(q.seed));
	r = origin_ask_for_seal(v, &q, &a, err);
	if (r)
		return r;
	*s = a.seal;
	if (table_note_written_since_end(v))
		return err_set(err, -EBUSY, "the origin was written to after its volume was closed");
	/*
	 * Check again after sealing.  A program that has begun to use the origin during the sealing
	 * may have written, and the seal may contain its writes.
	 */
	return check_unused(v, err);
}

int origin_close_sealed(struct volume *v, struct store *s, struct err *err)
{
	struct seal *page = calloc(1, ERAD_HISTORY_SEAL);
	struct err why;
	int r;

	if (!page) {
		store_close(s, false, NULL);
		return err_set(err, -ENOMEM, "out of memory");
	}
	if (take_seal(v, page, &why)) {
		log_warn("volume %s: the origin cannot be sealed, so after the next open every block counts as written: %s", v->name,
			 why.msg);
		memset(page, 0, ERAD_HISTORY_SEAL);
		page->version = htole32(SEAL_VERSION);
	}
	r = store_close_sealed(s, (const uint8_t *)page, err);
	free(page);
	return r;
}
