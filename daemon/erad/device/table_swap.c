// SPDX-License-Identifier: GPL-2.0-or-later
/* Puts the loaded table of a mapped device into use, within a limit of time: see table_swap.h. */
#include <errno.h>
#include <string.h>

#include "erad/base/apart.h"
#include "erad/base/thread.h"
#include "erad/device/table_swap.h"

/* The argument and the results of swap(), which runs in its own process. */
struct swap {
	const struct dm_device *d;
	uint64_t us;
	struct err err;
};

static int swap(void *arg)
{
	struct swap *s = arg;

	return dm_tables_swap(s->d, &s->us, &s->err);
}

int table_swap(const struct dm_device *d, unsigned int seconds, uint64_t *us, struct err *err)
{
	struct swap s = { .d = d, .err = { "" } };
	const uint64_t began = thread_now_ms();
	const int r = apart_run_within(seconds, swap, &s);

	*us = s.us;
	if (!r)
		return 0;
	/*
	 * EINVAL: kernels before 6.1.107, without the change "dm resume: don't return EINVAL when
	 * signalled", return EINVAL in place of EINTR.
	 */
	if (r == -EINTR || (r == -EINVAL && thread_now_ms() - began >= seconds * 1000ull))
		return err_set(err, -ETIMEDOUT, "the I/O of /dev/mapper/%s has not ended within %u seconds", d->name, seconds);
	if (!*s.err.msg)
		return err_set(err, r, "cannot start a process that changes the table of /dev/mapper/%s: %s", d->name, strerror(-r));
	*err = s.err;
	return r;
}
