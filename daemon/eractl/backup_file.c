// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the file of a copy: see backup_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "eractl/backup_file.h"

#define FILE_BUFFER	(1u << 20)	/* bytes are written in units of this size */

/* The file of a copy, with the hash of its bytes: the cookie for fopencookie(). */
struct copy_file {
	int fd;
	struct sha256 hash;
	uint64_t bytes;
	int error;		/* errno of the first write that failed, or 0 */
};

static ssize_t write_copy_file(void *cookie, const char *data, size_t size)
{
	struct copy_file *f = cookie;
	size_t done = 0;

	while (done < size && !f->error) {
		const ssize_t n = write(f->fd, data + done, size - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			f->error = errno;
	}
	sha256_add(&f->hash, data, done);
	f->bytes += done;
	return f->error ? 0 : (ssize_t)done;
}

static int fill_and_flush(const struct manifest *m, struct copy_file *f,
			  int (*fill)(void *ctx, FILE *file, struct err *err), void *ctx, struct err *err)
{
	FILE *file = fopencookie(f, "w", (cookie_io_functions_t){ .write = write_copy_file });
	int r;

	if (!file || setvbuf(file, NULL, _IOFBF, FILE_BUFFER)) {
		if (file)
			fclose(file);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = fill(ctx, file, err);
	fclose(file);
	if (!r && !f->error && fsync(f->fd))
		f->error = errno;
	if (f->error)
		r = err_set(err, -f->error, "%s/" MANIFEST_UNFINISHED ": cannot write the copy: %s", m->directory, strerror(f->error));
	return r;
}

int backup_file_write(const struct manifest *m, int (*fill)(void *ctx, FILE *file, struct err *err), void *ctx,
		      struct backup_copy *copy, struct err *err)
{
	struct copy_file f = { };
	int r;

	r = sha256_begin(&f.hash);
	if (r)
		return err_set(err, r, "SHA-256: %s", strerror(-r));
	f.fd = openat(m->fd, MANIFEST_UNFINISHED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f.fd < 0)
		r = err_set(err, -errno, "%s/" MANIFEST_UNFINISHED ": cannot make the file: %s", m->directory, strerror(errno));
	else
		r = fill_and_flush(m, &f, fill, ctx, err);
	if (f.fd >= 0 && close(f.fd) && !r)
		r = err_set(err, -errno, "%s/" MANIFEST_UNFINISHED ": cannot close the file: %s", m->directory, strerror(errno));
	copy->bytes = f.bytes;
	sha256_end(&f.hash, copy->sha256);
	return r;
}

int backup_file_publish(struct manifest *m, struct backup_copy *copy, struct err *err)
{
	int r;

	snprintf(copy->file, sizeof(copy->file), "%s-%06lu.erad", copy->base < 0 ? "full" : "incr", manifest_next_number(m));
	if (renameat(m->fd, MANIFEST_UNFINISHED, m->fd, copy->file))
		return err_set(err, -errno, "%s/%s: cannot rename the unfinished file to this name: %s", m->directory, copy->file, strerror(errno));
	if (fsync(m->fd))
		return err_set(err, -errno, "%s/%s: cannot make the name of the file durable: %s; so MANIFEST does not list this copy, and the next backup removes the file",
			       m->directory, copy->file, strerror(errno));
	r = manifest_add(m, copy, err);
	return r ? r : manifest_write(m, err);
}
