// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists and changes the bookmarks of an open store: see bookmarks.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/bookmark.h"
#include "store/bookmarks.h"
#include "store/history_copy.h"
#include "store/moment.h"

unsigned int store_bookmarks(struct store *s, struct store_bookmark bookmark[ERAD_BOOKMARKS])
{
	struct store_info info;
	unsigned int i, nr;

	store_info(s, &info);
	pthread_mutex_lock(&s->lock);
	nr = le32toh(s->history->nr_bookmarks);
	for (i = 0; i < nr; i++) {
		const struct erad_disk_bookmark *b = &s->history->bookmark[i];
		struct store_bookmark *to = &bookmark[i];

		*to = (struct store_bookmark){
			.token = { .timeline = le64toh(b->timeline), .era = le32toh(b->era) }, .time = le64toh(b->time),
		};
		memcpy(to->name, b->name, sizeof(b->name));
		memcpy(to->token.uuid, info.uuid, sizeof(info.uuid));
	}
	pthread_mutex_unlock(&s->lock);
	return nr;
}

/*
 * Returns the position of the name in the sorted list, or the position that it would have.  Sets
 * *there to whether the list contains the name.
 */
static uint32_t find_bookmark(const struct erad_disk_history *h, const char *name, bool *there)
{
	const uint32_t nr = le32toh(h->nr_bookmarks);
	uint32_t i;
	int order = 1;

	for (i = 0; i < nr; i++) {
		order = strncmp((const char *)h->bookmark[i].name, name, ERAD_BOOKMARK_NAME);
		if (order >= 0)
			break;
	}
	*there = i < nr && !order;
	return i;
}

/* Makes the changed history durable, and releases fold_lock. */
static int commit_bookmarks(struct store *s, struct err *err)
{
	struct erad_disk_super sb = s->super;
	const int ret = history_commit_both(s, &sb);

	pthread_mutex_unlock(&s->fold_lock);
	return ret ? store_io_error(s, err, ret, "cannot write the bookmarks") : 0;
}

static int check_change(struct store *s, const char *name, struct err *err)
{
	const int ret = store_check_writable(s, err);

	return ret ? ret : bookmark_check_name(name, err);
}

/*
 * Begins a change of the bookmark.  Takes fold_lock.  commit_bookmarks() releases the lock; without
 * a commit, the caller releases it.  Returns a copy of the history.  *there receives whether the
 * bookmark exists, *i its index or the index that it would have, and *nr the number of bookmarks.
 */
static struct erad_disk_history *edit_bookmark(struct store *s, const char *name, uint32_t *i, uint32_t *nr, bool *there)
{
	struct erad_disk_history *h;

	pthread_mutex_lock(&s->fold_lock);
	h = history_edit(s);
	*nr = le32toh(h->nr_bookmarks);
	*i = find_bookmark(h, name, there);
	return h;
}

int store_set_bookmark(struct store *s, const char *name, const struct token *t, struct err *err)
{
	struct erad_disk_history *h;
	struct erad_disk_bookmark *b;
	uint32_t i, nr;
	bool there;
	int ret;

	ret = check_change(s, name, err);
	if (ret)
		return ret;
	ret = store_check_token(s, t, err);
	if (ret)
		return err_prefix(err, ret, "bookmark %s", name);
	h = edit_bookmark(s, name, &i, &nr, &there);
	b = &h->bookmark[i];
	if (!there && nr == ERAD_BOOKMARKS) {
		pthread_mutex_unlock(&s->fold_lock);
		return err_set(err, -ENOSPC, "cannot add bookmark %s: there are %u bookmarks already, and there can be no more; delete one first",
			       name, nr);
	}
	if (!there) {
		memmove(b + 1, b, (nr - i) * sizeof(*b));
		h->nr_bookmarks = htole32(nr + 1);
	}
	*b = (struct erad_disk_bookmark){
		.timeline = htole64(t->timeline), .era = htole32(t->era), .time = htole64(time(NULL)),
	};
	memcpy(b->name, name, strlen(name));
	return commit_bookmarks(s, err);
}

int store_delete_bookmark(struct store *s, const char *name, struct err *err)
{
	struct erad_disk_history *h;
	struct erad_disk_bookmark *b;
	uint32_t i, nr;
	bool there;
	int ret;

	ret = check_change(s, name, err);
	if (ret)
		return ret;
	h = edit_bookmark(s, name, &i, &nr, &there);
	if (!there) {
		pthread_mutex_unlock(&s->fold_lock);
		return err_set(err, -ENOENT, "there is no bookmark %s", name);
	}
	b = &h->bookmark[i];
	memmove(b, b + 1, (nr - i - 1) * sizeof(*b));
	memset(&h->bookmark[nr - 1], 0, sizeof(*b));
	h->nr_bookmarks = htole32(nr - 1);
	return commit_bookmarks(s, err);
}
