// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes images of several volumes at one moment: see image_together.h. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/file_lock.h"
#include "common/protocol.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm_child.h"
#include "erad/device/fs_together.h"
#include "erad/device/origin_reader.h"
#include "erad/device/stack.h"
#include "erad/ops/claim.h"
#include "erad/ops/image_note.h"
#include "erad/ops/image_together.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

/* Limit of the wait for the swap: for the suspends, the thaws, and the answer. */
#define SWAP_MS		(2 * FS_TOGETHER_HOLD_MS + 15000u)
#define RESUME_S	10u	/* limit of one resume */
#define LOCK_S		10u	/* how long to wait for the end of the processes after an error */
#define AGAIN_S		5u	/* pause between two attempts to undo what is left */

struct part {
	const char *name;
	struct image_making *m;
	struct claim claim;
	bool claimed;
	struct origin_asked synced;
};

/* ---- the volumes ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->name, ((const struct part *)b)->name);
}

/* In the order of the names, so that two requests do not wait for each other. */
static int claim_all(struct part *p, unsigned int nr, struct err *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		int r;

		if (i && !by_name(&p[i - 1], &p[i]))
			return err_set(err, -EINVAL, "got %s twice, expected each volume once", p[i].name);
		r = op_claim(&p[i].claim, p[i].name, &p[i].m->v, err);
		p[i].claimed = !r;
		if (!r && !p[i].m->v)
			r = err_set(err, -ENOTCONN, "it is closed; open it first");
		if (r)
			return err_prefix(err, r, "volume %s", p[i].name);
	}
	return 0;
}

static void release_all(struct part *p, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (p[i].claimed)
			volumes_release(&p[i].claim);
}

/*
 * Asks whether the metadata and the origin answer.  The functions of stack.h would wait without a
 * limit for a file system that hangs.
 */
static int peek_stack(const struct volume *v, dev_t origin, struct err *err)
{
	char node[sizeof("/dev/block/4294967295:4294967295")];
	int r = peek_ask(v->metadata, PEEK_DEVICE, PEEK_OPEN_MS, NULL, err);

	snprintf(node, sizeof(node), "/dev/block/%u:%u", major(origin), minor(origin));
	return r || !origin ? r : peek_ask(node, PEEK_SUPER, PEEK_OPEN_MS, NULL, err);
}

/*
 * Refuses volumes of which one needs another one for its writes.  When the latter is suspended, the
 * former could not be frozen.
 */
static int check_apart(const struct part *p, unsigned int nr, struct err *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct stack metadata = { 0 }, origin = { 0 };
		struct image_volume l;
		int r;

		image_volume_look(p[i].m->v, &l);
		r = peek_stack(p[i].m->v, l.origin, err);
		if (!r)
			r = stack_add_file(&metadata, p[i].m->v->metadata, err);
		if (!r && l.origin)
			r = stack_add_device(&origin, l.origin, err);
		for (unsigned int k = 0; k < nr && !r; k++) {
			struct image_volume other;

			image_volume_look(p[k].m->v, &other);
			if (k == i || !other.dev)
				continue;
			if (stack_has_device(&metadata, other.dev))
				r = err_set(err, -EDEADLK, "its metadata %s lies on volume %s, so the two cannot have images together", p[i].m->v->metadata, p[k].name);
			else if (stack_has_device(&origin, other.dev))
				r = err_set(err, -EDEADLK, "it lies on volume %s, so the two cannot have images together", p[k].name);
		}
		if (r)
			return err_prefix(err, r, "volume %s", p[i].name);
	}
	return 0;
}

/*
 * If a holder has suspended volume i of the note, lets the volume go on with its old table.  A
 * table that another program has loaded would come into use, so then does nothing.
 */
static int let_go_on(const struct image_note *n, unsigned int i, const struct image_noted *v, struct err *err)
{
	struct dm_device d;
	struct image image;
	dev_t dev = v->dev;
	struct err why;
	int r;

	if (!v->held)
		return 0;
	r = dm_tables_read(dev, &d, err);
	if (r && r != -ENXIO)
		return r;
	if (!r) {
		image_look(v->name, dev, &image);
		if (!d.suspended || strcmp(d.name, v->name))
			r = 0;
		else if (d.loaded && !(image.origin && dm_tables_loaded_is(&d, image_beneath(image.origin), image.origin)))
			r = err_set(&why, -EBUSY, "another program has loaded a table");
		else
			r = dm_child_resume_old(RESUME_S, dev, &why);
		if (r)
			err_set(err, r, "/dev/mapper/%s is suspended and cannot be resumed: %s; run 'dmsetup resume %s'", v->name,
				why.msg, v->name);
		dm_tables_free(&d);
	} else {
		r = 0;	/* the device is gone */
	}
	if (!r)
		image_note_ended(n, i);
	return r;
}

/* First lets all volumes go on, because an image may take long to drop. */
static int undo_all(const struct part *p, unsigned int nr, const struct image_note *note, struct err *err)
{
	struct image_noted v[FS_TOGETHER_MAX];
	struct err why;
	int r;

	/* Also after an answer, because the answer may be that the process was killed. */
	r = file_lock_fd(note->fd, note->path, LOCK_S, &why);
	if (r) {
		err_suffix(err, "the processes that suspend the volumes have not ended; when they have, erad drops what was made");
		return r;
	}
	r = image_note_read(note, v, &why);
	if (r != (int)nr) {
		err_suffix(err, "%s", r < 0 ? why.msg : "another program has changed the note of the request");
		return -EIO;
	}
	r = 0;
	for (unsigned int i = 0; i < nr; i++) {
		if (!let_go_on(note, i, &v[i], &why))
			continue;
		err_suffix(err, "volume %s: %s", p[i].name, why.msg);
		r = -EBUSY;
	}
	for (unsigned int i = 0; i < nr; i++) {
		const int one = image_undo(p[i].m, err);

		r = r ? r : one;
	}
	return r;
}

/* Makes the error of a swap that has not ended in time. */
static void name_late(const struct image_note *note, struct err *err)
{
	struct image_noted v[FS_TOGETHER_MAX];
	struct err why;
	const int nr = image_note_read(note, v, &why);

	for (int i = 0; i < nr; i++)
		if (v[i].held) {
			err_set(err, -ETIMEDOUT, "volume %s: its file system is still being frozen or thawed after %u seconds; check whether its origin hangs",
				v[i].name, SWAP_MS / 1000);
			return;
		}
}

static int swap_all(const struct part *p, unsigned int nr, const struct image_note *note, struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_SWAP_TOGETHER;
	q.dev = p[0].m->before.dev;
	strcpy(q.together.note, note->path);
	q.together.until_ms = thread_now_ms() + FS_TOGETHER_HOLD_MS;
	q.together.nr = nr;
	for (unsigned int i = 0; i < nr; i++)
		q.together.dev[i] = p[i].m->before.dev;
	r = origin_ask(&asked, &q, SWAP_MS, NULL, NULL, &a, err);
	origin_drop(&asked);
	if (r == -ETIMEDOUT)
		name_late(note, err);
	if (r || !a.code)
		return r;
	*err = a.err;
	if (a.code == -EBUSY || a.code == -EINVAL)
		err_suffix(err, "the file system on the volume may be frozen already");
	return a.code;
}

static int for_all(const struct part *p, unsigned int nr, int (*fn)(struct image_making *m, struct err *err), struct err *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		const int r = fn(p[i].m, err);

		if (r)
			return err_prefix(err, r, "volume %s", p[i].name);
	}
	return 0;
}

static int peek(struct image_making *m, struct err *err)
{
	return peek_ask(m->v->metadata, PEEK_WRITE, PEEK_OPEN_MS, NULL, err);
}

/*
 * All at the same time: what one sync has written back would become dirty again during the next
 * one.  If one sync fails, its volume could not be frozen in time, and the other volumes would stand
 * still for nothing.
 */
static int sync_all(struct part *p, unsigned int nr, struct err *err)
{
	const uint64_t until = thread_now_ms() + IMAGE_SYNC_MS;
	int r = 0;

	for (unsigned int i = 0; i < nr; i++) {
		struct err why;

		p[i].synced.fd = -1;
		image_sync(p[i].m, &p[i].synced, 0, &why);
	}
	for (unsigned int i = 0; i < nr; i++) {
		const uint64_t now = thread_now_ms();
		struct err why;
		const int one = image_sync(p[i].m, &p[i].synced, !r && now < until ? until - now : 1, &why);

		if (one && !r)
			r = err_set(err, one, "volume %s: %s; no volume was suspended", p[i].name, why.msg);
	}
	return r;
}

static int begin(const struct part *p, unsigned int nr, struct image_note *note, struct err *err)
{
	struct image_noted v[FS_TOGETHER_MAX];

	for (unsigned int i = 0; i < nr; i++) {
		struct image_volume l;
		const int r = image_note_refuse(p[i].name, false, err);

		if (r)
			return err_prefix(err, r, "volume %s", p[i].name);
		image_volume_look(p[i].m->v, &l);
		v[i] = (struct image_noted){ .dev = l.dev };
		strcpy(v[i].name, p[i].name);
	}
	return image_note_make(note, v, nr, err);
}

/* *left receives whether something is left that recover_note() must undo. */
static int create_claimed(struct part *p, unsigned int nr, uint64_t store_size, struct image_note *note, bool *left,
			  struct err *err)
{
	int r = begin(p, nr, note, err);

	if (r)
		return r;
	failpoint(FAILPOINT_TOGETHER_NOTED);
	for (unsigned int i = 0; i < nr && !r; i++) {
		const struct image_choice choice = { .name = p[i].name, .store.size = store_size, .together = note->number };

		r = image_prepare(p[i].m, &choice, err);
		if (r)
			err_prefix(err, r, "volume %s", p[i].name);
	}
	if (!r)
		r = sync_all(p, nr, err);
	/* The syncs may have taken long.  While a volume is suspended, its metadata must answer. */
	if (!r)
		r = for_all(p, nr, peek, err);
	if (!r)
		r = for_all(p, nr, image_load, err);
	if (!r) {
		failpoint(FAILPOINT_TOGETHER_LOADED);
		for (unsigned int i = 0; i < nr; i++)
			p[i].m->began_us = thread_now_us();
		r = swap_all(p, nr, note, err);
	}
	if (!r)
		r = for_all(p, nr, image_settle, err);
	if (!r)
		r = for_all(p, nr, image_finish, err);
	/* The first image must be valid still when the last one is complete. */
	for (unsigned int i = 0; i < nr && !r; i++) {
		r = image_check_valid(p[i].m, err);
		if (r)
			err_prefix(err, r, "volume %s", p[i].name);
	}
	if (!r)
		failpoint(FAILPOINT_TOGETHER_SERVED);
	*left = r && undo_all(p, nr, note, err);
	image_note_end(note, !*left);
	return r;
}

/* ---- notes of requests that were interrupted ---- */

/* Drops the image of a volume, unless the image has not the number: then it is another one. */
static int undo_one(const struct image_note *n, const char *name, struct err *err)
{
	struct image_volume l = { 0 };
	struct image image;
	struct claim claim;
	struct volume *v;
	uint64_t us;
	int r = volumes_claim(&claim, name, &v, err);

	if (r)
		return r;
	if (v)
		image_volume_look(v, &l);
	image_look(name, image_volume_device(name, v), &image);
	/*
	 * Without the lock: a request that has completed its images has removed the note before its
	 * claims.
	 */
	if (!file_is_at(n->fd, n->path) || image.state == IMAGE_NONE || (image.image && strcmp(image.together, n->number)))
		r = 0;
	else if (image.below && !l.served)
		r = err_set(err, -EAGAIN, "erad does not serve the volume yet");
	else
		r = image_drop_claimed(name, v, &us, err);
	volume_unref(v);
	volumes_release(&claim);
	return r;
}

/* locked: this thread has the exclusive lock, so all processes of the note have ended. */
static int undo_note(const struct image_note *n, bool locked, bool log)
{
	struct image_noted v[FS_TOGETHER_MAX];
	struct err err;
	const int nr = image_note_read(n, v, &err);
	int r = 0;

	if (nr < 0 && log)
		log_error("%s", err.msg);
	if (nr < 0)
		return nr;
	for (int i = 0; i < 2 * nr; i++) {
		const struct image_noted *one = &v[i % nr];
		int s = 0;

		/*
		 * Without a claim, because a thread with the claim may wait for the suspended
		 * volume.
		 */
		if (i < nr)
			s = locked ? let_go_on(n, i, one, &err) : 0;
		else if (locked || one->ended)
			s = undo_one(n, one->name, &err);
		else
			s = err_set(&err, -EBUSY, "the process that suspends it has not ended; check whether its origin hangs");
		if (s && log)
			log_error("volume %s: the image that an interrupted 'eractl image create --together' has left cannot be dropped now: %s; erad tries again",
				  one->name, err.msg);
		r = r ? r : s;
	}
	return r;
}

static void resume_noted(const char *file)
{
	struct image_noted v[FS_TOGETHER_MAX];
	struct image_note n;
	struct err err;
	int nr;

	if (image_note_open(&n, file, &err))
		return;
	nr = flock(n.fd, LOCK_EX | LOCK_NB) ? 0 : image_note_read(&n, v, &err);
	for (int i = 0; i < nr; i++)
		let_go_on(&n, (unsigned int)i, &v[i], &err);
	image_note_end(&n, false);
}

/* Returns whether the note is left. */
static bool recover_note(const char *file, bool log)
{
	struct image_note n;
	bool locked, left, done;
	struct err err;
	int r = image_note_open(&n, file, &err);

	if (r && r != -ENOENT && log)
		log_error("%s", err.msg);
	if (r)
		return r != -ENOENT;
	failpoint(FAILPOINT_TOGETHER_FOUND);
	locked = !flock(n.fd, LOCK_EX | LOCK_NB);
	/* The request may have completed its images after this thread has opened the note. */
	left = file_is_at(n.fd, n.path);
	done = left && !undo_note(&n, locked, log) && locked;
	image_note_end(&n, done);
	if (done)
		log_notice("what an interrupted 'eractl image create --together' had left is removed");
	return left && !done;
}

void image_together_resume(void)
{
	DIR *dir = opendir(ERAD_RUN_DIR);
	const struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir)))
		resume_noted(d->d_name);
	closedir(dir);
}

unsigned int image_together_recover(bool log)
{
	DIR *dir = opendir(ERAD_RUN_DIR);
	const struct dirent *d;
	unsigned int left = 0;

	if (!dir)
		return errno != ENOENT;
	while ((d = readdir(dir)))
		left += recover_note(d->d_name, log);
	closedir(dir);
	return left;
}

/* arg: the name of the note, which this thread frees. */
static void *undo_again(void *arg)
{
	bool log = true, left;

	thread_name("erad-image");
	do {
		nanosleep(&(struct timespec){ .tv_sec = AGAIN_S }, NULL);
		left = recover_note(arg, log);
		log = false;
	} while (left);
	free(arg);
	return NULL;
}

/* Starts a thread that undoes the note again and again.  It logs the first error. */
static void undo_later(const struct image_note *n)
{
	char *file = strdup(strrchr(n->path, '/') + 1);

	if (file && !thread_start_detached(undo_again, file))
		return;
	log_error("cannot start a thread that drops interrupted images; erad drops them when it starts again");
	free(file);
}

/* ---- the request ---- */

int op_image_create_together(const char *const *names, unsigned int nr, uint64_t store_size, struct image_making *m,
			     struct err *err)
{
	struct image_note note;
	struct part *p;
	bool left = false;
	int r;

	if (!nr || nr > FS_TOGETHER_MAX)
		return err_set(err, -E2BIG, "got %u volumes, expected at most %u", nr, FS_TOGETHER_MAX);
	p = calloc(nr, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned int i = 0; i < nr; i++) {
		m[i] = (struct image_making){ 0 };
		p[i] = (struct part){ .name = names[i], .m = &m[i] };
	}
	qsort(p, nr, sizeof(*p), by_name);
	r = claim_all(p, nr, err);
	if (!r)
		r = check_apart(p, nr, err);
	if (!r)
		r = create_claimed(p, nr, store_size, &note, &left, err);
	release_all(p, nr);
	if (left)
		undo_later(&note);
	for (unsigned int i = 0; i < nr && r; i++)
		volume_unref(m[i].v);
	free(p);
	return r;
}
