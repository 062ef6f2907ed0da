/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds out who submits a write: the name of the task, and the cgroup to which the write is
 * charged.
 */
#ifndef ERAD_WRITER_H
#define ERAD_WRITER_H

#include <linux/bio.h>
#include <linux/sched.h>
#include <linux/string.h>

/* The submitter of a write.  For statistics only. */
struct erad_writer {
	/* Id of the cgroup in the default hierarchy; 0: not known. */
	u64 cgroup;
	char comm[TASK_COMM_LEN];	/* name of the task, padded with zeros */
};

static inline bool erad_writer_is_same(const struct erad_writer *a, const struct erad_writer *b)
{
	return a->cgroup == b->cgroup && !memcmp(a->comm, b->comm, sizeof(a->comm));
}

/* Fills w for a bio that the current task has just submitted.  Context: ->map. */
void erad_writer_note(struct erad_writer *w, struct bio *bio);

#endif /* ERAD_WRITER_H */
