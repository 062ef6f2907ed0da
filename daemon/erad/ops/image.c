// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes images of volumes, by dm-snapshot beneath the volume: see image.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/mapper_file.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/device/origin_reader.h"
#include "erad/ops/claim.h"
#include "erad/ops/image.h"
#include "erad/ops/image_drop.h"
#include "erad/ops/image_note.h"
#include "erad/ops/image_steps.h"
#include "erad/ops/table.h"
#include "erad/volume/origin.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

#define STORES_MS	10000	/* limit of the wait until another image has its store */
/*
 * Limit of a freeze in ms.  It writes back only the pages that became dirty since the sync began.
 */
#define FREEZE_MS	120000u
#define PARAMS		96	/* size of a buffer for the parameters of a table, in bytes */

/* Refuses a name that another device or volume already has. */
static int check_name(const char *volume, const char *suffix, struct err *err)
{
	const struct eratab_entry *e;
	char name[DM_NAME_LEN];
	struct eratab tab;
	int r;

	image_name(volume, suffix, name);
	r = dm_exists(name, err);
	if (r)
		return r < 0 ? r : err_set(err, -EEXIST, "there is a /dev/mapper/%s already", name);
	r = mapper_file_refuse(name, err);
	if (!r)
		r = op_read_table(&tab, err);
	if (r)
		return r;
	if (eratab_find(&tab, name, &e, NULL) != -ENOENT)
		r = err_set(err, -EEXIST, "%s contains a volume with the name %s, which a device of the image needs", ERAD_TAB, name);
	eratab_free(&tab);
	return r;
}

/*
 * Checks that the live table of the volume is one erad target on the origin, that no other table is
 * loaded, and that the device is not suspended.
 */
static int check_table(const struct dm_device *d, dev_t origin, struct err *err)
{
	if (d->nr != 1 || strcmp(d->line->type, "erad") || !dm_line_names(d->line, origin))
		return err_set(err, -EOPNOTSUPP, "the table of /dev/mapper/%s is not a single erad target on device %u:%u, so erad cannot make an image; see 'dmsetup table %s'",
			       d->name, major(origin), minor(origin), d->name);
	return dm_tables_check_settled(d, err);
}

/*
 * Reads and checks the live table of the volume.  On success, the caller frees the table.  EBUSY: the
 * table does not have the length of the volume.
 */
static int read_table(const struct image_volume *l, struct dm_device *d, struct err *err)
{
	int r = dm_tables_read(l->dev, d, err);

	if (r)
		return r;
	r = check_table(d, l->origin, err);
	if (!r && (d->line->start || d->line->length != l->nr_sectors))
		r = err_set(err, -EBUSY, "the table of /dev/mapper/%s was replaced meanwhile; try again", d->name);
	if (r)
		dm_tables_free(d);
	return r;
}

/*
 * Refuses a volume that is a physical volume.  LVM would see the physical volume twice, on the
 * volume and on the image, and would refuse all changes of the volume group.  Reads the origin: the
 * volume has no image, so the volume lies on the origin alone, and both have the same content.
 */
static int check_not_pv(dev_t origin, struct err *err)
{
	char uuid[PV_UUID_SIZE];
	int r = origin_pv_uuid(origin, ORIGIN_OPEN_MS, uuid, err);

	if (r == -ENODATA)
		return 0;
	return r ? r : err_set(err, -EOPNOTSUPP, "the volume is a physical volume of LVM, and its image would be a duplicate of it, with which LVM refuses to change the volume group; take a snapshot of the logical volume with 'lvcreate -s', and give it to 'eractl backup --device'");
}

/*
 * Makes one device of the image.  dm_uuid receives the UUID of the device, which is the UUID of the
 * volume, followed by kind.
 */
static int make_device(const struct volume *v, const char *suffix, const char *kind, struct dm_line *line, bool read_only,
		       char dm_uuid[DM_UUID_LEN], dev_t *dev, struct err *err)
{
	char name[DM_NAME_LEN], of_volume[DM_UUID_TEXT_SIZE];
	int r;

	image_name(v->name, suffix, name);
	snprintf(dm_uuid, DM_UUID_LEN, "%s%s", uuid_dm_text(v->uuid, of_volume), kind);
	r = dm_create_hidden(name, dm_uuid, line, read_only, err);
	if (r)
		return r;
	*dev = dm_tables_find(name);
	return *dev ? 0 : err_set(err, -ENXIO, "/dev/mapper/%s was removed meanwhile", name);
}

static int make_store(const struct volume *v, const struct image_store *s, dev_t *dev, struct err *err)
{
	char params[PARAMS], dm_uuid[DM_UUID_LEN];
	struct dm_line line = { .length = s->nr_sectors, .type = "linear", .params = params };

	snprintf(params, sizeof(params), "%u:%u %u", major(s->dev), minor(s->dev), IMAGE_STORE_START);
	return make_device(v, IMAGE_STORE_SUFFIX, IMAGE_STORE_SUFFIX, &line, false, dm_uuid, dev, err);
}

/*
 * The parameter N ("not persistent"): dm-snapshot keeps the table of copied chunks in memory only, so
 * the store needs no header.
 */
static int make_snapshot(const struct volume *v, const struct image_volume *l, dev_t store, const struct image_choice *choice,
			 char dm_uuid[DM_UUID_LEN], struct err *err)
{
	char params[PARAMS], kind[IMAGE_KIND_SIZE] = IMAGE_SUFFIX;
	struct dm_line line = { .length = l->nr_sectors, .type = "snapshot", .params = params };
	dev_t dev;

	if (choice->number)
		image_numbered_kind(choice->number, IMAGE_BACKUP_SUFFIX, kind);
	else if (choice->together)
		image_numbered_kind(choice->together, IMAGE_TOGETHER_SUFFIX, kind);
	snprintf(params, sizeof(params), "%u:%u %u:%u N %u", major(l->origin), minor(l->origin), major(store), minor(store),
		 IMAGE_CHUNK);
	return make_device(v, IMAGE_SUFFIX, kind, &line, true, dm_uuid, &dev, err);
}

static int make_origin(const struct volume *v, const struct image_volume *l, dev_t *dev, struct err *err)
{
	char params[PARAMS], dm_uuid[DM_UUID_LEN];
	struct dm_line line = { .length = l->nr_sectors, .type = "snapshot-origin", .params = params };

	snprintf(params, sizeof(params), "%u:%u", major(l->origin), minor(l->origin));
	return make_device(v, IMAGE_ORIGIN_SUFFIX, IMAGE_ORIGIN_SUFFIX, &line, false, dm_uuid, dev, err);
}

/*
 * Syncs the file system on the volume (what is ORIGIN_SYNC), or freezes it and swaps the tables
 * (ORIGIN_SWAP_FROZEN), in another process, and waits at most ms milliseconds.
 */
static int ask(struct origin_asked *asked, enum origin_read what, const struct volume *v, dev_t dev, unsigned int ms, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = what;
	q.dev = dev;
	strcpy(q.path, v->name);
	r = origin_ask(asked, &q, ms, NULL, NULL, &a, err);
	if (r || !a.code)
		return r;
	*err = a.err;
	return a.code;
}

/*
 * Puts the loaded table into use, while the file system is frozen.  Freezing writes to the volume, and
 * these writes wait for this erad, or for the next one if this erad is killed.
 *
 * ETIMEDOUT: the freeze goes on in the kernel, and the new table comes into use if the freeze
 * succeeds later.  Until the freeze has ended, the kernel keeps the new table, which uses a device
 * of the image, so the devices of the image cannot be removed completely.
 */
static int swap_in(const struct volume *v, dev_t dev, struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	const int r = ask(&asked, ORIGIN_SWAP_FROZEN, v, dev, FREEZE_MS, err);

	origin_drop(&asked);
	if (r == -EINVAL || r == -EBUSY)
		err_suffix(err, "the file system on the volume may be frozen already");
	return r;
}

/*
 * Drops the pages of the image from the page cache: a program may have read the device before the
 * moment of the image, when the device showed the changing origin.
 */
static int drop_cache(const char *path, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 || ioctl(fd, BLKFLSBUF))
		r = err_set(err, -errno, "%s: cannot drop cached pages, which may be older than the image: %m", path);
	if (fd >= 0)
		close(fd);
	return r;
}

/*
 * Held from the last check that nobody uses a store until a mapped device holds the store.  The
 * kernel would not refuse a second mapped device on the store, because all mapped devices are the
 * same exclusive user.  The content of the store is read without this lock, because the store may
 * hang.
 */
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;

static int make_stored(struct volume *v, const struct image_volume *l, const struct image_choice *choice, dev_t *dev,
		       uint64_t *bytes, struct err *err)
{
	struct image_store_look look;
	struct image_store store;
	struct timespec until;
	int r;

	r = image_store_examine(choice->store.path, &look, err);
	if (r)
		return r;
	until = thread_deadline(STORES_MS);
	if (pthread_mutex_clocklock(&stores_lock, CLOCK_MONOTONIC, &until))
		return err_set(err, -EBUSY, "another image is being made, and its copy-on-write store is not in use after %u seconds; check whether the device of that store hangs, or try again",
			       STORES_MS / 1000);
	r = image_store_open(&choice->store, &look, v->name, v->origin, l->origin, l->nr_sectors * 512, &store, err);
	if (!r) {
		*bytes = store.nr_sectors * 512;
		r = make_store(v, &store, dev, err);
		image_store_close(&store);
	}
	pthread_mutex_unlock(&stores_lock);
	/*
	 * Another program may have written to the device after it was examined, for example made a
	 * file system.  From now on, no program can open the device exclusively, and nothing is
	 * written to it yet.  If the device has content, the caller removes NAME-image-store.
	 */
	if (!r && look.found.dev && store.dev == look.found.dev)
		r = image_store_examine_held(choice->store.path, store.dev, err);
	return r;
}

/*
 * Makes the devices.  The order matters: a snapshot-origin target splits writes at the boundaries of
 * chunks only if the snapshot exists when the snapshot-origin is resumed.
 */
static int make_devices(struct volume *v, const struct image_volume *l, const struct image_choice *choice, dev_t *origin,
			struct image_made *out, struct err *err)
{
	dev_t on_store;
	int r;

	r = make_stored(v, l, choice, &on_store, &out->store_size, err);
	if (r)
		return r;
	failpoint(FAILPOINT_IMAGE_STORED);
	r = make_snapshot(v, l, on_store, choice, out->dm_uuid, err);
	if (r)
		return r;
	failpoint(FAILPOINT_IMAGE_SNAPPED);
	r = make_origin(v, l, origin, err);
	if (!r)
		failpoint(FAILPOINT_IMAGE_MADE);
	return r;
}

static int check_volume(struct image_making *m, struct err *err)
{
	static const char *const suffixes[] = { IMAGE_SUFFIX, IMAGE_ORIGIN_SUFFIX, IMAGE_STORE_SUFFIX };
	const char *name = m->v->name;
	struct dm_device d;
	int r = 0;

	image_volume_look(m->v, &m->before);
	if (!m->before.served)
		return err_set(err, -EAGAIN, "erad does not record the writes of the volume now; run 'eractl status %s' to see why", name);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes) && !r; i++)
		r = check_name(name, suffixes[i], err);
	if (!r)
		r = check_not_pv(m->before.origin, err);
	if (!r)
		r = read_table(&m->before, &d, err);
	if (!r)
		dm_tables_free(&d);
	return r;
}

int image_prepare(struct image_making *m, const struct image_choice *choice, struct err *err)
{
	struct volume *v = m->v;
	struct image image;
	uint64_t us;
	int r;

	image_look(v->name, image_volume_device(v->name, v), &image);
	if (image.state == IMAGE_INTERRUPTED || (image.image && choice->number && *image.number && !image.in_use)) {
		r = image_drop_claimed(v->name, v, &us, err);
		if (r)
			return r;
		log_notice("volume %s: the image that an interrupted create, drop or backup had left is dropped", v->name);
	} else if (image.state != IMAGE_NONE) {
		return err_set(err, -EEXIST, "the volume has an image already, which is %s; run 'eractl image drop %s' to drop it",
			       image_state_name(image.state), v->name);
	}
	r = check_volume(m, err);
	/*
	 * erad writes to the metadata when it attaches to the new target, and until then I/O waits.
	 */
	if (!r)
		r = peek_ask(v->metadata, PEEK_WRITE, PEEK_OPEN_MS, NULL, err);
	if (r)
		return r;
	m->begun = true;
	return make_devices(v, &m->before, choice, &m->origin, &m->made, err);
}

int image_sync(const struct image_making *m, struct origin_asked *asked, unsigned int ms, struct err *err)
{
	const int r = ask(asked, ORIGIN_SYNC, m->v, m->before.dev, ms, err);

	if (ms)
		origin_drop(asked);
	return ms ? r : 0;
}

int image_load(struct image_making *m, struct err *err)
{
	struct dm_device d;
	int r;

	/*
	 * Read the table only now: the examination of the store and the sync may take minutes, and
	 * somebody may have replaced the table meanwhile.
	 */
	r = read_table(&m->before, &d, err);
	if (r)
		return r;
	r = dm_tables_load(&d, m->before.origin, m->origin, err);
	dm_tables_free(&d);
	if (r)
		return r;
	failpoint(FAILPOINT_IMAGE_LOADED);
	/*
	 * Read the era and the instance again, because a checkpoint may have begun another era
	 * meanwhile, and an equal table may have replaced the table.
	 */
	image_volume_look(m->v, &m->loaded);
	m->began_us = thread_now_us();
	return 0;
}

int image_settle(struct image_making *m, struct err *err)
{
	const int r = volume_wait_other(m->v, m->loaded.instance_id, m->loaded.trouble_ms, IMAGE_SETTLE_MS, err);

	m->made.us = thread_now_us() - m->began_us;
	m->made.era = m->loaded.era + 1;
	return r;
}

int image_check_valid(const struct image_making *m, struct err *err)
{
	struct image image;

	/* Somebody may have replaced the table that image_load() has loaded. */
	image_look(m->v->name, m->before.dev, &image);
	if (!image.image || !image.below)
		return err_set(err, -EBUSY, "the table of /dev/mapper/%s was replaced meanwhile, so the image is of no single moment; try again", m->v->name);
	if (image.state != IMAGE_VALID)
		return err_set(err, -ENOSPC, "its image is not valid, because the copy-on-write store of %.1f MiB is full already, or a write to the store has failed; give a larger size with --cow",
			       (double)m->made.store_size / (1 << 20));
	return 0;
}

int image_finish(struct image_making *m, struct err *err)
{
	char name[DM_NAME_LEN];
	const int r = image_check_valid(m, err);

	if (r)
		return r;
	image_name(m->v->name, IMAGE_SUFFIX, name);
	snprintf(m->made.device, sizeof(m->made.device), "/dev/mapper/%s", name);
	return drop_cache(m->made.device, err);
}

int image_undo(const struct image_making *m, struct err *err)
{
	struct err why;
	uint64_t us;
	const int r = m->begun ? image_drop_claimed(m->v->name, m->v, &us, &why) : 0;

	if (!r || r == -ENOENT)
		return 0;
	err_suffix(err, "the image is not removed completely (%s); run 'eractl image drop %s' to try again", why.msg, m->v->name);
	return r;
}

static int create_claimed(struct volume *v, const struct image_choice *choice, struct image_made *made, struct err *err)
{
	struct image_making m = { .v = v };
	struct origin_asked asked = { .fd = -1 };
	struct err late;
	int r = image_note_refuse(v->name, false, err);

	if (!r)
		r = image_prepare(&m, choice, err);
	if (!r && image_sync(&m, &asked, IMAGE_SYNC_MS, &late))
		log_notice("volume %s: the freeze for the image may take long: %s", v->name, late.msg);
	if (!r)
		r = image_load(&m, err);
	if (!r)
		r = swap_in(v, m.before.dev, err);
	if (!r) {
		failpoint(FAILPOINT_IMAGE_SWAPPED);
		r = image_settle(&m, err);
	}
	if (!r)
		r = image_finish(&m, err);
	if (r)
		image_undo(&m, err);
	*made = m.made;
	return r;
}

int op_image_create(const struct image_choice *choice, struct volume **out, struct image_made *made, struct err *err)
{
	struct claim claim;
	struct volume *v;
	int r;

	*made = (struct image_made){ 0 };
	r = op_claim(&claim, choice->name, &v, err);
	if (r)
		return r;
	r = v ? create_claimed(v, choice, made, err) : err_set(err, -ENOTCONN, "it is closed; open it first");
	if (r)
		volume_unref(v);
	else
		*out = v;
	volumes_release(&claim);
	return r;
}
