// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares counters over the times in which the target was not in its table: see table_note.h. */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
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

static dev_t origin_of(const struct volume *v)
{
	return makedev(v->info.origin_major, v->info.origin_minor);
}

void table_note_leave(struct volume *v)
{
	struct erad_info i;

	/* An instance that has no era has let nothing through: what was noted of the one before still counts. */
	if (!v->info.era)
		return;
	/* It answers of a target that is removed, too. */
	instance_info(v->fd, &i);
	if (i.status & ERAD_RESUMED)
		return;
	fill_note(&v->left, NOTE_OUT, v->diskseq, i.written_suspended);
	v->left.origin = v->note.origin;
	origin_count_add(&v->left.origin, i.sent);
}

int table_note_stay(struct volume *v, struct err *err)
{
	struct table_note was;
	int r;

	v->diskseq = diskseq_of(makedev(v->info.dev_major, v->info.dev_minor));
	v->left.version = 0;
	fill_note(&v->note, NOTE_IN, v->diskseq, v->info.written_resumed);
	v->note.instance = htole64(v->info.instance_id);
	store_item(v->store, STORE_TABLE_NOTE, (uint8_t *)&was);
	/* What the origin's counter was when the module's was 0 cannot be found out later, as writes are in flight. */
	if (was.version && le32toh(was.state) == NOTE_IN && was.instance == v->note.instance &&
	    !strcmp(was.boot, v->note.boot))
		v->note.origin = was.origin;
	r = store_set_item(v->store, STORE_TABLE_NOTE, (const uint8_t *)&v->note, err);
	return r;
}

struct finding {
	enum erad_gap_kind kind;
	char detail[ERAD_GAP_DETAIL + 1];	/* "": no gap */
};

static void find_gap(struct finding *f, enum erad_gap_kind kind, const char *detail)
{
	f->kind = kind;
	snprintf(f->detail, sizeof(f->detail), "%s", detail);
}

/* The counter of one device at two moments. */
static void compare_written(struct finding *f, uint64_t was, uint64_t now)
{
	if (was == ERAD_WRITTEN_UNKNOWN || now == ERAD_WRITTEN_UNKNOWN) {
		find_gap(f, ERAD_GAP_UNKNOWN, "the target was out of its table, and the device has no counters of writes");
	} else if (was != now) {
		f->kind = ERAD_GAP_TABLE;
		snprintf(f->detail, sizeof(f->detail), "%" PRIu64 " sectors were written while the target was out of its table",
			 now - was);
	}
}

/* A device that was made after the last target had gone. */
static void compare_new_device(struct finding *f, uint64_t now)
{
	if (now == ERAD_WRITTEN_UNKNOWN) {
		find_gap(f, ERAD_GAP_UNKNOWN, "it cannot be known whether the device was written before its target came");
	} else if (now) {
		f->kind = ERAD_GAP_TABLE;
		snprintf(f->detail, sizeof(f->detail), "%" PRIu64 " sectors were written to the device before its target came", now);
	}
}

/* The instance of the note went while no erad saw it, in this boot. */
static void compare_unseen(struct finding *f, const struct table_note *was, const struct erad_info *i, bool same_device)
{
	const uint64_t id = le64toh(was->instance), written = le64toh(was->written);

	if (!same_device)
		find_gap(f, ERAD_GAP_UNKNOWN, "the device was removed while no erad ran or the metadata failed, so the origin has no seal");
	else if (id == i->instance_id)
		return;
	else if (i->last_id == id)
		compare_written(f, i->last_written, i->written_resumed);
	else if (written == ERAD_WRITTEN_UNKNOWN || written != i->written_resumed)
		find_gap(f, ERAD_GAP_UNKNOWN, "the target was taken out of its table while no erad ran or the metadata failed");
}

static void compare_tables(struct finding *f, const struct table_note *was, const struct table_note *now,
			   const struct erad_info *i)
{
	const bool same_boot = was->version && !strcmp(was->boot, now->boot);
	const bool same_device = same_boot && was->diskseq == now->diskseq;
	const uint32_t state = was->version ? le32toh(was->state) : NOTE_CLOSED;

	if (state == NOTE_OUT && !same_device)
		find_gap(f, ERAD_GAP_TABLE, "the target was out of its table, and the device is another one now");
	else if (state == NOTE_OUT)
		compare_written(f, le64toh(was->written), i->written_resumed);
	else if (state == NOTE_IN && same_boot)
		compare_unseen(f, was, i, same_device);
	else
		compare_new_device(f, i->written_resumed);
	if (!*f->detail && state == NOTE_GONE && same_boot && !origin_count_comparable(&was->origin, &now->origin))
		find_gap(f, ERAD_GAP_UNKNOWN, "erad ended before it had sealed the origin, and the origin has no counters of writes");
}

/* The origin's counters, if those at the end of the last instance are known. */
static void compare_origins(struct finding *f, const struct table_note *was, const struct table_note *now)
{
	const uint32_t state = le32toh(was->state);
	uint64_t more;

	if (!was->version || strcmp(was->boot, now->boot) || state == NOTE_IN)
		return;
	more = origin_count_more(&was->origin, &now->origin);
	if (!more)
		return;
	f->kind = state == NOTE_OUT ? ERAD_GAP_DIRECT : ERAD_GAP_CLOSED;
	snprintf(f->detail, sizeof(f->detail), "%" PRIu64 " sectors were written to the origin%s", more,
		 state == NOTE_OUT ? " itself" : "");
}

int table_note_arrive(struct volume *v, uint32_t era, struct table_note *in, struct err *err)
{
	struct finding f = { .detail = "" };
	struct table_note was = v->left;

	v->diskseq = diskseq_of(makedev(v->info.dev_major, v->info.dev_minor));
	fill_note(in, NOTE_IN, v->diskseq, v->info.written_resumed);
	in->instance = htole64(v->info.instance_id);
	/* The instance has sent nothing yet. */
	origin_count_read(origin_of(v), &in->origin);
	if (!was.version)
		store_item(v->store, STORE_TABLE_NOTE, (uint8_t *)&was);
	if (!era)
		return 0;
	compare_tables(&f, &was, in, &v->info);
	/* What was written through another table has reached the origin, too: one gap is enough. */
	if (!*f.detail)
		compare_origins(&f, &was, in);
	return *f.detail ? origin_gap(v, f.kind, f.detail, err) : 0;
}

void table_note_arrived(struct volume *v, const struct table_note *in)
{
	v->note = *in;
	v->left.version = 0;
}

int table_note_check(struct volume *v, const struct origin_count *now, struct err *err)
{
	struct origin_count expected = v->note.origin;
	char detail[ERAD_GAP_DETAIL + 1];
	struct table_note note = v->note;
	uint64_t more;
	int r;

	origin_count_add(&expected, v->info.sent);
	more = origin_count_more(&expected, now);
	if (!more)
		return 0;
	snprintf(detail, sizeof(detail), "%" PRIu64 " sectors were written to the origin itself", more);
	r = origin_gap(v, ERAD_GAP_DIRECT, detail, err);
	if (r)
		return r;
	/* After a crash before this is durable, the gap is logged once more. */
	origin_count_add(&note.origin, more);
	r = store_set_item(v->store, STORE_TABLE_NOTE, (const uint8_t *)&note, err);
	if (!r)
		v->note = note;
	return r;
}

bool table_note_lives_on(const struct volume *v)
{
	return v->dev && dm_lives(v->dev) && diskseq_of(v->dev) == v->diskseq;
}

int table_note_close_out(struct volume *v, struct store *s, struct err *err)
{
	const struct table_note left = v->left;
	int r = 0;

	log_warn("volume %s: its target was taken out of the table of a device that lives on; what is written to the device now is not recorded",
		 v->name);
	if (left.version)
		r = store_set_item(s, STORE_TABLE_NOTE, (const uint8_t *)&left, err);
	store_close(s, false, NULL);
	return r;
}

int table_note_gone(struct volume *v, struct store *s, struct err *err)
{
	struct table_note gone = v->left;

	if (!gone.version)
		return 0;
	gone.state = htole32(NOTE_GONE);
	return store_set_item(s, STORE_TABLE_NOTE, (const uint8_t *)&gone, err);
}

int table_note_sealed(struct volume *v, struct store *s, struct table_note *closed, struct err *err)
{
	char detail[ERAD_GAP_DETAIL + 1];
	uint64_t more = 0;
	int r = 0;

	fill_note(closed, NOTE_CLOSED, 0, 0);
	origin_count_read(origin_of(v), &closed->origin);
	if (v->left.version)
		more = origin_count_more(&v->left.origin, &closed->origin);
	if (more) {
		snprintf(detail, sizeof(detail), "%" PRIu64 " sectors were written to the origin itself, the seal may have them",
			 more);
		r = store_gap(s, ERAD_GAP_DIRECT, detail, err);
		if (!r)
			origin_log_gap(v, ERAD_GAP_DIRECT, detail);
	}
	return r;
}
