// SPDX-License-Identifier: GPL-2.0-only
/* The dm target "erad": its table line, construction and destruction, suspend, status. */

#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/part_stat.h>
#include <linux/uuid.h>
#include <linux/version.h>

#include "control.h"
#include "degrade.h"
#include "detach.h"
#include "era.h"
#include "map.h"
#include "message.h"

#define DM_MSG_PREFIX "erad"

#define DETACH_TIMEOUT_DEFAULT	60	/* in seconds */
#define META_BLOCK_SECTORS	8

/* ---- table line ---- */

static int parse_option(struct erad_instance *ei, const char *name, const char *value,
			char **error)
{
	uuid_t uuid;

	if (!strcasecmp(name, "uuid")) {
		if (strlen(value) != UUID_STRING_LEN || uuid_parse(value, &uuid) ||
		    uuid_is_null(&uuid)) {
			*error = "Invalid uuid: expected a UUID that is not zero";
			return -EINVAL;
		}
		export_uuid(ei->uuid, &uuid);
		return 0;
	}
	if (!strcasecmp(name, "detach_policy")) {
		if (!strcasecmp(value, "fail")) {
			ei->policy = ERAD_FAIL_WRITES;
		} else if (!strcasecmp(value, "degrade")) {
			ei->policy = ERAD_DEGRADE_WRITES;
		} else if (!strcasecmp(value, "queue")) {
			ei->policy = ERAD_QUEUE_WRITES;
		} else {
			*error = "Invalid detach_policy: expected queue, fail or degrade";
			return -EINVAL;
		}
		return 0;
	}
	if (!strcasecmp(name, "detach_timeout")) {
		if (kstrtou32(value, 10, &ei->detach_timeout) || !ei->detach_timeout ||
		    ei->detach_timeout > 86400) {
			*error = "Invalid detach_timeout: expected 1 to 86400 seconds";
			return -EINVAL;
		}
		return 0;
	}
	*error = "Unknown option: expected uuid, detach_policy or detach_timeout";
	return -EINVAL;
}

static int parse_options(struct erad_instance *ei, struct dm_arg_set *as, char **error)
{
	static const struct dm_arg args[] = {
		{0, 6, "Invalid number of option words"},
	};
	unsigned int nr;
	int r;

	if (!as->argc)
		return 0;
	r = dm_read_arg_group(args, as, &nr, error);
	if (r)
		return r;
	if (nr % 2 || as->argc != nr) {
		*error = "Invalid options: expected pairs of a name and a value, and nothing after them";
		return -EINVAL;
	}
	while (nr) {
		const char *name = dm_shift_arg(as);
		const char *value = dm_shift_arg(as);

		r = parse_option(ei, name, value, error);
		if (r)
			return r;
		nr -= 2;
	}
	return 0;
}

static int parse_block_size(struct erad_instance *ei, const char *arg, sector_t len, char **error)
{
	u32 sectors;

	if (kstrtou32(arg, 10, &sectors) || !sectors || sectors % META_BLOCK_SECTORS) {
		*error = "Invalid block size: expected a positive multiple of 8 sectors";
		return -EINVAL;
	}
	ei->block_sectors = sectors;
	ei->block_shift = is_power_of_2(sectors) ? ilog2(sectors) : -1;
	ei->nr_sectors = len;
	ei->nr_blocks = DIV_ROUND_UP_ULL(len, sectors);
	if (ei->nr_blocks > erad_writeset_max_blocks()) {
		*error = "Too many blocks: use a larger block size";
		return -EINVAL;
	}
	return 0;
}

/*
 * Frees everything that ctr has set up so far.  dtr also calls this function, in the end, when no
 * write is in flight.
 */
static void undo_ctr(struct dm_target *ti, struct erad_instance *ei)
{
	if (ei->wq)
		destroy_workqueue(ei->wq);
	/* The last work item of ei->wq may have queued event_work. */
	flush_work(&ei->event_work);
	free_percpu(ei->counts);
	erad_record_free_page(ei->record);
	if (ei->origin)
		dm_put_device(ti, ei->origin);
	if (ei->meta)
		dm_put_device(ti, ei->meta);
	erad_instance_put(ei);
}

/* Opens the metadata device, if the table names one, and allocates its degrade record. */
static int open_metadata(struct dm_target *ti, struct erad_instance *ei, const char *path)
{
	int r;

	if (!strcmp(path, "-")) {
		if (ei->policy == ERAD_DEGRADE_WRITES) {
			ti->error = "detach_policy degrade needs a metadata device, not \"-\"";
			return -EINVAL;
		}
		if (!memchr_inv(ei->uuid, 0, sizeof(ei->uuid))) {
			ti->error = "Metadata \"-\" needs option uuid";
			return -EINVAL;
		}
		return 0;
	}
	/*
	 * Open the device in the mode of the table, although claiming the device needs no writing.
	 * If another target of the table has opened the device in another mode, dm replaces the
	 * dm_dev, and that target keeps a pointer to the old dm_dev.
	 */
	r = dm_get_device(ti, path, dm_table_get_mode(ti->table), &ei->meta);
	if (r) {
		ti->error = "Error opening metadata device";
		return r;
	}
	ei->meta_dev = ei->meta->bdev->bd_dev;
	r = erad_record_alloc(ei);
	if (r)
		ti->error = "Cannot allocate the degrade record";
	return r;
}

static int open_origin(struct dm_target *ti, struct erad_instance *ei, const char *path)
{
	int r;

	r = dm_get_device(ti, path, dm_table_get_mode(ti->table), &ei->origin);
	if (r) {
		ti->error = "Error opening data device";
		return r;
	}
	/*
	 * Refuse zoned devices, because dm itself refuses only some of them.  A zone reset changes
	 * blocks, but its bio has no sectors.
	 */
	if (bdev_is_zoned(ei->origin->bdev)) {
		ti->error = "Zoned data devices are not supported";
		return -EINVAL;
	}
	ei->origin_dev = ei->origin->bdev->bd_dev;
	if (ei->meta_dev == ei->origin_dev) {
		ti->error = "Metadata and data are the same device";
		return -EINVAL;
	}
	return 0;
}

static int alloc_counts_and_queue(struct dm_target *ti, struct erad_instance *ei)
{
	ei->counts = __alloc_percpu(2 * sizeof(struct erad_io_counts),
				    __alignof__(struct erad_io_counts));
	if (!ei->counts) {
		ti->error = "Cannot allocate the counts";
		return -ENOMEM;
	}
	/*
	 * Give each instance its own workqueue.  If one volume is on top of another volume, a work
	 * item that submits a write of the upper volume may wait for a work item of the lower
	 * volume.  When memory is short, a workqueue has only its rescuer thread, which runs one
	 * work item at a time.
	 */
	ei->wq = alloc_workqueue("erad/%u:%u", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0,
				 MAJOR(ei->dev), MINOR(ei->dev));
	if (!ei->wq) {
		ti->error = "Cannot allocate the workqueue";
		return -ENOMEM;
	}
	return 0;
}

/*
 * Sets up a new instance from the table line.  argc is at least 3.  After a failure, the caller
 * must call undo_ctr(), which frees everything that was set up.
 */
static int set_up(struct dm_target *ti, struct erad_instance *ei, unsigned int argc, char **argv)
{
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	const char *meta = dm_shift_arg(&as);
	const char *origin = dm_shift_arg(&as);
	const char *block_size = dm_shift_arg(&as);
	int r;

	r = parse_block_size(ei, block_size, ti->len, &ti->error);
	if (r)
		return r;
	r = parse_options(ei, &as, &ti->error);
	if (r)
		return r;
	r = open_metadata(ti, ei, meta);
	if (r)
		return r;
	r = open_origin(ti, ei, origin);
	if (r)
		return r;
	r = alloc_counts_and_queue(ti, ei);
	if (r)
		return r;
	return erad_instance_register(ei, &ti->error);
}

/*
 * The table line: <metadata dev | -> <origin dev> <block size> [<number of words that follow>
 * <option> <value> ...].  "-": the metadata is not a device, for example a file.  The block size is
 * in 512-byte sectors.  The options, in any order:
 *
 *	uuid U			the UUID of the metadata; required for "-"
 *	detach_policy P		queue, fail or degrade; degrade needs a metadata device
 *	detach_timeout S	1 to 86400 seconds
 */
static int erad_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct erad_instance *ei;
	int r;

	if (argc < 3) {
		ti->error = "Invalid argument count: expected <metadata dev | -> <origin dev> <block size>";
		return -EINVAL;
	}
	ei = erad_instance_alloc(ti);
	if (!ei) {
		ti->error = "Cannot allocate the instance";
		return -ENOMEM;
	}
	INIT_WORK(&ei->submit_work, erad_submit_work);
	INIT_DELAYED_WORK(&ei->detach_work, erad_detach_work);
	erad_era_init(ei);
	ei->detach_timeout = DETACH_TIMEOUT_DEFAULT;

	r = set_up(ti, ei, argc, argv);
	if (r) {
		undo_ctr(ti, ei);
		return r;
	}
	ti->private = ei;
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->num_secure_erase_bios = 1;
	ti->num_write_zeroes_bios = 1;
	ti->accounts_remapped_io = true;
	ti->limit_swap_bios = true;	/* because writes to swap may wait for the daemon */
	ti->per_io_data_size = sizeof(struct erad_per_bio);
	return 0;
}

static void erad_dtr(struct dm_target *ti)
{
	struct erad_instance *ei = ti->private;
	struct erad_writeset *ws;

	erad_instance_unregister(ei);

	/*
	 * After `dead` is set, no ioctl uses the target, because each ioctl that uses the target
	 * tests `dead` under ei->mutex first.
	 */
	mutex_lock(&ei->mutex);
	WRITE_ONCE(ei->dead, true);
	mutex_unlock(&ei->mutex);
	cancel_delayed_work_sync(&ei->detach_work);
	wake_up_all(&ei->wait);
	erad_instances_changed();

	/*
	 * dm has waited for all I/O.  So a drain ends soon, and the current writeset has no writes
	 * in flight.  dm does not wait for the write of a degrade record, so wait for it here.
	 */
	wait_event(ei->wait, !READ_ONCE(ei->draining) && !erad_degrade_busy(ei));
	/* INFO of a removed target still reads the era of the writeset under ei->mutex. */
	mutex_lock(&ei->mutex);
	ws = rcu_dereference_protected(ei->current_ws, lockdep_is_held(&ei->mutex));
	RCU_INIT_POINTER(ei->current_ws, NULL);
	mutex_unlock(&ei->mutex);
	erad_writeset_free(ws);
	erad_writeset_free(ei->prepared);
	ei->prepared = NULL;
	WARN_ON(!bio_list_empty(&ei->queue) || !bio_list_empty(&ei->batch));
	undo_ctr(ti, ei);
}

/* ---- suspend and resume ---- */

static void set_suspending(struct erad_instance *ei, bool suspending)
{
	mutex_lock(&ei->mutex);
	WRITE_ONCE(ei->suspending, suspending);
	/* End the message under way, because the suspend waits for its sender. */
	if (suspending)
		erad_message_end(ei, -EBUSY, 0);
	mutex_unlock(&ei->mutex);
	wake_up_all(&ei->wait);
}

/*
 * Returns the number of sectors written to or discarded on the mapped device, or
 * ERAD_WRITTEN_UNKNOWN if its counters are switched off.  The number is exact only while the device
 * is suspended, because dm counts some writes when they begin, and others when they end.
 */
static u64 written_sectors(struct erad_instance *ei)
{
	struct gendisk *disk = dm_disk(dm_table_get_md(ei->ti->table));

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	/*
	 * Since commit 526d10061bc2 ("dm: support turning off block-core's io stats accounting") in
	 * 6.5, dm obeys the flag of the queue.  Before this commit, dm always counts.
	 */
	if (!blk_queue_io_stat(disk->queue))
		return ERAD_WRITTEN_UNKNOWN;
#endif
	return part_stat_read(disk->part0, sectors[STAT_WRITE]) + part_stat_read(disk->part0, sectors[STAT_DISCARD]);
}

/* Called when all I/O of the old table has ended and no I/O of the new table has begun. */
static void set_resumed(struct erad_instance *ei, bool resumed)
{
	const u64 written = written_sectors(ei);
	const u64 since_id = resumed ? erad_instances_unbroken_since(ei, written) : 0;

	spin_lock(&ei->lock);
	if (!resumed) {
		ei->written_suspended = written;
	} else if (!ei->since_id) {
		ei->written_resumed = written;
		ei->since_id = since_id;
	}
	WRITE_ONCE(ei->resumed, resumed);
	ei->pushback = false;
	spin_unlock(&ei->lock);
	erad_instance_event(ei);
	erad_instances_changed();
}

/*
 * A noflush suspend does not wait for held writes.  These writes go back to dm, which submits them
 * again after the next resume, to the table that is live then.  A flush suspend waits for held
 * writes, so the owner keeps committing.  Without an owner, a flush suspend waits until an owner
 * attaches, ABORT or DEGRADE is called, or detach_policy fails or releases the held writes.
 */
static void erad_presuspend(struct dm_target *ti)
{
	struct erad_instance *ei = ti->private;
	struct bio_list bios = BIO_EMPTY_LIST;
	u32 nr;

	set_suspending(ei, true);
	if (!dm_noflush_suspending(ti))
		return;
	mutex_lock(&ei->mutex);
	spin_lock(&ei->lock);
	ei->pushback = true;
	spin_unlock(&ei->lock);
	nr = erad_held_take(ei, &bios);
	spin_lock(&ei->lock);
	ei->requeued += nr;
	spin_unlock(&ei->lock);
	mutex_unlock(&ei->mutex);
	erad_bios_end(&bios, BLK_STS_DM_REQUEUE);
}

static void erad_presuspend_undo(struct dm_target *ti)
{
	struct erad_instance *ei = ti->private;

	set_suspending(ei, false);
	spin_lock(&ei->lock);
	ei->pushback = false;
	spin_unlock(&ei->lock);
}

/*
 * No write of this table's degrade record may be in flight when the suspend has ended.  The next
 * table may use the same metadata, and its owner looks for a degrade record only once before it
 * records writes.
 */
static void erad_postsuspend(struct dm_target *ti)
{
	struct erad_instance *ei = ti->private;

	set_resumed(ei, false);
	/*
	 * Wait for a DEGRADE that holds ei->mutex now: it may set `busy` before it releases
	 * ei->mutex.  A later DEGRADE fails with EBUSY.
	 */
	mutex_lock(&ei->mutex);
	mutex_unlock(&ei->mutex);
	wait_event(ei->wait, !erad_degrade_busy(ei));
}

static void erad_resume(struct dm_target *ti)
{
	struct erad_instance *ei = ti->private;

	set_suspending(ei, false);
	set_resumed(ei, true);
	mutex_lock(&ei->mutex);
	if (ei->state == ERAD_DETACHED)
		erad_detached(ei);
	mutex_unlock(&ei->mutex);
}

/* ---- status ---- */

static const char *const state_names[] = {
	[ERAD_DETACHED] = "detached",
	[ERAD_LOADING] = "loading",
	[ERAD_ACTIVE] = "active",
	[ERAD_FAILED] = "failed",
	[ERAD_DEGRADED] = "degraded",
};

static const char *const policy_names[] = {
	[ERAD_QUEUE_WRITES] = "queue",
	[ERAD_FAIL_WRITES] = "fail",
	[ERAD_DEGRADE_WRITES] = "degrade",
};

/*
 * The status line for INFO has the four fields of dm-era, then erad's own: <metadata block size in
 * sectors> <used>/<total metadata blocks> <era> <held root | -> <state> <number of held writes>
 * <draining | -> <uuid | ->
 */
static void erad_status(struct dm_target *ti, status_type_t type, unsigned int status_flags,
			char *result, unsigned int maxlen)
{
	struct erad_instance *ei = ti->private;
	u64 used, total, root, held;
	enum erad_state state;
	unsigned int sz = 0;
	char meta[16];
	bool uuid;

	uuid = memchr_inv(ei->uuid, 0, sizeof(ei->uuid));
	if (ei->meta)
		format_dev_t(meta, ei->meta_dev);
	else
		strscpy(meta, "-", sizeof(meta));

	switch (type) {
	case STATUSTYPE_INFO:
		spin_lock(&ei->lock);
		used = ei->usage_used;
		total = ei->usage_total;
		root = ei->usage_root;
		held = ei->nr_queued + ei->nr_batch;
		state = ei->state;
		spin_unlock(&ei->lock);
		DMEMIT("%u %llu/%llu %u ", META_BLOCK_SECTORS, used, total, erad_instance_era(ei));
		if (root)
			DMEMIT("%llu", root);
		else
			DMEMIT("-");
		DMEMIT(" %s %llu %s ", state_names[state], held,
		       READ_ONCE(ei->draining) ? "draining" : "-");
		if (uuid)
			DMEMIT("%pUb", ei->uuid);
		else
			DMEMIT("-");
		break;

	case STATUSTYPE_TABLE:
		DMEMIT("%s %s %u", meta, ei->origin->name, ei->block_sectors);
		if (uuid || ei->policy || ei->detach_timeout != DETACH_TIMEOUT_DEFAULT) {
			DMEMIT(" %u", 2 * (uuid + !!ei->policy +
					   (ei->detach_timeout != DETACH_TIMEOUT_DEFAULT)));
			if (uuid)
				DMEMIT(" uuid %pUb", ei->uuid);
			if (ei->policy)
				DMEMIT(" detach_policy %s", policy_names[ei->policy]);
			if (ei->detach_timeout != DETACH_TIMEOUT_DEFAULT)
				DMEMIT(" detach_timeout %u", ei->detach_timeout);
		}
		break;

	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",metadata_device=%s,origin_device=%s,block_size=%u",
		       meta, ei->origin->name, ei->block_sectors);
		if (uuid)
			DMEMIT(",uuid=%pUb", ei->uuid);
		DMEMIT(",detach_policy=%s,detach_timeout=%u;",
		       policy_names[ei->policy], ei->detach_timeout);
		break;
	}
}

static int erad_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct erad_instance *ei = ti->private;

	return fn(ti, ei->origin, 0, ti->len, data);
}

#ifndef DM_TARGET_ATOMIC_WRITES		/* for kernels before 6.14 */
#define DM_TARGET_ATOMIC_WRITES	0
#endif

/*
 * There is no .prepare_ioctl.  With it, dm would pass ioctls such as SG_IO to the origin, and these
 * can write without a record.  One consequence: the ioctls for persistent reservations, which need
 * .prepare_ioctl, fail with ENOTTY.
 *
 * flush_bypasses_map is not set.  With it, dm would also send flushes to the metadata device.
 *
 * DM_TARGET_ATOMIC_WRITES is set, because the target never splits a bio, so an atomic write stays
 * in one piece.
 */
static struct target_type erad_target = {
	.name = "erad",
	.version = {1, 0, 0},
	.features = DM_TARGET_NOWAIT | DM_TARGET_PASSES_INTEGRITY | DM_TARGET_PASSES_CRYPTO |
		    DM_TARGET_ATOMIC_WRITES,
	.module = THIS_MODULE,
	.ctr = erad_ctr,
	.dtr = erad_dtr,
	.map = erad_map,
	.end_io = erad_end_io,
	.presuspend = erad_presuspend,
	.presuspend_undo = erad_presuspend_undo,
	.postsuspend = erad_postsuspend,
	.resume = erad_resume,
	.status = erad_status,
	.message = erad_target_message,
	.iterate_devices = erad_iterate_devices,
};

static int __init erad_init(void)
{
	int r = erad_writeset_init();

	if (r)
		return r;
	r = erad_control_init();
	if (r)
		goto out_writeset;
	r = dm_register_target(&erad_target);
	if (r < 0)
		goto out_control;
	return 0;

out_control:
	erad_control_exit();
out_writeset:
	erad_writeset_exit();
	return r;
}

static void __exit erad_exit(void)
{
	dm_unregister_target(&erad_target);
	erad_control_exit();
	erad_writeset_exit();
}

module_init(erad_init);
module_exit(erad_exit);

MODULE_DESCRIPTION(DM_NAME " erad target: tracks written blocks by era");
MODULE_AUTHOR("The erad authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
