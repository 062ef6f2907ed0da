/* SPDX-License-Identifier: GPL-2.0-only */
/* Who submits a write: the command, and the cgroup that it is charged to. */
#ifndef ERAD_WRITER_H
#define ERAD_WRITER_H

#include <linux/bio.h>
#include <linux/sched.h>
#include <linux/string.h>

/* For statistics: nothing else goes by it. */
struct erad_writer {
	u64 cgroup;			/* id, in the default hierarchy; 0: not known */
	char comm[TASK_COMM_LEN];	/* padded with zeros */
};

static inline bool erad_writer_is_same(const struct erad_writer *a, const struct erad_writer *b)
{
	return a->cgroup == b->cgroup && !memcmp(a->comm, b->comm, sizeof(a->comm));
}

/* For a bio that the current task has just submitted */
void erad_writer_note(struct erad_writer *w, struct bio *bio);

#endif /* ERAD_WRITER_H */
