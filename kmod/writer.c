// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds out who submits a write: the name of the task, and the cgroup to which the write is
 * charged.
 */

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "writer.h"

#ifdef CONFIG_MEMCG
/*
 * Returns the id of the cgroup to which the memory of the written page is charged.  In writeback,
 * this is the cgroup of the task that put the page into the page cache.  This works with the memory
 * controller alone: neither the io controller nor support by the file system is needed.
 *
 * Do not use the cgroup of the bio, because dm's clone may get its cgroup only after ->map.  A page
 * that is charged to the root cgroup has no particular owner, so the root counts as unknown.
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

/*
 * Returns the id of the cgroup of a write.  A kernel thread may write for any task, so for its
 * writes only the cgroup of the page counts.  A user task may write back pages that another task
 * has put into the page cache, so for pages that are not anonymous, the cgroup of the page comes
 * first, and the cgroup of the task second.  Any other write of a user task belongs to the cgroup
 * of the task.
 */
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
	/*
	 * Use one name for all workers, because their names contain an arbitrary id (kworker/u8:3).
	 * Workers submit writeback.  A worker of dm also submits each write with REQ_PREFLUSH, and
	 * each write that has waited for a resume; the original task of these writes is unknown
	 * here.
	 */
	if (current->flags & PF_WQ_WORKER)
		strscpy_pad(w->comm, "kworker", sizeof(w->comm));
	else
		memcpy(w->comm, current->comm, sizeof(w->comm));
}
