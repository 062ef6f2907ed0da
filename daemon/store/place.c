// SPDX-License-Identifier: GPL-2.0-or-later
/* Examines a file or device to which new metadata is to be written: see place.h. */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erad_format.h"
#include "store/place.h"

#define READ_BYTES	(1u << 20)	/* how many bytes are read at a time */

/* Looks for metadata of erad, because libblkid does not recognize it. */
bool place_is_erad(struct engine *e)
{
	const struct erad_disk_super *sb;
	bool found = false;
	uint8_t *page;

	page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	if (!page)
		return false;
	sb = (const struct erad_disk_super *)page;
	for (uint64_t n = ERAD_SUPER_A; n <= ERAD_SUPER_B && !found; n++)
		found = (n + 1) * ERAD_PAGE <= e->size &&
			!e->ops->read(e, page, n * ERAD_PAGE, ERAD_PAGE) &&
			!memcmp(sb->magic, ERAD_SUPER_MAGIC, sizeof(sb->magic));
	free(page);
	return found;
}

static int say_found(const char *path, blkid_probe pr, struct err *err)
{
	const char *type = NULL, *usage = NULL;

	if (!blkid_probe_lookup_value(pr, "TYPE", &type, NULL)) {
		blkid_probe_lookup_value(pr, "USAGE", &usage, NULL);
		if (usage && !strcmp(usage, "filesystem"))
			return err_set(err, -EEXIST, "%s carries an existing %s filesystem", path,
				       type);
		return err_set(err, -EEXIST, "%s carries %s", path, type);
	}
	if (!blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL))
		return err_set(err, -EEXIST, "%s carries a %s partition table", path, type);
	return err_set(err, -EEXIST, "%s is not empty", path);
}

static int find_signature(const char *path, int fd, struct err *err)
{
	blkid_probe pr;
	int r;

	pr = blkid_new_probe();
	if (!pr || blkid_probe_set_device(pr, fd, 0, 0)) {
		blkid_free_probe(pr);
		return err_set(err, -EIO, "cannot examine %s", path);
	}
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE);
	blkid_probe_enable_partitions(pr, 1);
	switch (blkid_do_safeprobe(pr)) {
	case 1:
		r = 0;
		break;
	case 0:
		r = say_found(path, pr, err);
		break;
	case -2:
		r = err_set(err, -EEXIST, "%s carries more than one signature", path);
		break;
	default:
		r = err_set(err, -EIO, "cannot examine %s", path);
	}
	blkid_free_probe(pr);
	return r;
}

/* Returns EEXIST if one of the first len bytes is not zero. */
static int find_data(const char *path, struct engine *e, uint64_t len, struct err *err)
{
	uint8_t *buf;
	int r = 0;

	buf = aligned_alloc(ERAD_PAGE, READ_BYTES);
	if (!buf)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	for (uint64_t off = 0; off < len && !r; off += READ_BYTES) {
		const uint64_t n = len - off < READ_BYTES ? len - off : READ_BYTES;
		uint64_t i = 0;

		if (engine_hole(e, off, n))
			continue;
		r = e->ops->read(e, buf, off, n);
		if (r) {
			err_set(err, r, "%s: cannot read at byte %" PRIu64 ": %s", path, off,
				strerror(-r));
			break;
		}
		if (!buf[0] && !memcmp(buf, buf + 1, n - 1))
			continue;
		while (!buf[i])
			i++;
		r = err_set(err, -EEXIST,
			    "%s is not empty: got data at byte %" PRIu64 ", expected zeros where the metadata is to be written",
			    path, off + i);
	}
	free(buf);
	return r;
}

/* Returns an upper limit of the number of bytes that a format, or a later place_clear(), writes. */
static uint64_t written_bytes(const struct engine *e, const struct store_geometry *g)
{
	const uint64_t size = store_size(g, NULL);

	return size < e->size ? size : e->size;
}

/*
 * Checks the bytes after the last whole page of a file, because the engine reads only whole pages.
 */
static int find_tail(const char *path, int fd, const struct engine *e,
		     const struct store_geometry *g, struct err *err)
{
	char tail[ERAD_PAGE];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size == e->size ||
	    e->size >= store_size(g, NULL))
		return 0;
	n = pread(fd, tail, sizeof(tail), e->size);
	if (n < 0)
		return err_set(err, -errno, "cannot read %s: %m", path);
	for (ssize_t i = 0; i < n; i++)
		if (tail[i])
			return err_set(err, -EEXIST, "%s is not empty: got data near its end, expected zeros where the metadata is to be written", path);
	return 0;
}

int place_blank(const char *path, struct engine *e, const struct store_geometry *g,
		struct err *err)
{
	int fd, r = 0;

	if (place_is_erad(e))
		return err_set(err, -EEXIST, "%s carries erad metadata", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	/* libblkid cannot examine an empty file, so skip it. */
	if (e->size)
		r = find_signature(path, fd, err);
	if (!r)
		r = find_tail(path, fd, e, g, err);
	close(fd);
	return r ? r : find_data(path, e, written_bytes(e, g), err);
}

int place_check(const char *path, struct engine *e, const struct store_geometry *g,
		bool overwrite, bool *blank, struct err *err)
{
	struct stat st;
	struct err what;
	bool file;
	int r;

	*blank = false;
	if (stat(path, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	file = S_ISREG(st.st_mode);
	r = place_blank(path, e, g, &what);
	*blank = !r;
	if (!r)
		return 0;
	/*
	 * With overwrite, accept any device, and a file that is metadata of erad, even if the place
	 * cannot be examined.
	 */
	if (overwrite && (!file || place_is_erad(e)))
		return 0;
	if (r != -EEXIST)
		return err_set(err, r, "%s", what.msg);
	if (file && !place_is_erad(e))
		return err_set(err, r,
			       "%s; a file that is not erad metadata is never overwritten: name another file",
			       what.msg);
	return err_set(err, r, "%s; --overwrite-metadata overwrites it", what.msg);
}

int place_clear(struct engine *e, const struct store_geometry *g)
{
	int r;

	r = e->ops->zero(e, 0, written_bytes(e, g));
	return r ? r : e->ops->flush(e);
}
