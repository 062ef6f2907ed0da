// SPDX-License-Identifier: GPL-2.0-or-later
/* Brings a copy on the export of an NBD server up to date: see backup_nbd.h. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/file_lock.h"
#include "common/files.h"
#include "common/uuid.h"
#include "eractl/backup_base.h"
#include "eractl/backup_nbd.h"
#include "eractl/backup_steps.h"
#include "eractl/eractl.h"
#include "eractl/nbd_copy.h"
#include "eractl/nbd_image.h"
#include "eractl/nbd_places.h"
#include "eractl/nbd_target.h"
#include "eractl/standing.h"
#include "eractl/target_check.h"

struct to_nbd {
	struct backup *b;
	struct nbd_target target;
	struct standing_place place;
	struct standing standing;	/* state of the copy before this backup */
	bool known;			/* the state is of a copy at this target */
	/* The export does not contain the copy of the state, and --overwrite was given. */
	bool other;
	int lock;			/* descriptor of the lock file; -1: not open */
	/* The places of the state's two seals at which the export has other content. */
	struct nbd_differing differing, unfinished_differing;
	/*
	 * For the state while a full copy is not completed: a seal of what the export contained
	 * before the copy.
	 */
	struct seal before;
	struct seal seal;		/* seal of the volume at the new moment */
};

/* ---- the state ---- */

/* Locks the state.  The state itself is replaced by each backup, so it cannot be locked. */
static int lock_state(struct to_nbd *n, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s.lock", n->b->state) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	n->lock = file_lock(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0, err);
	free(path);
	if (n->lock == -EBUSY)
		return err_set(err, -EBUSY, "%s: another backup uses this state now", n->b->state);
	return n->lock < 0 ? n->lock : 0;
}

/*
 * Reads the state.  Without --init, the state must be of a copy at this target, so that no backup
 * overwrites an export that the user has named by mistake.
 */
static int read_state(struct to_nbd *n, struct err *err)
{
	const struct backup *b = n->b;
	struct standing *s = &n->standing;
	int r = standing_read(&n->place, s, err);

	if (r && r != -ENODATA)
		return r;
	n->known = !r && !strcmp(s->target, b->target);
	if (n->known && b->init)
		return err_set(err, -EEXIST, "%s: it contains the state of a copy at %s already: leave out --init", b->state, b->target);
	if (n->known || b->init)
		return 0;
	if (r)
		return err_set(err, -ENODATA, "%s: there is no state of a copy at %s; if this is the right export, --init makes the first backup there",
			       b->state, b->target);
	return err_set(err, -EINVAL, "%s: got the state of the copy at %s, expected the state of the copy at %s; name another file with --state, or make a full copy at this target with --init",
		       b->state, *s->target ? s->target : "a device or a file, of 'eractl receive'", b->target);
}

/* Finds the volume whose copy the state is about. */
static bool state_token(const struct standing *s, struct token *t)
{
	return stream_token(*s->at ? s->at : s->unfinished, t);
}

static int check_owner(const struct to_nbd *n, struct err *err)
{
	char got[UUID_TEXT_SIZE], expected[UUID_TEXT_SIZE];
	const struct backup *b = n->b;
	struct token t;

	if (!n->known)
		return 0;
	if (!state_token(&n->standing, &t))
		return err_set(err, -EBADMSG, "%s: its moment is %s, expected a token", b->state, n->standing.at);
	if (!memcmp(t.uuid, b->content.to.uuid, sizeof(t.uuid)))
		return 0;
	return err_set(err, -EINVAL, "%s: got the state of a copy of the volume with the UUID %s, expected the state of a copy of volume %.100s (%s): one export and one state file are for one volume",
		       b->state, uuid_text(t.uuid, got), b->content.operand, uuid_text(b->content.to.uuid, expected));
}

/* partial true: the copy is now between the base and the new moment. */
static int write_state(const struct to_nbd *n, bool partial, struct err *err)
{
	const struct backup *b = n->b;
	struct standing s = { .partial = partial, .size = b->content.head.size };
	char to[STREAM_NAME_MAX + 1];

	stream_name(&b->content.to, to);
	strcpy(s.target, b->target);
	if (partial) {
		strcpy(s.unfinished, to);
		s.unfinished_seal = n->seal;
		s.seal = n->before;
		/* A full copy destroys the copy of the base. */
		if (b->content.since) {
			strcpy(s.at, n->standing.at);
			s.seal = n->standing.seal;
			s.closed = n->standing.closed;
		}
	} else {
		strcpy(s.at, to);
		s.seal = n->seal;
		s.closed = b->closed;
	}
	return standing_write(&n->place, &s, err);
}

/* ---- the base ---- */

/*
 * Returns why the copy in the state cannot be the base of this copy.  Returns NULL if it can; then
 * b->base_token is the token of the base.
 */
static const char *why_no_base(const struct to_nbd *n)
{
	const struct standing *s = &n->standing;
	struct backup *b = n->b;
	const struct token *to = &b->content.to;
	struct token at, unfinished;

	if (!n->known)
		return *s->target ? "the state is of a copy at another target" : "this is the first copy";
	if (b->full)
		return "--full was given";
	if (n->other)
		return "the export has other content than a copy of the volume, and --overwrite was given";
	if (!*s->at)
		return "the last full copy was not completed";
	if (!stream_token(s->at, &at))
		return "the moment of the last copy is not known";
	/* A snapshot may be of an earlier era.  content_list() notices metadata that was put back. */
	if (at.era >= to->era && (b->to || at.timeline == to->timeline))
		return "the last copy is not of an earlier era, and the volume may have been written in this era since";
	/* An increment of another timeline may leave out a block that the last backup has written. */
	if (s->partial && (!stream_token(s->unfinished, &unfinished) || unfinished.timeline != to->timeline || unfinished.era > to->era))
		return "the last backup was not completed, and the volume was opened again since, or this snapshot is older";
	token_text(&at, b->base_token);
	return NULL;
}

/* Returns whether the copy has this moment already. */
static bool is_already(const struct to_nbd *n)
{
	const struct standing *s = &n->standing;
	const struct backup *b = n->b;
	char to[STREAM_NAME_MAX + 1];

	stream_name(&b->content.to, to);
	return n->known && !b->full && b->closed && s->closed && !s->partial && !n->differing.nr && !strcmp(s->at, to);
}

static void choose_base(struct to_nbd *n)
{
	const char *why = why_no_base(n);
	struct backup *b = n->b;

	if (why) {
		backup_make_full(b, why);
		return;
	}
	b->copy.base = 0;
	b->content.since = b->base_token;
}

/* ---- what the export contains ---- */

/* Sets *empty to whether the first MiB of the export is zeros. */
static int find_empty(struct to_nbd *n, bool *empty, struct err *err)
{
	const uint64_t length = n->target.size < NBD_PIECE ? n->target.size : NBD_PIECE;
	uint8_t *buf = malloc(NBD_PIECE);
	int r = buf ? 0 : err_set(err, -ENOMEM, "out of memory");

	if (!r && length)
		r = nbd_target_read(&n->target, buf, length, 0, err);
	*empty = !r && (!length || content_all_zeros((const char *)buf, length));
	free(buf);
	return r;
}

/*
 * The export is to be overwritten, whatever it contains.  Notes its first MiB, so that the next
 * backup recognizes the export if this backup is interrupted.
 */
static int accept_any(struct to_nbd *n, struct err *err)
{
	const int r = nbd_places_first(&n->target, &n->before, err);

	/* A place that cannot be read may nevertheless be overwritten. */
	return r && !n->target.failed ? 0 : r;
}

/*
 * Returns whether some places have content, and at most half of these differ.  A place of zeros shows
 * nothing.
 */
static bool half_same(const struct nbd_differing *d)
{
	return d->content && 2 * d->content_differs <= d->content;
}

/*
 * Returns whether the places show that the export contains the copy of the state, perhaps with
 * other content at some of them.  While a backup is not completed, the beginning of the export has
 * the content after this backup, and the rest has the content before this backup.  So the export
 * may differ from one seal at nearly all places, or from each of the two seals at half of the
 * places.  In this case, an equal first MiB is enough, because it contains the UUID of the file
 * system or of the partition table.
 */
static bool shows_copy(const struct to_nbd *n)
{
	const struct nbd_differing *d = &n->differing, *u = &n->unfinished_differing;
	const struct standing *s = &n->standing;

	if (half_same(d))
		return true;
	if (s->partial && (half_same(u) || d->same_first || u->same_first))
		return true;
	/* The volume was empty when the last copy was made: expect the same of the export. */
	return *s->at && le32toh(s->seal.nr) && !d->content && !d->nr;
}

/*
 * Sets *is to whether the export contains the copy of the state.  If a full copy was interrupted
 * soon, the export may still be empty.
 */
static int recognize(struct to_nbd *n, bool *is, struct err *err)
{
	const struct standing *s = &n->standing;
	int r;

	*is = shows_copy(n);
	if (*is || !s->partial || *s->at)
		return 0;
	r = find_empty(n, is, err);
	/* A full copy also overwrites a place that cannot be read. */
	return r && n->b->full && !n->target.failed ? 0 : r;
}

static void say_difference(const struct to_nbd *n, struct err *out)
{
	if (n->differing.nr)
		nbd_places_say(&n->differing, &n->standing.seal, out);
	else if (n->unfinished_differing.nr)
		nbd_places_say(&n->unfinished_differing, &n->standing.unfinished_seal, out);
	else
		err_set(out, 0, "its first MiB is not zeros");
}

/* Compares the export with the state. */
static int compare(struct to_nbd *n, struct err *err)
{
	const struct backup *b = n->b;
	const struct nbd_differing *u = &n->unfinished_differing;
	const struct standing *s = &n->standing;
	struct err difference;
	bool is = false;
	int r;

	/* A full copy needs to know only whether this is the right export. */
	r = nbd_places_compare(&n->target, &s->seal, b->full, &n->differing, err);
	if (!r)
		r = nbd_places_compare(&n->target, &s->unfinished_seal, b->full, &n->unfinished_differing, err);
	if (!r)
		r = recognize(n, &is, err);
	/*
	 * If a first copy was interrupted and this copy is interrupted early, only the content of
	 * the first copy shows later whether this is the right export.
	 */
	n->before = s->partial && !*s->at && (half_same(u) || u->same_first) ? s->unfinished_seal : s->seal;
	if (r || is)
		return r;
	n->other = true;
	if (b->overwrite)
		return accept_any(n, err);
	say_difference(n, &difference);
	return err_set(err, -EEXIST, "%s: the export does not contain the copy in the state %s: %s; expected the copy of %s; check that the server serves the right export, or give --overwrite if this export is to be overwritten",
		       b->target, b->state, difference.msg, *s->at ? s->at : s->unfinished);
}

/* Compares the export with the state, or checks that the export may be overwritten. */
static int examine(struct to_nbd *n, struct err *err)
{
	bool empty;
	int r;

	if (n->known)
		return compare(n, err);
	if (n->b->overwrite)
		return accept_any(n, err);
	/* Before the first backup: refuses an export that has content, which the user may need. */
	r = find_empty(n, &empty, err);
	if (r || empty)
		return r;
	return err_set(err, -EEXIST, "%s: the export has content; if it is the right export, --overwrite overwrites it", n->b->target);
}

/*
 * Lists the extents.  Makes a full copy if the export has other content than the last backup has
 * left.  If the last backup was not completed, the bytes that are to be copied again do not count.
 */
static int list(struct to_nbd *n, struct err *err)
{
	struct backup *b = n->b;
	struct err difference;
	int r = backup_list(b, n->standing.size, err);

	if (r || !b->content.since)
		return r;
	if (n->standing.partial)
		r = nbd_places_forgive(&n->target, b, &n->standing.seal, &n->differing, err);
	if (!r && n->standing.partial)
		r = nbd_places_forgive(&n->target, b, &n->standing.unfinished_seal, &n->unfinished_differing, err);
	if (r || (!n->differing.nr && !n->unfinished_differing.nr))
		return r;
	say_difference(n, &difference);
	err_prefix(&difference, 0, "the export has other content than the last backup has left there");
	backup_make_full(b, difference.msg);
	return content_list(&b->content, err);
}

/* ---- the copy ---- */

/* Makes a seal of the volume, which is read again from the export at the end. */
static int take_seal(struct to_nbd *n, struct err *err)
{
	const struct content *c = &n->b->content;
	uint64_t seed;
	int r;

	freeze_alive(&n->b->freeze);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return err_set(err, -errno, "cannot get a random number: %s", strerror(errno));
	r = seal_take(c->device.fd, c->head.size, seed, &n->seal, err);
	return r ? err_prefix(err, r, "%s", c->device_path) : 0;
}

/* Compares the export with the seal of the volume. */
static int check_seal(struct to_nbd *n, struct err *err)
{
	struct nbd_differing differing;
	struct err difference;
	int r = nbd_places_compare(&n->target, &n->seal, false, &differing, err);

	if (r || !differing.nr)
		return r;
	n->target.other_content = true;
	nbd_places_say(&differing, &n->seal, &difference);
	return err_set(err, -EIO, "%s: the copy differs from the volume: %s; something else has written to the export, or past erad to the volume",
		       n->b->target, difference.msg);
}

/*
 * After an error: adds what the next backup does.  If the export has other content than was
 * written, the next backup is a full copy.
 */
static void say_next(struct to_nbd *n, struct err *err)
{
	struct backup *b = n->b;
	struct err why;

	if (n->target.other_content && b->content.since) {
		b->content.since = NULL;
		if (write_state(n, true, &why)) {
			err_suffix(err, "%s; give --full to the next backup", why.msg);
			return;
		}
	}
	err_suffix(err, "the copy is between two moments; the next backup %s", b->content.since ? "completes it" : "makes a full copy again");
}

static int copy(struct to_nbd *n, struct err *err)
{
	struct backup *b = n->b;
	struct nbd_copy c = { .target = &n->target, .b = b };
	int r;

	r = nbd_target_set_volume(&n->target, b->content.head.size, err);
	if (!r)
		r = nbd_copy_open(&c, err);
	if (!r)
		r = take_seal(n, err);
	if (!r)
		r = write_state(n, true, err);
	if (r)
		goto out;
	r = nbd_copy_write(&c, err);
	if (!r)
		r = backup_end_reading(b, err);
	/* Close the device now, because others may use it while the copy is read back. */
	content_close(&b->content);
	backup_end_image(b);
	if (!r)
		r = nbd_target_flush(&n->target, err);
	if (!r)
		r = nbd_copy_verify(&c, err);
	if (!r)
		r = check_seal(n, err);
	if (r)
		say_next(n, err);
	else
		r = write_state(n, false, err);
out:
	nbd_copy_close(&c);
	return r;
}

/*
 * If the image of qcow2:FILE is missing and this is the first backup: prepares the backup, which
 * finds the size of the volume, creates the image, and sets *prepared.
 */
static int create_image(struct backup *b, bool *prepared, struct err *err)
{
	const char *path = nbd_image_path(b->target);
	char real[PATH_MAX];
	int r;

	*prepared = path && access(path, F_OK) && errno == ENOENT;
	if (!*prepared)
		return 0;
	r = target_check_new(path, err);
	/*
	 * Refuses a symbolic link to a missing file, because the file system of the file is perhaps
	 * not mounted.
	 */
	if (!r)
		r = file_find_replaceable(path, real, err);
	if (r)
		return r;
	if (!b->init)
		return err_set(err, -ENOENT, "%s: the image is missing, expected the copy that the state %s is about; mount the file system of the image, or, to begin with a new image, remove the state and give --init",
			       path, b->state);
	r = backup_prepare(b, err);
	return r ? r : nbd_image_create(b->target, b->content.device_path, err);
}

static int run(struct to_nbd *n, struct err *err)
{
	struct backup *b = n->b;
	bool prepared = false;
	int r = lock_state(n, err);

	if (!r)
		r = read_state(n, err);
	if (!r)
		r = create_image(b, &prepared, err);
	if (!r)
		r = nbd_target_open(&n->target, err);
	/*
	 * Read from the export before the device is opened: this may take long, and from the open on,
	 * the volume must not change.
	 */
	if (!r)
		r = examine(n, err);
	if (!r && !prepared)
		r = backup_prepare(b, err);
	if (!r)
		r = check_owner(n, err);
	if (r)
		return r;
	b->already = is_already(n);
	if (b->already) {
		b->copy.size = n->standing.size;
		return 0;
	}
	choose_base(n);
	r = backup_begin(b, err);
	if (!r)
		r = list(n, err);
	return r ? r : copy(n, err);
}

int backup_to_nbd(struct backup *b, struct err *err)
{
	struct to_nbd n = { .b = b, .target.uri = b->target, .place = { -1, b->target, NULL }, .lock = -1 };
	const char *const given = b->state, *const image = nbd_image_path(b->target);
	char real[PATH_MAX], directory[PATH_MAX], image_directory[STREAM_NAME_MAX + 1];
	/* Lock the file itself, and not a symbolic link to it.  Its file system cannot be frozen. */
	int r = file_find_replaceable(given, real, err);

	if (!r) {
		n.place.file = b->state = real;
		b->place = dirname(strcpy(directory, real));
		if (image)
			b->image_place = access(image, F_OK) ? dirname(strcpy(image_directory, image)) : image;
		r = run(&n, err);
		b->place = b->image_place = NULL;
		b->state = given;
	}
	b->made = !r;
	nbd_target_close(&n.target);
	if (n.lock >= 0)
		close(n.lock);
	return r;
}
