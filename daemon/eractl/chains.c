// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds and removes chains of copies: see chains.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "eractl/chains.h"
#include "eractl/eractl.h"

/* Returns the index of the full copy with which the copy's chain begins. */
static unsigned int full_of(const struct manifest *m, unsigned int index)
{
	while (m->copy[index].base >= 0)
		index = m->copy[index].base;
	return index;
}

unsigned int chains_increments(const struct manifest *m, int index)
{
	unsigned int n = 0;

	for (; m->copy[index].base >= 0; index = m->copy[index].base)
		n++;
	return n;
}

/* ---- which chains are old ---- */

static bool chain_is_good(const struct manifest *m, unsigned int full, bool contents)
{
	struct err err;

	for (unsigned int i = full; i < m->nr; i++) {
		if (full_of(m, i) != full || !manifest_check_copy(m, &m->copy[i], contents && i + 1 < m->nr, &err))
			continue;
		complain("%s; the chain of %s is not counted for --keep", err.msg, m->copy[full].file);
		return false;
	}
	return true;
}

static unsigned int count_chains(const struct manifest *m)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->nr; i++)
		n += m->copy[i].base < 0;
	return n;
}

/* For each chain that stays, sets stays[i], where i is the index of its full copy. */
static void find_staying(const struct manifest *m, unsigned int keep, bool contents, bool *stays)
{
	for (unsigned int i = m->nr; i-- && keep;) {
		const unsigned int full = full_of(m, i);

		if (stays[full])
			continue;
		stays[full] = true;
		keep -= chain_is_good(m, full, contents);
	}
}

/* ---- removing ---- */

/*
 * Locks the directory, so that no restore can begin.  Returns false if a copy is being restored.
 * The lock is released by unlock(), or when the directory's file descriptor is closed.
 */
static bool lock_against_restore(const struct manifest *m)
{
	/*
	 * Go on if the file system has no locks of this kind.  If a copy is removed while it is
	 * being restored, the restore then fails.
	 */
	return !flock(m->fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK;
}

static void unlock(const struct manifest *m)
{
	flock(m->fd, LOCK_UN);
}

/* Removes the files in MANIFEST's list of files to be removed, and then the list. */
static int remove_files(struct manifest *m, struct err *err)
{
	for (unsigned int i = 0; i < m->nr_removed; i++)
		if (unlinkat(m->fd, m->removed[i], 0) && errno != ENOENT)
			return err_set(err, -errno, "%s/%s: cannot remove the file of an old copy: %s", m->directory, m->removed[i],
				       strerror(errno));
	if (fsync(m->fd))
		return err_set(err, -errno, "%s: cannot make the removal of old copies durable: %s", m->directory, strerror(errno));
	m->nr_removed = 0;
	return manifest_write(m, err);
}

int chains_clean(struct manifest *m, struct err *err)
{
	int r;

	if (!m->nr_removed || !lock_against_restore(m))
		return 0;
	/*
	 * The backup that has written MANIFEST may have been killed before MANIFEST was durable.  A
	 * power cut must not bring back a MANIFEST that lists the files as copies.
	 */
	r = fsync(m->fd) ? err_set(err, -errno, "%s: cannot make MANIFEST durable: %s", m->directory, strerror(errno)) : remove_files(m, err);
	unlock(m);
	return r;
}

/*
 * Removes from m each chain whose full copy, copy i, has stays[i] == false.  Adds the files of these
 * chains to m's list of files to be removed, and adds their sizes to *bytes.
 */
static int drop_chains(struct manifest *m, const bool *stays, uint64_t *bytes, struct err *err)
{
	int *moved = calloc(m->nr, sizeof(*moved));	/* the new index of each copy */
	unsigned int nr = 0;
	int r = moved ? 0 : err_set(err, -ENOMEM, "out of memory");

	for (unsigned int i = 0; i < m->nr && !r; i++) {
		struct backup_copy *c = &m->copy[i];

		/*
		 * Do not use full_of() here, because the bases have moved already.  A base comes
		 * before its increments, so moved[] contains the new index of the base already.
		 */
		moved[i] = c->base < 0 ? (stays[i] ? 0 : -1) : moved[c->base];
		if (moved[i] < 0) {
			*bytes += c->bytes;
			r = manifest_add_removed(m, c->file, err);
			continue;
		}
		if (c->base >= 0)
			c->base = moved[c->base];
		moved[i] = nr;
		m->copy[nr++] = *c;
	}
	if (!r)
		m->nr = nr;
	free(moved);
	return r;
}

static int replace_and_remove(struct manifest *m, const bool *stays, struct json_object *removed, uint64_t *bytes, struct err *err)
{
	const unsigned int had = m->nr_removed;
	uint64_t dropped = 0;
	int r;

	if (!lock_against_restore(m)) {
		complain("%s: a copy is being restored, so the next backup will remove the old ones", m->directory);
		return 0;
	}
	r = drop_chains(m, stays, &dropped, err);
	if (!r)
		r = manifest_write(m, err);
	if (!r) {
		for (unsigned int i = had; i < m->nr_removed; i++)
			json_object_array_add(removed, json_object_new_string(m->removed[i]));
		*bytes += dropped;
		r = remove_files(m, err);
	}
	unlock(m);
	return r;
}

int chains_remove_old(struct manifest *m, unsigned int keep, bool contents, struct json_object *removed, uint64_t *bytes,
		      struct err *err)
{
	bool *stays, any = false;
	int r = 0;

	if (count_chains(m) <= keep)
		return 0;
	stays = calloc(m->nr, sizeof(*stays));
	if (!stays)
		return err_set(err, -ENOMEM, "out of memory");
	find_staying(m, keep, contents, stays);
	for (unsigned int i = 0; i < m->nr; i++)
		any |= m->copy[i].base < 0 && !stays[i];
	if (any)
		r = replace_and_remove(m, stays, removed, bytes, err);
	free(stays);
	return r;
}
