// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks whether the metadata file is still at its path, and replaces a deleted file: see home.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/failpoint.h"
#include "store/home.h"
#include "store/state.h"

#define COPY_AGAIN	60	/* pause after a failed attempt to replace the file, in seconds */

/* Copies the content of the metadata to the new file.  Context: journal_lock, fold_lock. */
static int copy_all(struct store *s, struct engine *to, struct err *err)
{
	const uint64_t step = ARRAY_FOLD_PAGES * ERAD_PAGE, size = s->e->size;
	int ret = 0;

	for (uint64_t off = 0, len; off < size && !ret; off += len) {
		len = size - off < step ? size - off : step;
		if (engine_hole(s->e, off, len))
			continue;
		ret = s->e->ops->read(s->e, s->fold_buf, off, len);
		if (!ret)
			ret = to->ops->write(to, s->fold_buf, off, len);
		if (ret)
			store_io_error(s, err, ret, "it was deleted, and copying it to a new file failed");
	}
	return ret;
}

/*
 * Replaces a deleted file by `to`.  Sets *rewritten to true after a success.  Context:
 * journal_lock, fold_lock.  Both locks are held during the whole call, because the metadata must
 * not change between the copying and the switch to the new file.  The consequence: new writes wait.
 */
static int rewrite_file(struct store *s, struct engine *to, bool *rewritten, struct err *err)
{
	int ret;

	/* Check again under the locks, because another thread may have replaced the file. */
	ret = engine_find(s->e, true, err);
	if (ret != -ENOENT)
		return ret;
	ret = copy_all(s, to, err);
	failpoint(FAILPOINT_HOME_COPIED);
	if (!ret)
		ret = s->e->ops->end_copy(s->e, to, err);
	*rewritten = !ret;
	s->copied_at = ret ? time(NULL) : 0;
	return ret;
}

int store_check_home(struct store *s, bool *rewritten, struct err *err)
{
	struct engine *to;
	bool again;
	int ret;

	*rewritten = false;
	ret = engine_find(s->e, true, err);
	if (ret != -ENOENT || s->mode != STORE_WRITE)
		return ret;
	/* Pause after a failed attempt, because each attempt makes writes wait. */
	pthread_mutex_lock(&s->fold_lock);
	again = llabs((long long)(time(NULL) - s->copied_at)) >= COPY_AGAIN;
	pthread_mutex_unlock(&s->fold_lock);
	if (!again)
		return err_set(err, -ENOENT, "%s: it was deleted, and a new file could not be put in its place; erad tries again in a minute at the latest",
			       s->e->name);
	ret = s->e->ops->begin_copy(s->e, &to, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->journal_lock);
	pthread_mutex_lock(&s->fold_lock);
	ret = rewrite_file(s, to, rewritten, err);
	pthread_mutex_unlock(&s->fold_lock);
	pthread_mutex_unlock(&s->journal_lock);
	engine_destroy(to);
	return ret;
}
