// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes the state of a copy: see standing.h. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/files.h"
#include "eractl/standing.h"

/*
 * The text consists of the line "erad copy 1", a line for each member, a line for each place of the
 * seal and of the unfinished seal, and a last line, which shows that the text is complete.
 */
#define FIRST_LINE	"erad copy 1\n"
#define PLACE_MAX	80u	/* limit for the line of a place, in bytes */
#define PLACE		"place"
#define UNFINISHED_PLACE	"unfinished_place"
#define DIRECT_UNIT	4096u	/* a multiple of the sector size of every disk, in bytes */
#define TEXT_MAX	(3 * STREAM_NAME_MAX + sizeof(struct identity) + 2 * SEAL_ENTRIES * PLACE_MAX + 256)

/*
 * Copies VALUE of the line "KEY VALUE\n" at *text, and moves *text behind this line.  Returns false
 * if *text does not begin with this line, or VALUE is too long.
 */
static bool take_line(const char **text, const char *key, char value[STREAM_NAME_MAX + 1])
{
	const size_t klen = strlen(key), vlen = strcspn(*text, "\n");

	if (strncmp(*text, key, klen) || (*text)[klen] != ' ' || (*text)[vlen] != '\n' || vlen - klen - 1 > STREAM_NAME_MAX)
		return false;
	memcpy(value, *text + klen + 1, vlen - klen - 1);
	value[vlen - klen - 1] = 0;
	*text += vlen + 1;
	return true;
}

/* Does as take_line(), with a string of `size` bytes for VALUE. */
static bool take_string(const char **text, const char *key, char *to, size_t size)
{
	char value[STREAM_NAME_MAX + 1];

	if (!take_line(text, key, value) || strlen(value) >= size)
		return false;
	strcpy(to, value);
	return true;
}

static bool parse_device(const char **text, struct identity *i)
{
	char sectors[STREAM_NAME_MAX + 1];
	uint64_t n;

	if (!take_line(text, "device", sectors))
		return true;
	if (sscanf(sectors, "%" SCNu64, &n) != 1)
		return false;
	i->version = htole32(IDENTITY_VERSION);
	i->nr_sectors = htole64(n);
	return take_string(text, "dm_uuid", i->dm_uuid, sizeof(i->dm_uuid)) &&
		take_string(text, "serial", i->serial, sizeof(i->serial)) &&
		take_string(text, "part_uuid", i->part_uuid, sizeof(i->part_uuid));
}

/* Parses the lines "KEY PLACE" of a seal. */
static bool parse_seal(const char **text, const char *key, struct seal *seal)
{
	char place[STREAM_NAME_MAX + 1];
	uint64_t offset, hash;
	uint32_t length, what, nr = 0;

	while (take_line(text, key, place)) {
		if (nr == SEAL_ENTRIES || sscanf(place, "%" SCNu64 " %" SCNu32 " %" SCNu32 " %" SCNx64, &offset, &length, &what, &hash) != 4)
			return false;
		seal->entry[nr++] = (struct seal_entry){
			.offset = htole64(offset), .length = htole32(length), .what = htole32(what), .hash = htole64(hash),
		};
	}
	seal->version = htole32(SEAL_VERSION);
	seal->nr = htole32(nr);
	return true;
}

static bool parse_standing(const char *text, struct standing *s)
{
	char mtime[STREAM_NAME_MAX + 1], state[STREAM_NAME_MAX + 1], size[STREAM_NAME_MAX + 1];

	*s = (struct standing){ };
	if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)))
		return false;
	text += strlen(FIRST_LINE);
	if (!take_line(&text, "at", s->at))
		return false;
	s->partial = take_line(&text, "unfinished", s->unfinished);
	if (!s->partial && !take_line(&text, "complete", state))
		return false;
	s->settled = take_line(&text, "mtime", mtime);
	if (s->settled && sscanf(mtime, "%" SCNd64 ".%" SCNd64, &s->mtime_s, &s->mtime_ns) != 2)
		return false;
	if (take_line(&text, "size", size) && sscanf(size, "%" SCNu64, &s->size) != 1)
		return false;
	if (take_line(&text, "target", s->target))
		s->closed = take_line(&text, "closed", state);
	return parse_device(&text, &s->device) && parse_seal(&text, PLACE, &s->seal) &&
		parse_seal(&text, UNFINISHED_PLACE, &s->unfinished_seal) && !strcmp(text, "end\n");
}

static void print_seal(FILE *f, const char *key, const struct seal *seal)
{
	for (uint32_t i = 0; i < le32toh(seal->nr); i++) {
		const struct seal_entry *e = &seal->entry[i];

		fprintf(f, "%s %" PRIu64 " %" PRIu32 " %" PRIu32 " %016" PRIx64 "\n", key, le64toh(e->offset), le32toh(e->length),
			le32toh(e->what), le64toh(e->hash));
	}
}

static void print_standing(FILE *f, const struct standing *s)
{
	fprintf(f, FIRST_LINE "at %s\n%s %s\n", s->at, s->partial ? "unfinished" : "complete", s->unfinished);
	if (s->settled)
		fprintf(f, "mtime %" PRId64 ".%09" PRId64 "\n", s->mtime_s, s->mtime_ns);
	if (s->size)
		fprintf(f, "size %" PRIu64 "\n", s->size);
	if (*s->target)
		fprintf(f, "target %s\n%s", s->target, s->closed ? "closed \n" : "");
	if (s->device.version)
		fprintf(f, "device %" PRIu64 "\ndm_uuid %s\nserial %s\npart_uuid %s\n", le64toh(s->device.nr_sectors),
			s->device.dm_uuid, s->device.serial, s->device.part_uuid);
	print_seal(f, PLACE, &s->seal);
	print_seal(f, UNFINISHED_PLACE, &s->unfinished_seal);
	fputs("end\n", f);
}

static ssize_t read_file(const char *file, char *text, size_t size)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t n;
	int r;

	if (fd < 0) {
		errno = errno == ENOENT ? ENODATA : errno;
		return -1;
	}
	r = file_read_at(fd, text, size, 0, &n);
	close(fd);
	errno = -r;
	return r ? -1 : (ssize_t)n;
}

int standing_read(const struct standing_place *p, struct standing *s, struct err *err)
{
	const char *where = p->file ? p->file : p->path;
	char text[TEXT_MAX + 1];
	char real[PATH_MAX];
	ssize_t n;
	int r;

	r = p->file ? file_find_replaceable(p->file, real, err) : 0;
	if (r)
		return r;
	n = p->file ? read_file(p->file, text, TEXT_MAX) : fgetxattr(p->fd, STANDING_XATTR, text, TEXT_MAX);
	if (n < 0 && errno != ERANGE)
		return err_set(err, -errno, "%s: cannot read the state of the copy: %s", where, strerror(errno));
	text[n < 0 ? 0 : n] = 0;
	if (!parse_standing(text, s))
		return err_set(err, -EBADMSG, "%s: this is not the state of a copy that eractl writes",
			       where);
	return 0;
}

/* Closes and removes a new file after the error r.  Returns r. */
static int remove_new(int fd, const char *path, int r)
{
	close(fd);
	unlink(path);
	return r;
}

/*
 * Makes a new file beside the state, with a name that no other file has, and with the permissions
 * of a file that open() creates.  template: ends in XXXXXX.
 */
static int make_new(char *template)
{
	const mode_t mask = umask(0);
	const int fd = mkostemp(template, O_CLOEXEC);

	umask(mask);
	if (fd < 0)
		return -errno;
	return fchmod(fd, 0666 & ~mask) ? remove_new(fd, template, -errno) : fd;
}

static int write_standing(const char *file, const char *text, struct err *err)
{
	char real[PATH_MAX];
	char *new;
	int fd, r;

	r = file_find_replaceable(file, real, err);
	if (r)
		return r;
	if (asprintf(&new, "%s.XXXXXX", real) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fd = make_new(new);
	r = fd < 0 ? fd : file_write_at(fd, text, strlen(text), 0);
	if (!r)
		r = file_replace(fd, new, real, err);
	else
		err_set(err, fd < 0 ? r : remove_new(fd, new, r), "%s: %s", new, strerror(-r));
	free(new);
	return r;
}

int standing_write(const struct standing_place *p, const struct standing *s, struct err *err)
{
	char text[TEXT_MAX + 1] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct err why;
	int r = 0;

	if (!f)
		return err_set(err, -ENOMEM, "out of memory");
	print_standing(f, s);
	if (fclose(f))
		r = err_set(&why, -EOVERFLOW, "the state is too long");
	else if (p->file)
		r = write_standing(p->file, text, &why);
	else if (fsetxattr(p->fd, STANDING_XATTR, text, strlen(text), 0) || fsync(p->fd))
		r = err_set(&why, -errno, "%s", strerror(errno));
	return r ? err_set(err, r, "%.200s: cannot write the state of the copy: %s", p->path, why.msg) : 0;
}

static int copy_failed(struct err *err)
{
	return err_set(err, -errno, "cannot examine the copy: %s", strerror(errno));
}

/*
 * Opens the copy for a seal.  Opens a block device with O_DIRECT, because the page cache of the
 * device may contain old content.
 */
static int open_for_seal(const struct standing_place *p, bool block_device, struct err *err)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	if (block_device)
		return seal_open(path, false, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? copy_failed(err) : fd;
}

void standing_identify(const struct standing_place *p, struct standing *s)
{
	uint64_t size = 0;
	struct stat st;

	if (fstat(p->fd, &st) || !S_ISBLK(st.st_mode))
		return;
	ioctl(p->fd, BLKGETSIZE64, &size);
	identity_of(st.st_rdev, size / 512, &s->device);
}

/*
 * Rounds the size of the volume up to a multiple of DIRECT_UNIT, but not beyond the end of the
 * device.
 */
static int size_of_seal(const struct standing_place *p, uint64_t *size)
{
	uint64_t device;

	if (ioctl(p->fd, BLKGETSIZE64, &device))
		return -errno;
	*size = (*size + DIRECT_UNIT - 1) & ~(uint64_t)(DIRECT_UNIT - 1);
	if (*size > device)
		*size = device;
	return 0;
}

int standing_settle(const struct standing_place *p, struct standing *s, uint64_t size, struct err *err)
{
	uint64_t seed;
	struct stat st;
	int fd, r;

	if (fsync(p->fd))
		return err_set(err, -errno, "cannot make the copy durable: %s", strerror(errno));
	if (fstat(p->fd, &st) || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return copy_failed(err);
	if (S_ISBLK(st.st_mode) && size_of_seal(p, &size))
		return copy_failed(err);
	if (p->file) {
		fd = open_for_seal(p, S_ISBLK(st.st_mode), err);
		if (fd < 0)
			return fd;
		r = seal_take(fd, size, seed, &s->seal, err);
		close(fd);
		if (r)
			return r;
	}
	if (S_ISREG(st.st_mode)) {
		s->mtime_s = st.st_mtim.tv_sec;
		s->mtime_ns = st.st_mtim.tv_nsec;
	}
	standing_identify(p, s);
	s->settled = true;
	return 0;
}

int standing_compare_device(const struct standing_place *p, const struct standing *s, struct err *err)
{
	char was[IDENTITY_TEXT], now[IDENTITY_TEXT];
	struct standing device = { };

	if (*s->target)
		return err_set(err, -ESTALE, "%s contains the state of another copy: got the state of the copy at %s, expected the state of a copy on a device or in a file", p->file ? p->file : "its attribute", s->target);
	standing_identify(p, &device);
	if (!device.device.version == !s->device.version &&
	    identity_compare(&s->device, &device.device) != IDENTITY_OTHER)
		return 0;
	return err_set(err, -ESTALE, "%s contains the state of another copy: expected %s, got %s", p->file ? p->file : "its attribute",
		       s->device.version ? identity_text(&s->device, was) : "a file",
		       device.device.version ? identity_text(&device.device, now) : "a file");
}

static int compare_seal(const struct standing_place *p, const struct standing *s, bool block_device, struct err *err)
{
	struct err how;
	uint64_t size = UINT64_MAX;
	int fd, r;

	if (block_device && ioctl(p->fd, BLKGETSIZE64, &size))
		return copy_failed(err);
	fd = open_for_seal(p, block_device, err);
	if (fd < 0)
		return fd;
	r = seal_compare(fd, size, &s->seal, &how);
	close(fd);
	if (!r)
		return 0;
	return err_set(err, r < 0 ? r : -ESTALE, "it was written since the last 'eractl receive', or %s contains the state of another copy: %s",
		       p->file, how.msg);
}

int standing_compare(const struct standing_place *p, const struct standing *s, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(p->fd, &st))
		return copy_failed(err);
	r = standing_compare_device(p, s, err);
	if (r)
		return r;
	if (!s->settled)
		return err_set(err, -ENODATA, "the last 'eractl receive' was killed, or the power failed");
	if (S_ISREG(st.st_mode) && (st.st_mtim.tv_sec != s->mtime_s || st.st_mtim.tv_nsec != s->mtime_ns))
		return err_set(err, -ESTALE, "it was written since the last 'eractl receive'");
	return p->file ? compare_seal(p, s, S_ISBLK(st.st_mode), err) : 0;
}
