// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares the write counters of a mapped device after its target was not in its table: see
 * table_note.h.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/volume/origin.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"
#include "store/history.h"

static uint64_t diskseq_of(dev_t dev)
{
	char text[32];

	return blockdev_attribute(dev, "diskseq", text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

static void fill_note(struct table_note *n, enum table_note_state state, uint64_t diskseq, uint64_t written)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(n, 0, sizeof(*n));
	n->version = htole32(TABLE_NOTE_VERSION);
	n->state = htole32(state);
	n->diskseq = htole64(diskseq);
	n->written = htole64(written);
	if (fd < 0)
		return;
	if (read(fd, n->boot, sizeof(n->boot) - 1) > 0)
		n->boot[strcspn(n->boot, "\n")] = 0;
	close(fd);
}

static void fill_in(struct volume *v, struct table_note *in)
{
	v->diskseq = diskseq_of(makedev(v->info.dev_major, v->info.dev_minor));
	fill_note(in, NOTE_IN, v->diskseq, v->info.written_resumed);
	in->instance = htole64(v->info.instance_id);
}

void table_note_leave(struct volume *v)
{
	struct erad_info i;

	/*
	 * An instance without an era has let no write through, so the note of the former instance
	 * still holds.
	 */
	if (!v->info.era)
		return;
	/* This ioctl also works for a target that was removed. */
	instance_info(v->fd, &i);
	if (i.status & ERAD_RESUMED)
		return;
	fill_note(&v->left, NOTE_OUT, v->diskseq, i.written_suspended);
	origin_count_read(v->origin_dev, &v->left.origin);
}

int table_note_stay(struct volume *v, struct err *err)
{
	struct table_note in;

	fill_in(v, &in);
	v->left.version = 0;
	return store_set_item(v->store, STORE_TABLE_NOTE, (const uint8_t *)&in, err);
}

struct finding {
	enum erad_gap_kind kind;
	char detail[ERAD_GAP_DETAIL + 1];	/* "": there is no gap */
};

static void find_gap(struct finding *f, enum erad_gap_kind kind, const char *detail)
{
	f->kind = kind;
	snprintf(f->detail, sizeof(f->detail), "%s", detail);
}

#define WHILE_CLOSED	"while the volume was closed"
#define WHILE_OUT	"while the target was out of its table"

/*
 * Sets text to a sentence about the difference between two counts of sectors: `was`, and later
 * `now`.  to: "" or " to the origin".  The counter of a partition begins with 0 again when the
 * kernel reads the partition table again, so `now` may be smaller than `was`.
 */
static void say_written(char text[ERAD_GAP_DETAIL + 1], uint64_t was, uint64_t now, const char *to, const char *when)
{
	if (now > was)
		snprintf(text, ERAD_GAP_DETAIL + 1, "%" PRIu64 " sectors were written%s %s", now - was, to, when);
	else
		snprintf(text, ERAD_GAP_DETAIL + 1,
			 "the counter of writes%s fell from %" PRIu64 " to %" PRIu64 " %s", to, was, now, when);
}

/*
 * Compares two counts of the sectors that were written to one device: `was`, and later `now`.  If
 * they differ or are not known, this is a gap.
 */
static void compare_written(struct finding *f, uint64_t was, uint64_t now)
{
	f->kind = ERAD_GAP_TABLE;
	if (was == ERAD_WRITTEN_UNKNOWN || now == ERAD_WRITTEN_UNKNOWN)
		find_gap(f, ERAD_GAP_TABLE, "the target was out of its table, and the device has no counters of writes");
	else if (was != now)
		say_written(f->detail, was, now, "", WHILE_OUT);
}

/*
 * Finds out whether there is a gap, for a target that was in its table, in this boot, when erad
 * last saw the target.
 */
static void compare_unseen(struct finding *f, const struct table_note *was, const struct erad_info *i, bool same_device)
{
	const uint64_t id = le64toh(was->instance), written = le64toh(was->written);

	if (!same_device)
		find_gap(f, ERAD_GAP_UNKNOWN, "the device was removed while no erad ran or the metadata failed, so the origin has no seal");
	else if (id == i->instance_id || (i->since_id && i->since_id <= id && id < i->instance_id))
		return;
	else if (written == ERAD_WRITTEN_UNKNOWN || written != i->written_resumed)
		find_gap(f, ERAD_GAP_UNKNOWN, "the target was taken out of its table while no erad ran or the metadata failed");
}

/*
 * was: a note of this boot, with the state GONE or OUT.  If the counter of the origin has changed
 * since the note, sets text to a sentence about the change, otherwise to "".  Returns false if the
 * counters of the origin cannot be compared; text is "" then.
 */
static bool count_since(const struct table_note *was, dev_t origin, const char *when, char text[ERAD_GAP_DETAIL + 1])
{
	struct origin_count now;

	*text = 0;
	origin_count_read(origin, &now);
	if (origin_count_written_anew(&was->origin, &now, origin)) {
		snprintf(text, ERAD_GAP_DETAIL + 1, "the origin appeared again %s, and then %" PRIu64 " sectors were written to it",
			 when, le64toh(now.sectors));
		return true;
	}
	if (!origin_count_comparable(&was->origin, &now))
		return false;
	if (now.sectors != was->origin.sectors)
		say_written(text, le64toh(was->origin.sectors), le64toh(now.sectors), " to the origin", when);
	return true;
}

/*
 * Finds out whether there is a gap, for a target that is in the table of the same device again.  was:
 * the note with the state OUT, which erad made when the target had left the table.
 */
static void compare_out(struct finding *f, const struct table_note *was, const struct erad_info *i, dev_t origin)
{
	compare_written(f, le64toh(was->written), i->written_resumed);
	/* Writes of a target that lets all writes pass are a gap of their own: see degraded.h. */
	if (*f->detail || i->status & ERAD_PASSES_ALL)
		return;
	/*
	 * Also compare the counter of the origin: if the other table has not used the origin, a
	 * program may have written to the origin directly.
	 */
	count_since(was, origin, WHILE_OUT, f->detail);
}

/*
 * For the case that the mapped device was removed in this boot, and that erad then ended before it
 * had sealed the origin: finds out whether there is a gap.
 */
static void compare_unsealed(struct finding *f, const struct table_note *was, dev_t origin)
{
	f->kind = ERAD_GAP_CLOSED;
	if (!count_since(was, origin, WHILE_CLOSED, f->detail))
		find_gap(f, ERAD_GAP_UNKNOWN, "erad ended before it had sealed the origin, and the origin has no counters of writes");
}

/*
 * The note of the volume is of an earlier boot.  So each write that the kernel has counted at the origin
 * in this boot went past erad.  If there are any, sets text to a sentence about these writes,
 * otherwise to "".
 */
static void count_of_boot(dev_t origin, char text[ERAD_GAP_DETAIL + 1])
{
	struct origin_count now;

	*text = 0;
	origin_count_read(origin, &now);
	if (now.known && now.sectors && origin_count_is_of_content(origin))
		snprintf(text, ERAD_GAP_DETAIL + 1,
			 "%" PRIu64 " sectors were written to the origin in this boot, and the metadata was last used in an earlier boot",
			 le64toh(now.sectors));
}

int table_note_written_while_closed(struct store *s, dev_t origin, struct err *difference)
{
	char text[ERAD_GAP_DETAIL + 1] = "";
	struct table_note was, now;

	store_item(s, STORE_TABLE_NOTE, (uint8_t *)&was);
	fill_note(&now, NOTE_GONE, 0, 0);
	if (le32toh(was.version) != TABLE_NOTE_VERSION)
		return 0;
	if (table_note_is_of_earlier_boot(&was, now.boot))
		count_of_boot(origin, text);
	else if (le32toh(was.state) == NOTE_GONE)
		count_since(&was, origin, WHILE_CLOSED, text);
	if (*text)
		err_set(difference, 0, "%s", text);
	return *text ? 1 : 0;
}

bool table_note_counts_all(const struct volume *v)
{
	struct table_note was, now;
	struct origin_count count;

	store_item(v->store, STORE_TABLE_NOTE, (uint8_t *)&was);
	fill_note(&now, NOTE_GONE, 0, 0);
	origin_count_read(v->origin_dev, &count);
	if (v->activated || le32toh(was.version) != TABLE_NOTE_VERSION || !*now.boot)
		return false;
	if (table_note_is_of_earlier_boot(&was, now.boot))
		return count.known && origin_count_is_of_content(v->origin_dev);
	return le32toh(was.state) == NOTE_GONE && origin_count_comparable(&was.origin, &count);
}

void table_note_boot(char boot[TABLE_NOTE_BOOT])
{
	struct table_note now;

	fill_note(&now, NOTE_GONE, 0, 0);
	memcpy(boot, now.boot, sizeof(now.boot));
}

static void compare_note(struct finding *f, const struct table_note *was, const struct table_note *now,
			 const struct erad_info *i, dev_t origin)
{
	const bool same_boot = !strcmp(was->boot, now->boot);
	const bool same_device = same_boot && was->diskseq == now->diskseq;

	switch (le32toh(was->state)) {
	case NOTE_OUT:
		if (same_device)
			compare_out(f, was, i, origin);
		else
			find_gap(f, ERAD_GAP_TABLE, "the target was out of its table, and the device is another one now");
		return;
	case NOTE_GONE:
		if (same_boot)
			compare_unsealed(f, was, origin);
		break;
	default:
		if (same_boot) {
			compare_unseen(f, was, i, same_device);
			return;
		}
	}
	if (!*f->detail && i->written_resumed)
		find_gap(f, ERAD_GAP_TABLE, i->written_resumed == ERAD_WRITTEN_UNKNOWN ?
			 "the target was resumed later than its device, which has no counters of writes" :
			 "the device was written before its target came");
	/* Writes of a target that lets all writes pass are a gap of their own: see degraded.h. */
	if (*f->detail || i->status & ERAD_PASSES_ALL || !table_note_is_of_earlier_boot(was, now->boot))
		return;
	f->kind = ERAD_GAP_CLOSED;
	count_of_boot(origin, f->detail);
}

/*
 * Flushes the origin, so that its counter includes what other programs have written to it.  Returns an
 * error if the flush has not ended.  If the flush fails, this is a gap.
 */
static int flush_origin(struct volume *v, struct finding *f, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	int r;

	origin_question(v, ORIGIN_FLUSH, &q);
	r = origin_read(v, &q, ORIGIN_OPEN_MS, &a, err);
	if (!r && a.code)
		find_gap(f, ERAD_GAP_UNKNOWN, "the origin cannot be flushed, so its counter may not include all writes");
	return r;
}

int table_note_arrive(struct volume *v, uint32_t era, struct table_note *in, struct err *err)
{
	uint8_t seal[ERAD_HISTORY_SEAL];
	struct finding f = { .detail = "" };
	struct table_note was = v->left;
	int r;

	fill_in(v, in);
	if (!was.version)
		store_item(v->store, STORE_TABLE_NOTE, (uint8_t *)&was);
	if (!era || le32toh(was.version) != TABLE_NOTE_VERSION)
		return 0;
	if (le32toh(was.state) != NOTE_OUT && !store_seal(v->store, seal))
		return 0;
	if (table_note_is_of_earlier_boot(&was, in->boot) ? le32toh(was.state) != NOTE_OUT && origin_count_is_of_content(v->origin_dev) :
					was.origin.known && !strcmp(was.boot, in->boot)) {
		r = flush_origin(v, &f, err);
		if (r)
			return r;
	}
	if (!*f.detail)
		compare_note(&f, &was, in, &v->info, v->origin_dev);
	return *f.detail ? origin_gap(v, f.kind, f.detail, err) : 0;
}

bool table_note_is_out(struct store *s)
{
	uint8_t note[ERAD_HISTORY_ITEM];

	store_item(s, STORE_TABLE_NOTE, note);
	return table_state_is_out(note);
}

static bool lives_on(const struct volume *v)
{
	return v->dev && dm_lives(v->dev) && diskseq_of(v->dev) == v->diskseq;
}

static int write_gone(const struct volume *v, struct store *s, struct err *err)
{
	struct table_note gone;
	int r;

	fill_note(&gone, NOTE_GONE, v->diskseq, ERAD_WRITTEN_UNKNOWN);
	gone.origin = v->end_count;
	r = store_set_item(s, STORE_TABLE_NOTE, (const uint8_t *)&gone, err);
	return r ? r : 1;
}

int table_note_end(struct volume *v, struct err *err)
{
	v->lived_on = lives_on(v);
	if (v->lived_on || !v->store || !v->begun)
		return 0;
	origin_count_read(v->origin_dev, &v->end_count);
	return write_gone(v, v->store, err);
}

int table_note_end_again(struct volume *v, struct store *s, struct err *err)
{
	const uint64_t until = thread_now_ms() + TABLE_NOTE_AGAIN_MS;
	int r;

	/* Limit the time and not the number of attempts, because an attempt may take long. */
	do {
		usleep(TABLE_NOTE_PAUSE_MS * 1000);
		r = write_gone(v, s, err);
	} while (r < 0 && thread_now_ms() < until);
	return r;
}

bool table_note_lives_on(const struct volume *v)
{
	return v->lived_on || lives_on(v);
}

bool table_note_written_since_end(const struct volume *v)
{
	struct origin_count now;

	origin_count_read(v->origin_dev, &now);
	return origin_count_written(&v->end_count, &now);
}

int table_note_close_out(struct volume *v, struct store *s, struct err *err)
{
	const struct table_note left = v->left;
	int r = 0;

	log_warn("volume %s: its target was removed from the table of a device that still exists; writes to the device are no longer recorded",
		 v->name);
	if (left.version)
		r = store_set_item(s, STORE_TABLE_NOTE, (const uint8_t *)&left, err);
	store_close(s, false, NULL);
	return r;
}
