// SPDX-License-Identifier: GPL-2.0-only
/* Who submits a write: the command, and the cgroup that it is charged to. */

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "erad.h"

#ifdef CONFIG_MEMCG
/*
 * Whose the memory is that is written: in writeback, of whoever put the page into
 * the page cache.  This needs no help of the file system and no io controller, but
 * the memory controller.  The cgroup of the bio would be of no use, because dm's clone
 * gets it only when it has been mapped.
 *
 * The root is what a page has for want of another, and so says nothing.
 */
static u64 id_of_page(struct bio *bio)
{
	struct mem_cgroup *memcg;
	u64 id = 0;

	if (!bio_has_data(bio))
		return 0;
	rcu_read_lock();
	memcg = page_memcg_check(compound_head(bio_page(bio)));
	if (memcg && memcg->css.parent && memcg->css.cgroup->root == &cgrp_dfl_root)
		id = cgroup_id(memcg->css.cgroup);
	rcu_read_unlock();
	return id;
}
#else
static u64 id_of_page(struct bio *bio)
{
	return 0;
}
#endif

#ifdef CONFIG_CGROUPS
static u64 id_of_task(void)
{
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
	return id;
}
#else
static u64 id_of_task(void)
{
	return 0;
}
#endif

/* A kernel thread may write for anybody; a task may write back what is another's. */
static u64 id_of_writer(struct bio *bio)
{
	const bool is_user = !(current->flags & PF_KTHREAD);
	u64 id = 0;

	if (!is_user || (bio_has_data(bio) && !PageAnon(bio_page(bio))))
		id = id_of_page(bio);
	return id || !is_user ? id : id_of_task();
}

void erad_writer_note(struct erad_writer *w, struct bio *bio)
{
	w->cgroup = id_of_writer(bio);
	/* There are many of them, and their names differ by a number that says nothing. */
	if (current->flags & PF_WQ_WORKER)
		strscpy_pad(w->comm, "kworker", sizeof(w->comm));
	else
		memcpy(w->comm, current->comm, sizeof(w->comm));
}
