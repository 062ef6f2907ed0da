// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The degrade record and the floor: which blocks count as written after the target has let writes
 * pass.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/append.h"
#include "store/crc32c.h"
#include "store/degrade.h"
#include "store/history_copy.h"

#define PAGE_SECTORS	(ERAD_PAGE / ERAD_SECTOR)

static uint32_t record_csum(const struct erad_disk_degrade *r)
{
	return crc32c(0, (const char *)r + sizeof(r->csum), sizeof(*r) - sizeof(r->csum));
}

static void make_record(const struct erad_disk_super *sb, uint64_t serial, uint32_t era,
			struct erad_disk_degrade *r)
{
	memset(r, 0, sizeof(*r));
	r->version = htole32(ERAD_FORMAT_VERSION);
	memcpy(r->magic, ERAD_DEGRADE_MAGIC, sizeof(r->magic));
	memcpy(r->uuid, sb->uuid, sizeof(r->uuid));
	r->serial = htole64(serial);
	r->era = htole32(era);
	r->csum = htole32(record_csum(r));
}

/*
 * Returns whether the sector r is all zeros or a valid record.  A record is valid if its serial and
 * its era are in range, and if make_record() makes exactly this sector from them.
 */
static bool record_valid(const struct erad_disk_super *sb, const struct erad_disk_degrade *r)
{
	static const struct erad_disk_degrade none;
	struct erad_disk_degrade expected;

	if (!memcmp(r, &none, sizeof(none)))
		return true;
	make_record(sb, le64toh(r->serial), le32toh(r->era), &expected);
	return !memcmp(r, &expected, sizeof(*r)) && r->era && r->era != htole32(UINT32_MAX) &&
	       le64toh(r->serial) <= SUPER_LAST_SEQ;
}

int store_read_degrade(struct store *s, struct err *err)
{
	s->floor_era = le32toh(s->super.floor_era);
	s->degrade.serial = le64toh(s->super.degrade_serial);
	return store_find_degraded(s, err);
}

bool degrade_damaged(const struct erad_disk_super *sb, const void *page)
{
	return !record_valid(sb, page);
}

/*
 * Replaces a damaged record by a valid record.  This happens at open and before the floor is set,
 * and always before the target receives a record with a newer serial.  The target may write its own
 * record at the same moment.  If so, one of the two records is in force, and both say that every
 * block may have been written.
 */
int store_mend_degrade(struct store *s)
{
	if (!s->degrade.damaged)
		return 0;
	memset(s->fold_buf, 0, ERAD_PAGE);
	make_record(&s->super, le64toh(s->super.degrade_serial), s->era ? s->era : 1, s->fold_buf);
	return s->e->ops->write(s->e, s->fold_buf, ERAD_DEGRADE * ERAD_PAGE, ERAD_PAGE);
}

int store_degrade_record(struct store *s, uint64_t *sector, uint8_t content[ERAD_SECTOR])
{
	struct erad_disk_degrade r;
	uint64_t serial;
	uint32_t era;

	if (!s->e->block_device)
		return -ENOTSUP;
	pthread_mutex_lock(&s->lock);
	era = s->era;
	serial = s->degrade.serial;
	s->degrade.given = era;
	pthread_mutex_unlock(&s->lock);
	if (!era)
		return -EINVAL;
	make_record(&s->super, serial, era, &r);
	memcpy(content, &r, sizeof(r));
	*sector = ERAD_DEGRADE * PAGE_SECTORS;
	return 0;
}

int store_find_degraded(struct store *s, struct err *err)
{
	struct erad_disk_degrade *r = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	int ret;

	if (!r)
		return err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
	ret = s->e->ops->read(s->e, r, ERAD_DEGRADE * ERAD_PAGE, ERAD_PAGE);
	pthread_mutex_lock(&s->fold_lock);
	/*
	 * Read again under the lock, because store_set_floor() may have replaced the record since
	 * the first read.
	 */
	if (!ret && !record_valid(&s->super, r))
		ret = s->e->ops->read(s->e, r, ERAD_DEGRADE * ERAD_PAGE, ERAD_PAGE);
	pthread_mutex_lock(&s->lock);
	if (ret) {
		store_io_error(s, err, ret, "cannot read the degrade record");
	} else if (!record_valid(&s->super, r)) {
		/* A damaged record may be newer than the floor, so the floor does not count. */
		if (!s->degrade.damaged)
			s->degrade.floor = false;
		s->degrade.damaged = true;
		s->degrade.set = true;
	} else if (r->era && le64toh(r->serial) >= le64toh(s->super.degrade_serial)) {
		s->degrade.set = true;
		if (le32toh(r->era) > s->degrade.era)
			s->degrade.era = le32toh(r->era);
		/*
		 * The target received this record after all other records.  So the floor, if there
		 * is one, belongs to an earlier record, and does not count for this one.
		 */
		if (le64toh(r->serial) >= s->degrade.serial) {
			s->degrade.floor = false;
			s->degrade.serial = le64toh(r->serial);
		}
	}
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->fold_lock);
	free(r);
	return ret;
}

bool store_degraded(struct store *s)
{
	bool ret;

	pthread_mutex_lock(&s->lock);
	ret = s->degrade.set;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

bool store_wants_floor(struct store *s)
{
	bool ret;

	pthread_mutex_lock(&s->lock);
	ret = s->degrade.set && !s->degrade.floor;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

/*
 * Finds the era for the floor: the current era, or the record's era if the record's era is newer.
 * If this era has not begun, begins it.  The target may write its record at any time, so from here
 * until the floor is set, every block counts as written in the current era.
 */
static int reach_era(struct store *s, uint32_t *era, struct err *err)
{
	uint32_t least;

	pthread_mutex_lock(&s->lock);
	s->degrade.set = true;
	s->degrade.floor = false;
	s->degrade.given = false;
	s->degrade.serial++;
	least = s->degrade.era ? s->degrade.era : 1;
	*era = s->era;
	pthread_mutex_unlock(&s->lock);
	if (*era >= least)
		return 0;
	*era = least;
	return store_begin_era(s, least, err);
}

int store_set_floor(struct store *s, struct err *err)
{
	struct erad_disk_super sb;
	uint32_t era;
	int ret;

	ret = store_check_writable(s, err);
	if (!ret)
		ret = reach_era(s, &era, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->fold_lock);
	sb = s->super;
	sb.floor_era = htole32(era);
	history_add_gap(history_edit(s), ERAD_GAP_DEGRADED, era, time(NULL),
			s->degrade.damaged ? "the degrade record was damaged" :
			"writes passed while no erad recorded them");
	/*
	 * Replace a record that was damaged after the open.  Otherwise each open would find the
	 * damage, and would count it as a record in force.
	 */
	ret = store_mend_degrade(s);
	if (!ret)
		ret = history_commit(s, &sb);
	if (ret) {
		store_io_error(s, err, ret, "cannot write the floor");
	} else {
		pthread_mutex_lock(&s->lock);
		s->floor_era = era;
		s->degrade.floor = true;
		s->degrade.damaged = false;
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}

/*
 * Sets the least serial of a record in force to `to`.  This ends all earlier records.  Context:
 * fold_lock.
 */
static int raise_serial(struct store *s, uint64_t to, struct err *err)
{
	struct erad_disk_super sb = s->super;
	int ret;

	sb.degrade_serial = htole64(to);
	ret = store_next_super(s, &sb);
	if (ret)
		return store_io_error(s, err, ret, "cannot end the degrade record");
	pthread_mutex_lock(&s->lock);
	s->degrade.set = false;
	s->degrade.damaged = false;
	s->degrade.era = 0;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int end_degrade(struct store *s, bool target, struct err *err)
{
	bool set, floor, given;
	uint64_t serial;
	int ret;

	ret = store_check_writable(s, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->fold_lock);
	pthread_mutex_lock(&s->lock);
	set = s->degrade.set;
	floor = s->degrade.floor;
	given = s->degrade.given || !target || !s->e->block_device;
	serial = s->degrade.serial;
	pthread_mutex_unlock(&s->lock);
	if (set && !floor)
		ret = err_set(err, -EINVAL, "%s: a degrade record is in force and the floor is not set",
			      s->e->name);
	else if (set && !given)
		ret = err_set(err, -EINVAL, "%s: the target has not received the next degrade record",
			      s->e->name);
	else if (set)
		ret = raise_serial(s, serial, err);
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}

int store_end_degrade(struct store *s, struct err *err)
{
	return end_degrade(s, false, err);
}

int store_clear_degraded(struct store *s, struct err *err)
{
	return end_degrade(s, true, err);
}
