// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a file or block device to compare it: see compared.h. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/origin_count.h"
#include "common/files.h"
#include "common/reader_lock.h"
#include "eractl/compared.h"

#define ALIGN	4096u
#define FLIGHT_MS	5000u	/* limit of the wait for writes in flight */
#define FLIGHT_PAUSE_MS	20
/* For messages: what the user can do about a device that is written. */
#define HOW_TO_STOP_WRITES	"unmount or freeze what is on it, or name a snapshot with --device"

/*
 * Reads values that change with each write.  For a device: the number of sectors written and
 * discarded, which a suspend or a new table does not reset.  For a file: its size, and the time of
 * its last modification.
 */
static int read_counters(const struct compared *c, char text[COMPARED_WRITTEN], struct err *err)
{
	unsigned long long n[15] = { 0 };
	char line[512];
	struct stat st;
	int r;

	if (!c->dev) {
		if (fstat(c->fd, &st))
			return err_set(err, -errno, "%s: %s", c->path, strerror(errno));
		snprintf(text, COMPARED_WRITTEN, "%lld %lld.%09ld", (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		return 0;
	}
	if (blockdev_counters_off(c->dev))
		return err_set(err, -ENODATA, "%s: its counters of writes are switched off, so a write during the command would not be noticed; write 1 to queue/iostats of the device in /sys/dev/block/%u:%u",
			       c->path, major(c->dev), minor(c->dev));
	r = blockdev_attribute(c->dev, "stat", line, sizeof(line));
	if (r)
		return err_set(err, r, "%s: cannot read how much was written to it: %s", c->path, strerror(-r));
	if (sscanf(line, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
		   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11],
		   &n[12], &n[13], &n[14]) < 11)
		return err_set(err, -EIO, "%s: got '%s' as the kernel's counters of the device, expected 11 numbers or more", c->path,
			       line);
	snprintf(text, COMPARED_WRITTEN, "%llu %llu", n[6], n[13]);
	return 0;
}

/* Sets *busy to whether a write to the device is in flight. */
static int look_at_flight(const struct compared *c, bool *busy, struct err *err)
{
	unsigned long long reads, writes;
	char line[128];
	int r;

	r = blockdev_attribute(c->dev, "inflight", line, sizeof(line));
	if (r)
		return err_set(err, r, "%s: cannot read whether writes to it are in flight: %s", c->path, strerror(-r));
	if (sscanf(line, "%llu %llu", &reads, &writes) != 2)
		return err_set(err, -EIO, "%s: got '%s' as the numbers of reads and writes in flight, expected two numbers", c->path, line);
	*busy = writes;
	return 0;
}

/*
 * Reads the counters into c->written at a moment at which no write to the device is in flight.
 * Depending on its version, the kernel counts the sectors of a write at the beginning or at the end of
 * the write.  So otherwise the counters might have a write whose data the device gets later.
 */
static int begin_counting(struct compared *c, struct err *err)
{
	bool busy;
	int r;

	for (unsigned int ms = 0; ms < FLIGHT_MS; ms += FLIGHT_PAUSE_MS) {
		r = read_counters(c, c->written, err);
		if (!r)
			r = look_at_flight(c, &busy, err);
		if (r || !busy)
			return r;
		usleep(FLIGHT_PAUSE_MS * 1000);
	}
	return err_set(err, -EBUSY, "%s is being written to: a write was in flight at each look for %u seconds; %s", c->path,
		       FLIGHT_MS / 1000, HOW_TO_STOP_WRITES);
}

/*
 * Waits until no write to the device is in flight.  Then the counters have every write of which
 * compared_read() may have read a part.  Sets *busy if writes have been in flight for FLIGHT_MS.
 */
static int await_writes(const struct compared *c, bool *busy, struct err *err)
{
	int r;

	for (unsigned int ms = 0; ; ms += FLIGHT_PAUSE_MS) {
		r = look_at_flight(c, busy, err);
		if (r || !*busy || ms >= FLIGHT_MS)
			return r;
		usleep(FLIGHT_PAUSE_MS * 1000);
	}
}

int compared_open(struct compared *c, const char *path, struct err *err)
{
	struct stat st;
	uint64_t size;

	c->path = path;
	/* With O_NONBLOCK, opening a FIFO does not wait for a writer.  A FIFO is refused later. */
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	c->size = st.st_size;
	if (S_ISREG(st.st_mode))
		return read_counters(c, c->written, err);
	if (!S_ISBLK(st.st_mode))
		return err_set(err, -ENOTBLK, "%s: expected a regular file or a block device", path);
	close(c->fd);
	c->dev = st.st_rdev;
	/*
	 * Use O_DIRECT, because the page cache of a device may be older than the writes of its file
	 * system.
	 */
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT | O_EXCL);
	c->exclusive = c->fd >= 0;
	if (c->exclusive)
		c->lock_fd = reader_lock_take(c->dev);
	/*
	 * EBUSY: another program uses the device.  compared_check_still() notices whether the
	 * device is written.
	 */
	if (c->fd < 0 && errno == EBUSY)
		c->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (c->fd < 0 || ioctl(c->fd, BLKGETSIZE64, &size))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	c->size = size;
	/*
	 * Write the dirty pages of the device's cache now.  Otherwise the kernel would write them
	 * during the reads, and compared_check_still() would report these writes.
	 */
	if (fsync(c->fd))
		return err_set(err, -errno, "%s: cannot write the dirty pages of its cache: %s", path, strerror(errno));
	return begin_counting(c, err);
}

void compared_close(struct compared *c)
{
	/* Release the lock before the device: see reader_lock.h. */
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	c->lock_fd = -1;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buf);
	c->buf = NULL;
}

void compared_count(const struct compared *c, struct origin_count *out)
{
	uint64_t written, discarded;

	memset(out, 0, sizeof(*out));
	if (!c->dev || sscanf(c->written, "%" SCNu64 " %" SCNu64, &written, &discarded) != 2)
		return;
	origin_count_read(c->dev, out);
	if (out->known)
		out->sectors = htole64(written + discarded);
}

int compared_buffer(struct compared *c, uint64_t len, struct err *err)
{
	c->buf = aligned_alloc(ALIGN, (len + ALIGN - 1) / ALIGN * ALIGN);
	return c->buf ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int compared_read(struct compared *c, uint64_t offset, uint64_t len, struct err *err)
{
	size_t done;
	const int r = file_read_at(c->fd, c->buf, len, offset, &done);

	if (r)
		return err_set(err, r, "%s: cannot read at byte %" PRIu64 ": %s", c->path, offset + done, strerror(-r));
	if (done < len)
		return err_set(err, -EIO, "%s ends at byte %" PRIu64 ", expected %" PRIu64 " bytes", c->path,
			       offset + done, c->size);
	return 0;
}

int compared_check_still(const struct compared *c, const char *consequence, struct err *err)
{
	char now[sizeof(c->written)];
	bool busy = false;
	int r;

	r = c->dev ? await_writes(c, &busy, err) : 0;
	if (!r)
		r = read_counters(c, now, err);
	if (r || (!busy && !strcmp(now, c->written)))
		return r;
	return err_set(err, -EBUSY, "%s was written to while it was %s; %s", c->path, consequence,
		       c->dev ? HOW_TO_STOP_WRITES :
		       "name a copy that is complete");
}
