// SPDX-License-Identifier: GPL-2.0-or-later
/* Removes what interrupted requests about images have left: see image_recover.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/image.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/ops/image_drop.h"
#include "erad/ops/image_note.h"
#include "erad/ops/image_recover.h"
#include "erad/ops/image_together.h"
#include "erad/ops/recover.h"
#include "erad/volume/registry.h"

/* Pause between two checks whether erad has attached to all targets. */
#define PAUSE_MS	50
#define AGAIN_S		5	/* pause between two attempts, in seconds */
/* How many passes, one each second, wait for images of several volumes before the others. */
#define TOGETHER_PASSES	90u

/*
 * Removes what is left of one volume's image: see struct recovery for the result.  EAGAIN: the
 * volume must be put back on its origin, but erad does not serve the volume.  If the table were
 * replaced now, erad could not know whether a write went past the target, and would record a gap.
 */
static int end_one(const struct eratab_entry *e, struct err *err)
{
	const char *name = e->name;
	struct image_volume l = { 0 };
	struct image image;
	struct claim claim;
	struct volume *v;
	uint64_t us;
	int r;

	image_look(name, dm_tables_find(name), &image);
	if (image.state != IMAGE_INTERRUPTED)
		return 1;
	/* An image that is being made or dropped now looks like an interrupted one. */
	if (volumes_claim(&claim, name, &v, err))
		return -EALREADY;
	if (v)
		image_volume_look(v, &l);
	image_look(name, image_volume_device(name, v), &image);
	if (image.state != IMAGE_INTERRUPTED)
		r = 1;
	else if (image_note_refuse(name, true, err))
		r = -EBUSY;
	else if (image.below && !l.served)
		r = err_set(err, -EAGAIN, "erad does not serve the volume yet");
	else
		r = image_drop_claimed(name, v, &us, err);
	volume_unref(v);
	volumes_release(&claim);
	return r;
}

static const struct recovery recovery = {
	.end = end_one,
	.what = "interrupted images",
	.ended = "what an interrupted image had left is removed",
	.failed = "an interrupted image cannot be removed now",
};

static void *recover(void *arg)
{
	struct recovery_log log = { 0 };
	unsigned int left, passes = 0;
	bool done = false;

	(void)arg;
	thread_name("erad-image");
	/* One volume that needs long to attach must not make other volumes stand still. */
	image_together_resume();
	for (unsigned int ms = 0; ms < IMAGE_SETTLE_MS && !volumes_settled(NULL); ms += PAUSE_MS)
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	/*
	 * First the images of several volumes, of which some may be complete.  If the processes
	 * that suspend these volumes have not ended, wait for a limited time before the other
	 * volumes.
	 */
	for (;;) {
		left = image_together_recover(passes == TOGETHER_PASSES);
		if (!left || passes >= TOGETHER_PASSES)
			done = recover_once(&recovery, &log);
		if (!left && done)
			break;
		passes++;
		nanosleep(&(struct timespec){ .tv_sec = left && passes < TOGETHER_PASSES ? 1 : AGAIN_S }, NULL);
	}
	free(log.volume);
	return NULL;
}

void image_recover(void)
{
	int r = thread_start_detached(recover, NULL);

	if (r)
		log_error("cannot start a thread that removes interrupted images: %s", strerror(-r));
}
