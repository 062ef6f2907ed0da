// SPDX-License-Identifier: GPL-2.0-or-later
/* Notices other devices on the origin of an open volume: see past.h. */
#include <endian.h>
#include <string.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
#include "erad/device/holders.h"
#include "erad/volume/origin.h"
#include "erad/volume/past.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"
#include "store/history.h"

_Static_assert(PAST_NOTE_TEXT == HOLDERS_TEXT, "a note has the text of holders_find()");

/*
 * Records the gap, and logs it once for each era.  first: a target becomes active, and gap=refuse
 * in eratab may refuse the gap.
 */
static int record(struct volume *v, struct store *s, const char *detail, bool first, struct err *err)
{
	struct store_info before, after;
	int r;

	r = first ? origin_refuse_gap(v, ERAD_GAP_UNKNOWN, detail, err) : 0;
	if (r)
		return r;
	store_info(s, &before);
	r = store_gap_goes_on(s, ERAD_GAP_UNKNOWN, detail, err);
	if (r)
		return r;
	store_info(s, &after);
	/* One message for each era is enough. */
	if (before.floor_era != after.floor_era || before.gaps != after.gaps)
		origin_log_gap(v, ERAD_GAP_UNKNOWN, detail);
	return 0;
}

/*
 * The last open was refused because the origin was in use, as the note says.  Returns whether the
 * counter of the origin proves that any write since then is a gap already.  The counter begins with 0
 * again if the kernel removes the device and finds it again, or reads the partition table again.  May
 * use the heap, although past_lock is held: only a new target can find such a note, and no other
 * thread looks before the target is active.
 */
static bool is_counted(const struct volume *v, const struct past_note *note)
{
	char boot[TABLE_NOTE_BOOT], partition[16];
	struct origin_count now;

	table_note_boot(boot);
	origin_count_read(v->origin_dev, &now);
	/*
	 * The counter of a partition is 0 again after the partition table was read again.  If the
	 * note contains 0, nothing shows that this has happened.
	 */
	if (!note->origin.sectors && !blockdev_attribute(v->origin_dev, "partition", partition, sizeof(partition)))
		return false;
	return *boot && !strncmp(note->boot, boot, sizeof(boot)) && origin_count_comparable(&note->origin, &now) &&
		le64toh(now.sectors) >= le64toh(note->origin.sectors) && table_note_counts_all(v);
}

/* When a look takes place. */
enum look_when {
	LOOK_BEFORE,	/* before the target exists, with gap=refuse */
	LOOK_FIRST,	/* when a target becomes active */
	LOOK_LATER,
};

/*
 * Compares what the look has found, *now, with the note in the metadata.  Records the gap and the
 * new note if a device is there or has gone.  With LOOK_BEFORE, an old note stays: until the target
 * holds the origin, another device may come.  Context: past_lock.
 */
static int take_finding(struct volume *v, struct store *s, struct past_note *now, enum look_when when, struct err *err)
{
	char who[PAST_NOTE_TEXT];
	bool noted, missed;
	struct past_note was;
	struct err detail;
	int r;

	if (*now->text) {
		now->version = htole32(PAST_NOTE_VERSION);
		err_set(&detail, 0, "%s uses the origin itself, past the volume", now->text);
		r = store_set_item(s, STORE_PAST, (const uint8_t *)now, err);
		if (!r)
			r = record(v, s, detail.msg, when != LOOK_LATER, err);
		trouble_says(&v->past_trouble, "writes go past erad", &detail);
		return r;
	}
	/*
	 * Writing an earlier finding to the metadata may have failed.  Then only the trouble shows
	 * this finding.
	 */
	store_item(s, STORE_PAST, (uint8_t *)&was);
	noted = past_note_is_set(&was, who);
	pthread_mutex_lock(&v->lock);
	missed = !noted && v->past_trouble.since_ms;
	pthread_mutex_unlock(&v->lock);
	if (!noted && !missed)
		return 0;
	if (noted && *was.boot)
		err_set(&detail, 0, "%s used the origin when an open was refused", who);
	else
		err_set(&detail, 0, "%s has used the origin itself, past the volume", missed ? "another device" : who);
	r = noted && *was.boot && is_counted(v, &was) ? 0 : record(v, s, detail.msg, when != LOOK_LATER, err);
	if (r || when == LOOK_BEFORE)
		return r;
	r = store_set_item(s, STORE_PAST, (const uint8_t *)now, err);
	if (!r)
		trouble_over(&v->past_trouble, "the recording of all writes");
	return r;
}

bool past_is_noted(struct store *s, char text[PAST_NOTE_TEXT])
{
	struct past_note note;

	store_item(s, STORE_PAST, (uint8_t *)&note);
	return past_note_is_set(&note, text);
}

int past_note_user(struct store *s, dev_t origin, const char *who, struct err *err)
{
	static const struct holders_own none;
	struct past_note note = { .version = htole32(PAST_NOTE_VERSION) };
	char noted[PAST_NOTE_TEXT];
	struct store_info info;
	int r;

	store_info(s, &info);
	/* A note of an earlier boot, or of a look, must stay: no counter can disprove it. */
	if (!info.era || past_is_noted(s, noted))
		return 0;
	r = holders_find(origin, &none, info.uuid, note.text, err);
	if (r)
		return r;
	/* The kernel refuses other exclusive users while a mapped device uses the origin. */
	if (!*note.text && holders_exist(origin))
		return 0;
	if (!*note.text)
		snprintf(note.text, sizeof(note.text), "another user (%.*s)",
			 (int)(sizeof(note.text) - sizeof("another user ()")), who);
	table_note_boot(note.boot);
	/*
	 * A note without a boot counts as a note of a look: the next open records the gap in any
	 * case.
	 */
	origin_count_read(origin, &note.origin);
	r = store_set_item(s, STORE_PAST, (const uint8_t *)&note, err);
	return r ? r : 1;
}

static int look(struct volume *v, struct store *s, enum look_when when, struct err *err)
{
	struct past_note now = { 0 };
	struct holders_own own;
	struct store_info info;
	unsigned int nr;
	dev_t origin;
	int r;

	store_info(s, &info);
	/* Before the first era there is no copy from which a block can be missing. */
	if (!info.era)
		return 0;
	/*
	 * Do not hold past_lock while reading sysfs, because this uses the heap, and the volume thread takes
	 * the lock.  If another thread has begun to record its finding since this thread began to read, look
	 * again: of two findings, the older one must not be recorded after the newer one.  Look again also if
	 * erad has begun or ended to remove the image since then: see past_image_leaves().
	 */
	for (;;) {
		nr = atomic_load(&v->past_looks);
		pthread_mutex_lock(&v->lock);
		origin = v->origin_dev;
		own.volume = v->dev;
		own.leaving_image = v->leaving_image;
		own.leaving_image_origin = v->leaving_image_origin;
		pthread_mutex_unlock(&v->lock);
		/*
		 * Pass the UUID of the table, because the UUIDs of an image's devices contain this
		 * UUID.
		 */
		r = holders_find(origin, &own, v->uuid, now.text, err);
		if (r)
			return r;
		pthread_mutex_lock(&v->past_lock);
		if (atomic_load(&v->past_looks) == nr)
			break;
		pthread_mutex_unlock(&v->past_lock);
	}
	atomic_fetch_add(&v->past_looks, 1);
	r = take_finding(v, s, &now, when, err);
	pthread_mutex_unlock(&v->past_lock);
	return r;
}

int past_look(struct volume *v, struct store *s, struct err *err)
{
	bool ready;

	pthread_mutex_lock(&v->lock);
	ready = v->ready;
	pthread_mutex_unlock(&v->lock);
	return ready ? look(v, s, LOOK_LATER, err) : 0;
}

int past_look_open(struct volume *v, struct err *err)
{
	struct store *s = volume_store_get(v);
	int r;

	if (!s)
		return 0;
	r = past_look(v, s, err);
	volume_store_put(v);
	return r;
}

int past_look_before(struct volume *v, struct err *err)
{
	return look(v, v->store, LOOK_BEFORE, err);
}

int past_look_first(struct volume *v, struct err *err)
{
	return look(v, v->store, LOOK_FIRST, err);
}

void past_image_leaves(struct volume *v, dev_t image, dev_t image_origin)
{
	pthread_mutex_lock(&v->lock);
	v->leaving_image = image;
	v->leaving_image_origin = image_origin;
	pthread_mutex_unlock(&v->lock);
	atomic_fetch_add(&v->past_looks, 1);
}

void past_ask(struct volume *v)
{
	pthread_mutex_lock(&v->lock);
	v->past_asked = true;
	pthread_mutex_unlock(&v->lock);
}

void past_look_if_asked(struct volume *v)
{
	struct err err;
	bool asked;

	pthread_mutex_lock(&v->lock);
	asked = v->past_asked;
	v->past_asked = false;
	pthread_mutex_unlock(&v->lock);
	if (asked && past_look(v, v->store, &err))
		log_warn("volume %s: %s", v->name, err.msg);
}
