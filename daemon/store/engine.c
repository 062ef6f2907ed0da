// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes metadata in regular files and on block devices: see engine.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/files.h"
#include "common/size.h"
#include "store/aside.h"
#include "store/copies.h"
#include "store/device_lock.h"
#include "store/engine.h"
#include "store/fua.h"

#define ALIGN		4096u
#define ZEROS		(1u << 20)	/* zeros are written in units of this many bytes */

/* OpenZFS may report data that was just written as a hole (issues 11900 and 15526 of OpenZFS). */
#define ZFS_MAGIC	0x2fc12fc1

struct file_engine {
	struct engine engine;
	int fd;
	struct fua fua;
	int lock_fd, disk_fd;	/* locks of device_lock.h; -1: none */
	char *path;
	bool temporary;		/* path is a temporary file, which engine_destroy() removes */
	bool tells_holes;	/* the file system reports holes reliably */
};

static struct file_engine *to_file(struct engine *e)
{
	return (struct file_engine *)e;
}

/*
 * Returns EIO for each of the kernel's errors for an unreadable medium, because one of these errors
 * is ENODATA, which has another meaning for the callers.
 */
static int read_error(int code)
{
	return code == ENODATA || code == EILSEQ ? -EIO : -code;
}

static int file_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	size_t done;
	const int ret = file_read_at(to_file(e)->fd, buf, len, off, &done);

	if (ret)
		return read_error(-ret);
	return done == len ? 0 : -EIO;	/* a range beyond the end of the file returns EIO */
}

static int file_write(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	return file_write_at(to_file(e)->fd, buf, len, off);
}

static int file_write_durable(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	return fua_write(&to_file(e)->fua, to_file(e)->fd, buf, len, off);
}

static int file_flush(struct engine *e)
{
	return fdatasync(to_file(e)->fd) ? -errno : 0;
}

static int write_zeros(struct engine *e, uint64_t off, uint64_t len)
{
	const uint64_t step = len < ZEROS ? len : ZEROS;
	char *zeros;
	int ret = 0;

	zeros = aligned_alloc(ALIGN, ZEROS);
	if (!zeros)
		return -ENOMEM;
	memset(zeros, 0, ZEROS);
	while (len && !ret) {
		const uint64_t n = len < step ? len : step;

		ret = file_write(e, zeros, off, n);
		off += n;
		len -= n;
	}
	free(zeros);
	return ret;
}

static bool file_hole(struct engine *e, uint64_t off, uint64_t len)
{
	const struct file_engine *f = to_file(e);
	struct stat st;
	off_t data;

	if (!f->tells_holes)
		return false;
	data = lseek(f->fd, off, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		return false;
	if (data >= 0 && (uint64_t)data < off + len)
		return false;
	/*
	 * There is no data up to the end of the file.  But a range beyond the end is missing, and
	 * not a hole.
	 */
	return !fstat(f->fd, &st) && (uint64_t)st.st_size >= off + len;
}

static int zero_range(struct engine *e, uint64_t off, uint64_t len)
{
	struct file_engine *f = to_file(e);
	uint64_t range[2] = { off, len };

	if (f->engine.block_device) {
		if (!ioctl(f->fd, BLKZEROOUT, range))
			return 0;
	} else {
		/* A hole reads as zeros already, so leave it out. */
		if (file_hole(e, off, len))
			return 0;
		if (!fallocate(f->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, off, len))
			return 0;
	}
	return write_zeros(e, off, len);
}

/*
 * Zero the part up to the next multiple of 64 KiB, the largest block of a file system, in a call of
 * its own.  The first block may contain data in front of off, and is then not a hole, although the
 * rest may be a hole.
 */
static int file_zero(struct engine *e, uint64_t off, uint64_t len)
{
	const uint64_t block = 64 << 10, head = (block - off % block) % block;
	int ret;

	if (!head || head >= len)
		return zero_range(e, off, len);
	ret = zero_range(e, off, head);
	return ret ? ret : zero_range(e, off + head, len - head);
}

static void close_fds(struct file_engine *f)
{
	const int fds[] = { f->fd, f->disk_fd, f->lock_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void file_destroy(struct engine *e)
{
	fua_destroy(&to_file(e)->fua);
	close_fds(to_file(e));
	if (to_file(e)->temporary)
		unlink(to_file(e)->path);
	free(to_file(e)->path);
	free(to_file(e));
}

static int find_file_size(struct file_engine *f, struct err *err)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(f->fd, &st))
		return err_set(err, -errno, "%s: %s", f->engine.name, strerror(errno));
	if (S_ISREG(st.st_mode)) {
		bytes = st.st_size;
	} else if (S_ISBLK(st.st_mode)) {
		f->engine.block_device = true;
		if (ioctl(f->fd, BLKGETSIZE64, &bytes))
			return err_set(err, -errno, "%s: cannot get its size: %s", f->engine.name,
				       strerror(errno));
	} else {
		return err_set(err, -ENOTBLK,
			       "%s: expected a regular file or a block device",
			       f->engine.name);
	}
	f->engine.size = bytes - bytes % ALIGN;
	return 0;
}

static int file_grow(struct engine *e, uint64_t size)
{
	struct file_engine *f = to_file(e);
	struct stat st;
	int ret;

	/*
	 * Refuse a truncated file.  If it were extended, the new zeros would mean that no block was
	 * ever written.
	 */
	if (!e->block_device && (fstat(f->fd, &st) || (uint64_t)st.st_size < e->size))
		return -EUCLEAN;
	/* Read the size again, because the file may have grown since it was opened. */
	ret = find_file_size(f, NULL);
	if (ret || e->size >= size)
		return ret;
	if (f->engine.block_device)
		return -ENOSPC;
	if (ftruncate(f->fd, size))
		return -errno;
	return find_file_size(f, NULL);
}

static const struct engine_ops file_ops;

/* Limit for a copy: new writes wait during the copy, so the copy must take only seconds. */
#define COPY_MAX	(64u << 20)

/* Returns whether the directory of the path is in the mount in which the file was opened. */
static bool same_mount(const struct file_engine *f)
{
	struct statx file, dir;
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", f->path);
	return !statx(f->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &file) &&
	       !statx(AT_FDCWD, dirname(copy), 0, STATX_MNT_ID, &dir) &&
	       (file.stx_mask & dir.stx_mask & STATX_MNT_ID) && file.stx_mnt_id == dir.stx_mnt_id;
}

/* Makes the error for a path that does not lead to the file. */
static int find_lost(struct file_engine *f, const struct stat *has, struct err *err)
{
	struct stat link;

	if (!lstat(f->path, &link))
		return err_set(err, -ESTALE,
			       "%s: the path is a symbolic link to a file that does not exist: what is recorded is lost when erad ends or the volume is closed; remove the link, and request a checkpoint",
			       f->engine.name);
	if (has->st_nlink)
		return err_set(err, -ESTALE,
			       "%s: no such file: it was moved, its file system was unmounted, or another file system is mounted over its directory; put the file back before the volume is closed, else the next open fails",
			       f->engine.name);
	if (!same_mount(f))
		return err_set(err, -ESTALE,
			       "%s: the file was deleted, and its directory is gone or on another file system: what is recorded is lost when erad ends or the volume is closed; restore the directory, and request a checkpoint",
			       f->engine.name);
	return err_set(err, -ENOENT, "%s: it was deleted", f->engine.name);
}

static int file_find(struct engine *e, bool by_path, struct err *err)
{
	char got[SIZE_EXACT], expected[SIZE_EXACT];
	struct file_engine *f = to_file(e);
	/* Read the size before fstat(), because another thread may be in file_grow(). */
	const uint64_t size = e->size;
	struct stat has, at;

	if (e->block_device)
		return 0;
	if (fstat(f->fd, &has))
		return err_set(err, -errno, "%s: %s", e->name, strerror(errno));
	if ((uint64_t)has.st_size < size)
		return err_set(err, -EUCLEAN,
			       "%s was truncated: the file has %s, expected %s; what was recorded is lost: close the volume, remove it with 'eractl forget', create it anew, and make a full copy",
			       e->name, size_exact(got, has.st_size), size_exact(expected, size));
	if (!by_path)
		return 0;
	if (stat(f->path, &at))
		return errno == ENOENT || errno == ENOTDIR ? find_lost(f, &has, err) :
			err_set(err, -ESTALE, "%s: cannot find out whether the file is still there: %s", e->name,
				strerror(errno));
	if (at.st_dev == has.st_dev && at.st_ino == has.st_ino)
		return 0;
	return err_set(err, -ESTALE, "%s was replaced by another file, which erad does not touch; %s",
		       e->name, has.st_nlink ?
		       "the metadata file still exists at another place: move it back before the volume is closed" :
		       "the metadata file is deleted, and is lost when erad ends or the volume is closed: move the other file away, and request a checkpoint, which writes the metadata file anew");
}

static int lock_copy(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

/*
 * Creates a new file in the directory of f's file.  The new file has a name, because some file
 * systems do not support unnamed temporary files.
 */
static int open_temporary(struct file_engine *to, const struct file_engine *f)
{
	if (asprintf(&to->path, "%s" COPY_SUFFIX, f->path) < 0) {
		to->path = NULL;
		return -ENOMEM;
	}
	to->fd = mkostemp(to->path, O_CLOEXEC | (fcntl(f->fd, F_GETFL) & O_DIRECT));
	to->temporary = to->fd >= 0;
	return to->fd < 0 ? -errno : 0;
}

static int file_begin_copy(struct engine *e, struct engine **copy, struct err *err)
{
	struct file_engine *f = to_file(e), *to;
	char has[SIZE_EXACT];
	struct stat st;
	int ret;

	*copy = NULL;
	if (fstat(f->fd, &st))
		return err_set(err, -errno, "%s: %s", e->name, strerror(errno));
	if (st.st_blocks > COPY_MAX / 512)
		return err_set(err, -EFBIG,
			       "%s: the file was deleted, and is too large to be copied while writes wait, because it has %s on the disk: what is recorded is lost when erad ends or the volume is closed; make a full copy then",
			       e->name, size_exact(has, (uint64_t)st.st_blocks * 512));
	to = calloc(1, sizeof(*to));
	if (!to)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	to->engine = *e;
	to->fd = to->lock_fd = to->disk_fd = -1;
	ret = open_temporary(to, f);
	if (!ret && (fchmod(to->fd, st.st_mode & 07777) ||
		     fchown(to->fd, st.st_uid, st.st_gid) || ftruncate(to->fd, st.st_size)))
		ret = -errno;
	if (!ret)
		ret = lock_copy(to->fd);
	if (ret) {
		file_destroy(&to->engine);
		return err_set(err, ret, "%s: it was deleted, and a new file cannot be made: %s", e->name,
			       strerror(-ret));
	}
	failpoint(FAILPOINT_HOME_MADE);
	*copy = &to->engine;
	return 0;
}

static int file_end_copy(struct engine *e, struct engine *copy, struct err *err)
{
	struct file_engine *f = to_file(e), *from = to_file(copy);
	struct stat st;
	int ret = 0;

	/*
	 * Set the size, because the file may have grown since begin_copy(), and a hole at its end
	 * is not copied.
	 */
	if (fstat(f->fd, &st) || ftruncate(from->fd, st.st_size) || fsync(from->fd))
		ret = -errno;
	/* aside_return() does not replace a file that somebody has created at the path. */
	if (!ret) {
		failpoint(FAILPOINT_HOME_FLUSHED);
		ret = aside_return(from->path, f->path);
	}
	if (!ret) {
		failpoint(FAILPOINT_HOME_RENAMED);
		from->temporary = false;
		/*
		 * dup3() replaces the file behind the descriptor in one step, so each concurrent
		 * read uses either the old or the new file.  From here on, writes go to the new
		 * file, even if its name is not durable yet.  If writes went to the old file, the
		 * file at the path would become out of date.
		 */
		if (dup3(from->fd, f->fd, O_CLOEXEC) < 0) {
			ret = -errno;
			unlink(f->path);
		} else {
			ret = file_sync_name(f->path);
		}
	}
	return ret ? err_set(err, ret, "%s: it was deleted, and a new file cannot be put in its place: %s",
			     e->name, strerror(-ret)) : 0;
}

static void file_remove_copies(struct engine *e, const uint8_t uuid[16])
{
	if (!e->block_device)
		copies_remove(to_file(e)->path, to_file(e)->fd, uuid);
}

static const struct engine_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.write_durable = file_write_durable,
	.flush = file_flush,
	.zero = file_zero,
	.hole = file_hole,
	.grow = file_grow,
	.find = file_find,
	.begin_copy = file_begin_copy,
	.end_copy = file_end_copy,
	.remove_copies = file_remove_copies,
	.destroy = file_destroy,
};

static int lock_file(struct file_engine *f, enum engine_mode mode, struct err *err)
{
	struct flock lock = {
		.l_type = mode == ENGINE_READ ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};
	struct stat st;
	int ret;

	if (fcntl(f->fd, F_OFD_SETLK, &lock)) {
		if (errno == EAGAIN || errno == EACCES)
			return err_set(err, -EBUSY, "%s: another process has it open%s",
				       f->engine.name, mode == ENGINE_READ ? " for writing" : "");
		return err_set(err, -errno, "cannot lock %s: %s", f->engine.name, strerror(errno));
	}
	if (!f->engine.block_device)
		return 0;
	if (fstat(f->fd, &st))
		return err_set(err, -errno, "%s: %s", f->engine.name, strerror(errno));
	ret = device_lock(st.st_rdev, mode != ENGINE_READ, f->engine.name, &f->lock_fd, err);
	if (!ret && mode == ENGINE_CLAIM)
		ret = device_lock_udev(f->fd, st.st_rdev, f->engine.name, &f->disk_fd, err);
	return ret;
}

/* Use O_EXCL only for devices, because it has no defined meaning for a file without O_CREAT. */
static int open_flags(const char *path, enum engine_mode mode)
{
	/* With O_NONBLOCK, opening a FIFO does not wait.  A FIFO is refused later. */
	const int flags = (mode == ENGINE_READ ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
	struct stat st;

	if (mode == ENGINE_CLAIM && !stat(path, &st) && S_ISBLK(st.st_mode))
		return flags | O_EXCL;
	return flags;
}

/* Try to read, because some file systems accept O_DIRECT at open, and refuse the I/O. */
static int drop_direct_if_refused(struct file_engine *f, struct err *err)
{
	char *page;
	int ret;

	if (f->engine.size == 0)
		return 0;
	page = aligned_alloc(ALIGN, ALIGN);
	if (!page)
		return err_set(err, -ENOMEM, "%s: out of memory", f->engine.name);
	ret = file_read(&f->engine, page, 0, ALIGN);
	free(page);
	if (ret != -EINVAL)
		return 0;	/* other errors are reported by later reads */
	ret = fcntl(f->fd, F_GETFL);
	if (ret < 0 || fcntl(f->fd, F_SETFL, ret & ~O_DIRECT) < 0)
		return err_set(err, -errno, "%s: cannot switch O_DIRECT off: %s", f->engine.name,
			       strerror(errno));
	return 0;
}

int engine_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err)
{
	const int flags = open_flags(path, mode);
	struct file_engine *f;
	struct statfs fs;
	int ret;

	*out = NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	f->engine.ops = &file_ops;
	f->lock_fd = -1;
	f->disk_fd = -1;
	snprintf(f->engine.name, sizeof(f->engine.name), "%s", path);
	f->path = strdup(path);
	if (!f->path) {
		ret = err_set(err, -ENOMEM, "%s: out of memory", path);
		goto out_free;
	}
	f->fd = open(path, flags | O_DIRECT);
	if (f->fd < 0 && errno == EINVAL)
		f->fd = open(path, flags);
	if (f->fd < 0) {
		ret = err_set(err, -errno, "%s: %s", path,
			      errno == EBUSY ? "it is in use" : strerror(errno));
		goto out_free;
	}
	ret = find_file_size(f, err);
	if (!ret)
		ret = lock_file(f, mode, err);
	f->tells_holes = !f->engine.block_device && !fstatfs(f->fd, &fs) && fs.f_type != ZFS_MAGIC;
	if (!ret)
		ret = drop_direct_if_refused(f, err);
	if (ret)
		goto out_close;
	if (mode == ENGINE_WRITE)
		fua_init(&f->fua, f->fd);
	*out = &f->engine;
	return 0;

out_close:
	close_fds(f);
out_free:
	free(f->path);
	free(f);
	return ret;
}

int engine_create_file(const char *path, uint64_t size, uint64_t written, struct stat *made,
		       struct err *err)
{
	struct file_engine f = { .engine.ops = &file_ops };
	struct stat st = { 0 };
	char text[SIZE_EXACT];
	int ret;

	f.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f.fd < 0)
		return err_set(err, -errno, "cannot create %s: %s", path, strerror(errno));
	ret = fstat(f.fd, &st) || ftruncate(f.fd, size) ? -errno : 0;
	if (!ret)
		ret = write_zeros(&f.engine, 0, written < size ? written : size);
	if (!ret)
		ret = fsync(f.fd) ? -errno : 0;
	if (!ret)
		ret = file_sync_name(path);
	if (ret)
		aside_remove(path, &st);
	close(f.fd);
	if (!ret && made)
		*made = st;
	if (!ret)
		return 0;
	return err_set(err, ret, "cannot create %s with %s: %s", path, size_exact(text, size),
		       strerror(-ret));
}

int engine_stat(struct engine *e, struct stat *st)
{
	return fstat(to_file(e)->fd, st) ? -errno : 0;
}

int engine_truncate(struct engine *e, uint64_t size)
{
	return ftruncate(to_file(e)->fd, size) ? -errno : 0;
}
