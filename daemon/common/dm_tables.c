// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables of mapped devices, by device-mapper's ioctls: see dm_tables.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/dm_tables.h"
#include "common/text_stream.h"

#define CONTROL		"/dev/" DM_DIR "/" DM_CONTROL_NODE
#define BUFFER_FIRST	16384u		/* bytes */
#define BUFFER_MAX	(4u << 20)

/*
 * Converts a device number to the form that the ioctls use, which has 32 bits: see new_encode_dev()
 * in the kernel.
 */
static uint64_t kernel_dev(dev_t dev)
{
	const unsigned int mi = minor(dev);

	return (mi & 0xff) | ((uint64_t)major(dev) << 8) | ((uint64_t)(mi & ~0xffu) << 12);
}

static void init_request(struct dm_ioctl *io, size_t size, dev_t dev)
{
	memset(io, 0, size);
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = size;
	io->data_start = sizeof(*io);
	io->dev = kernel_dev(dev);
}

/* Calls one ioctl, which writes its answer to io.  Returns 0 or a negative errno. */
static int call(unsigned long request, struct dm_ioctl *io)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = ioctl(fd, request, io) < 0 ? -errno : 0;
	close(fd);
	return r;
}

dev_t dm_tables_find(const char *name)
{
	struct dm_ioctl io;
	uint64_t dev;

	init_request(&io, sizeof(io), 0);
	if (strlen(name) >= sizeof(io.name))
		return 0;
	strcpy(io.name, name);
	if (call(DM_DEV_STATUS, &io))
		return 0;
	dev = io.dev;
	return makedev((dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

/* Copies the lines of the table from the kernel's answer. */
static int take_lines(struct dm_device *d, const struct dm_ioctl *io)
{
	const char *data = (const char *)io + io->data_start;
	size_t at = 0;

	d->line = calloc(io->target_count, sizeof(*d->line));
	if (!d->line && io->target_count)
		return -ENOMEM;
	for (; d->nr < io->target_count; d->nr++) {
		const struct dm_target_spec *spec = (const struct dm_target_spec *)(data + at);
		struct dm_line *l = &d->line[d->nr];

		l->start = spec->sector_start;
		l->length = spec->length;
		memcpy(l->type, spec->target_type, sizeof(l->type));
		l->type[sizeof(l->type) - 1] = 0;
		l->params = strdup((const char *)(spec + 1));
		if (!l->params)
			return -ENOMEM;
		at = spec->next;
	}
	return 0;
}

/*
 * Reads a table.  which: DM_STATUS_TABLE_FLAG for the parameters of the targets, or 0 for their
 * status; and DM_QUERY_INACTIVE_TABLE_FLAG for the inactive table.
 */
static int read_table(dev_t dev, uint32_t which, struct dm_device *out, struct err *err)
{
	size_t size = BUFFER_FIRST;
	struct dm_ioctl *io = NULL, *more;
	int r;

	*out = (struct dm_device){ .dev = dev };
	for (;;) {
		more = realloc(io, size);
		if (!more) {
			r = -ENOMEM;
			break;
		}
		io = more;
		init_request(io, size, dev);
		io->flags = DM_NOFLUSH_FLAG | which;
		r = call(DM_TABLE_STATUS, io);
		if (r || !(io->flags & DM_BUFFER_FULL_FLAG))
			break;
		size *= 2;
		if (size > BUFFER_MAX) {
			r = -E2BIG;
			break;
		}
	}
	if (!r) {
		memcpy(out->name, io->name, sizeof(out->name));
		memcpy(out->uuid, io->uuid, sizeof(out->uuid));
		out->suspended = io->flags & DM_SUSPEND_FLAG;
		out->read_only = io->flags & DM_READONLY_FLAG;
		out->loaded = io->flags & DM_INACTIVE_PRESENT_FLAG;
		out->open_count = io->open_count;
		r = take_lines(out, io);
	}
	free(io);
	if (!r)
		return 0;
	dm_tables_free(out);
	return err_set(err, r, "cannot read the table of mapped device %u:%u: %s", major(dev), minor(dev), strerror(-r));
}

int dm_tables_read(dev_t dev, struct dm_device *out, struct err *err)
{
	return read_table(dev, DM_STATUS_TABLE_FLAG, out, err);
}

int dm_tables_status(dev_t dev, struct dm_device *out, struct err *err)
{
	return read_table(dev, 0, out, err);
}

void dm_tables_free(struct dm_device *d)
{
	for (unsigned int i = 0; i < d->nr; i++)
		free(d->line[i].params);
	free(d->line);
	d->line = NULL;
	d->nr = 0;
}

/*
 * Writes params to f, with `to` in place of each word that names `from`.  f NULL: writes nothing.
 * Returns the number of these words.
 */
static unsigned int translate(const char *params, dev_t from, dev_t to, FILE *f)
{
	char word[32], other[32];
	unsigned int found = 0;
	size_t n;

	snprintf(word, sizeof(word), "%u:%u", major(from), minor(from));
	snprintf(other, sizeof(other), "%u:%u", major(to), minor(to));
	while (*params) {
		n = strcspn(params, " ");
		if (n == strlen(word) && !strncmp(params, word, n)) {
			found++;
			if (f)
				fputs(other, f);
		} else if (f) {
			fwrite(params, 1, n, f);
		}
		params += n;
		n = strspn(params, " ");
		if (f)
			fwrite(params, 1, n, f);
		params += n;
	}
	return found;
}

bool dm_line_names(const struct dm_line *l, dev_t dev)
{
	return translate(l->params, dev, 0, NULL);
}

/* Returns whether line b is the same as line a with `to` in place of `from`. */
static bool same_line(const struct dm_line *a, dev_t from, dev_t to, const struct dm_line *b)
{
	struct text_stream t;
	bool same;
	FILE *f;

	if (a->start != b->start || a->length != b->length || strcmp(a->type, b->type))
		return false;
	f = text_stream_open(&t);
	if (!f)
		return false;
	translate(a->params, from, to, f);
	same = !text_stream_close(f, &t) && !strcmp(t.text, b->params);
	free(t.text);
	return same;
}

bool dm_tables_loaded_is(const struct dm_device *d, dev_t from, dev_t to)
{
	struct dm_device loaded;
	bool names = false, same;

	if (!d->loaded || read_table(d->dev, DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG, &loaded, NULL))
		return false;
	same = loaded.nr == d->nr;
	for (unsigned int i = 0; i < d->nr && same; i++) {
		names |= dm_line_names(&d->line[i], from);
		same = same_line(&d->line[i], from, to, &loaded.line[i]);
	}
	dm_tables_free(&loaded);
	return same && names;
}

/*
 * Writes the lines in the form that the kernel expects: each line begins at a multiple of 8 bytes.
 * Returns 0 or ENOMEM.
 */
static int write_lines(FILE *f, const struct dm_device *d, dev_t from, dev_t to)
{
	for (unsigned int i = 0; i < d->nr; i++) {
		const struct dm_line *l = &d->line[i];
		struct dm_target_spec spec = { .sector_start = l->start, .length = l->length };
		struct text_stream t;
		FILE *p = text_stream_open(&t);

		if (!p)
			return -ENOMEM;
		if (from)
			translate(l->params, from, to, p);
		else
			fputs(l->params, p);
		if (text_stream_close(p, &t))
			return -ENOMEM;
		memcpy(spec.target_type, l->type, sizeof(spec.target_type));
		spec.next = (sizeof(spec) + t.len + 1 + 7) / 8 * 8;
		fwrite(&spec, 1, sizeof(spec), f);
		fwrite(t.text, 1, t.len, f);
		for (size_t n = sizeof(spec) + t.len; n < spec.next; n++)
			fputc(0, f);
		free(t.text);
	}
	return 0;
}

int dm_tables_load(const struct dm_device *d, dev_t from, dev_t to, struct err *err)
{
	const struct dm_ioctl empty = { 0 };
	struct text_stream t;
	struct dm_ioctl *io;
	FILE *f;
	int r, closed;

	f = text_stream_open(&t);
	if (!f)
		return err_set(err, -ENOMEM, "out of memory");
	fwrite(&empty, 1, sizeof(empty), f);
	r = write_lines(f, d, from, to);
	closed = text_stream_close(f, &t);
	if (r || closed) {
		free(t.text);
		return err_set(err, -ENOMEM, "out of memory");
	}
	io = (struct dm_ioctl *)t.text;
	init_request(io, sizeof(*io), d->dev);
	io->data_size = t.len;
	io->target_count = d->nr;
	io->flags = d->read_only ? DM_READONLY_FLAG : 0;
	r = call(DM_TABLE_LOAD, io);
	free(t.text);
	return r ? err_set(err, r, "cannot load a table for /dev/mapper/%s: %s", d->name, strerror(-r)) : 0;
}

int dm_tables_load_linear(const struct dm_device *d, uint64_t nr_sectors, dev_t to, struct err *err)
{
	char params[48];
	struct dm_line line = { .length = nr_sectors, .type = "linear", .params = params };
	struct dm_device linear = *d;

	snprintf(params, sizeof(params), "%u:%u 0", major(to), minor(to));
	linear.line = &line;
	linear.nr = 1;
	return dm_tables_load(&linear, 0, 0, err);
}

int dm_tables_state(dev_t dev, bool *suspended, bool *loaded, struct err *err)
{
	struct dm_ioctl io;
	int r;

	init_request(&io, sizeof(io), dev);
	r = call(DM_DEV_STATUS, &io);
	*suspended = io.flags & DM_SUSPEND_FLAG;
	*loaded = io.flags & DM_INACTIVE_PRESENT_FLAG;
	return r ? err_set(err, r, "cannot read the state of mapped device %u:%u: %s", major(dev), minor(dev), strerror(-r)) : 0;
}

int dm_tables_suspend_frozen(dev_t dev, struct err *err)
{
	struct dm_ioctl io;
	int r;

	init_request(&io, sizeof(io), dev);
	io.flags = DM_SUSPEND_FLAG;
	r = call(DM_DEV_SUSPEND, &io);
	return r ? err_set(err, r, "cannot suspend mapped device %u:%u: %s", major(dev), minor(dev), strerror(-r)) : 0;
}

int dm_tables_resume(dev_t dev, struct err *err)
{
	struct dm_ioctl io;
	int r;

	init_request(&io, sizeof(io), dev);
	r = call(DM_DEV_SUSPEND, &io);
	return r ? err_set(err, r, "cannot resume mapped device %u:%u: %s", major(dev), minor(dev), strerror(-r)) : 0;
}

int dm_tables_resume_old(dev_t dev, struct err *err)
{
	const int r = dm_tables_clear(&(const struct dm_device){ .dev = dev });

	/* A resume would put the inactive table into use. */
	if (r)
		return err_set(err, r, "cannot drop the new table of mapped device %u:%u: %s", major(dev), minor(dev), strerror(-r));
	return dm_tables_resume(dev, err);
}

static int resume(const struct dm_device *d, uint32_t flags)
{
	struct dm_ioctl io;

	/*
	 * Without DM_SUSPEND_FLAG, DM_DEV_SUSPEND resumes the device.  If there is an inactive
	 * table, it suspends the device, swaps the tables, and resumes the device.
	 */
	init_request(&io, sizeof(io), d->dev);
	io.flags = flags;
	return call(DM_DEV_SUSPEND, &io);
}

int dm_tables_check_settled(const struct dm_device *d, struct err *err)
{
	if (d->suspended)
		return err_set(err, -EBUSY, "/dev/mapper/%s is suspended; resume it first", d->name);
	if (d->loaded)
		return err_set(err, -EBUSY,
			       "/dev/mapper/%s has a table that is loaded and not in use; run 'dmsetup clear %s' to drop the table, or 'dmsetup resume %s' to use it",
			       d->name, d->name, d->name);
	return 0;
}

int dm_tables_clear(const struct dm_device *d)
{
	struct dm_ioctl io;

	init_request(&io, sizeof(io), d->dev);
	return call(DM_TABLE_CLEAR, &io);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int swap(const struct dm_device *d, uint32_t flags, uint64_t *us, struct err *err)
{
	const uint64_t began = now_us();
	struct dm_device now;
	int r = resume(d, flags);

	*us = now_us() - began;
	if (!r)
		return 0;
	dm_tables_clear(d);
	if (!dm_tables_read(d->dev, &now, NULL)) {
		if (now.suspended)
			resume(d, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG);
		dm_tables_free(&now);
	}
	return err_set(err, r, "cannot put the new table of /dev/mapper/%s into use: %s", d->name, strerror(-r));
}

int dm_tables_swap(const struct dm_device *d, uint64_t *us, struct err *err)
{
	return swap(d, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG, us, err);
}

int dm_tables_swap_frozen(const struct dm_device *d, uint64_t *us, struct err *err)
{
	return swap(d, 0, us, err);
}
