// SPDX-License-Identifier: GPL-2.0-or-later
/* Device-mapper calls that may wait for I/O, in children of the reader: see dm_child.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "erad/device/dm_child.h"
#include "erad/device/origin_reader.h"

#define SWAP_S		20u
/* dm_remove() may try for 8 seconds, and then wait for udev for a minute. */
#define REMOVE_S	90u
/* How long to wait for the answer of a child after its limit: the child then undoes its changes. */
#define ANSWER_S	5u

static int ask(const struct origin_question *q, unsigned int seconds, struct origin_answer *a, struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	const int r = origin_ask(&asked, q, seconds * 1000, NULL, NULL, a, err);

	origin_drop(&asked);
	if (!r && a->code)
		*err = a->err;
	return r;
}

int dm_child_swap_within(unsigned int seconds, const struct dm_device *d, uint64_t *us, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_SWAP;
	q.dev = d->dev;
	q.seconds = seconds;
	snprintf(q.path, sizeof(q.path), "%s", d->name);
	*us = 0;
	r = ask(&q, seconds + ANSWER_S, &a, err);
	if (r == -ETIMEDOUT && !a.code)
		return err_set(err, -EINPROGRESS, "the table of /dev/mapper/%s is not replaced after %u seconds, but the kernel goes on; check whether a device below it hangs",
			       d->name, seconds + ANSWER_S);
	if (r) {
		/*
		 * The reader has refused the question until the limit, or its children have died.  The last
		 * child may have begun just now, or may have put the table into use before it died.
		 */
		dm_tables_clear(d);
		return r == -ETIMEDOUT ? -EINPROGRESS : r;
	}
	*us = a.us;
	/*
	 * EINVAL: kernels before 6.1.107, without the change "dm resume: don't return EINVAL when
	 * signalled", return EINVAL in place of EINTR.
	 */
	if (a.code == -EINTR || (a.code == -EINVAL && a.us >= seconds * 1000000ull))
		return err_set(err, -ETIMEDOUT, "the I/O of /dev/mapper/%s has not ended within %u seconds; check whether a device below it hangs",
			       d->name, seconds);
	return a.code;
}

int dm_child_swap(const struct dm_device *d, uint64_t *us, struct err *err)
{
	return dm_child_swap_within(SWAP_S, d, us, err);
}

int dm_child_resume_old(unsigned int seconds, dev_t dev, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_RESUME_OLD;
	q.dev = dev;
	q.seconds = seconds;
	r = ask(&q, seconds + ANSWER_S, &a, err);
	return r ? r : a.code;
}

int dm_child_remove_within(unsigned int seconds, const char *name, const char *lower, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_REMOVE_DEVICE;
	/* No question about a path has this number, because a path begins with a slash. */
	q.dev = origin_store_key(name);
	snprintf(q.path, sizeof(q.path), "%s", name);
	r = ask(&q, seconds, &a, err);
	/* a.code is 0 if the removal has begun. */
	if (r == -ETIMEDOUT && !a.code)
		err_set(err, r, "/dev/mapper/%s was not removed within %u seconds; check whether its %s hangs or udev is slow", name, seconds, lower);
	return r ? r : a.code;
}

int dm_child_remove(const char *name, struct err *err)
{
	return dm_child_remove_within(REMOVE_S, name, "metadata device", err);
}
