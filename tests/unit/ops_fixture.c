// SPDX-License-Identifier: GPL-2.0-or-later
/* The stand-ins and the files of the tests of erad/ops: see ops_fixture.h. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/eratab.h"
#include "common/origin_count.h"
#include "common/seen.h"
#include "erad/device/dm.h"
#include "erad/device/origin_reader.h"
#include "erad/device/probe.h"
#include "erad/ops/close.h"
#include "erad/volume/registry.h"
#include "instance_sim.h"
#include "ops_fixture.h"
#include "temp_dir.h"
#include "volume_fixture.h"

static char dir[] = "/tmp/test_ops.XXXXXX";
char tab_path[64], metadata[64], other[64];
bool formatted;
struct ops_sim sim;

static int refuse_once(struct refusal *r, struct err *err)
{
	const struct refusal now = *r;

	*r = (struct refusal){ 0 };
	return now.code ? err_set(err, now.code, "%s", now.sentence) : 0;
}

int __real_eratab_read(const char *path, struct eratab *tab, struct err *err);
int __wrap_eratab_read(const char *path, struct eratab *tab, struct err *err);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
		      bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *err);
int __wrap_origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
		      bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *err);
int __wrap_probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err);
void __wrap_origin_count_read(dev_t dev, struct origin_count *out);
int __real_blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size);
int __wrap_blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size);
int __wrap_probe_sector_size(const char *path, unsigned int *bytes, struct err *err);
bool __wrap_probe_in_use(dev_t dev, const char *path, struct err *who);
enum probe_user __wrap_probe_user(dev_t dev, const char *path, struct err *who);
int __wrap_probe_lasting(const char *path, struct err *err);
int __wrap_probe_apart(const char *path, const char *origin_path, dev_t origin, struct err *err);
int __wrap_dm_exists(const char *name, struct err *err);
int __wrap_dm_is_volume(const char *name, const uint8_t uuid[16], struct err *err);
int __wrap_dm_create(const char *name, const struct dm_table *t, struct err *err);
int __wrap_dm_remove(const char *name, struct err *err);
int __wrap_dm_load_size(const char *name, uint64_t nr_sectors, struct err *err);
void __wrap_hidden_update(dev_t dev, bool origin, unsigned int busy_ms);
int __wrap_seen_read(const char *path, const uint8_t uuid[16], struct token *t);

int __wrap_eratab_read(const char *path, struct eratab *tab, struct err *err)
{
	assert_string_equal(path, ERAD_TAB);
	return __real_eratab_read(tab_path, tab, err);
}

int __wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (S_ISDIR(st.st_mode) && sim.fsync_fails && !--sim.fsync_fails) {
		errno = EIO;
		return -1;
	}
	return __real_fsync(fd);
}

int __wrap_lstat(const char *path, struct stat *st)
{
	if (strncmp(path, "/dev/mapper/", strlen("/dev/mapper/")))
		return __real_lstat(path, st);
	if (!sim.file_size || strcmp(path, "/dev/mapper/data")) {
		errno = ENOENT;
		return -1;
	}
	*st = (struct stat){ .st_mode = S_IFREG | 0644, .st_size = sim.file_size };
	return 0;
}

static bool hangs(const char *path)
{
	return sim.hung && !strncmp(path, sim.hung, strlen(sim.hung));
}

static void check_answers(const char *path)
{
	if (hangs(path))
		fail_msg("erad would wait for %s without end", path);
}

int __wrap_stat(const char *path, struct stat *st)
{
	check_answers(path);
	return __real_stat(path, st);
}

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	check_answers(path);
	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return __real_open(path, flags, mode);
}

/* The process that examines a path that hangs, or reads a note that hangs, does not answer. */
int __wrap_origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
		      bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *err)
{
	const bool no_child = q->what == ORIGIN_PEEK && sim.no_child && !strncmp(q->path, sim.no_child, strlen(sim.no_child));

	a->code = no_child ? -EUSERS : 0;
	if (no_child)
		return err_set(err, -ETIMEDOUT, "no process can be started for %s", q->path);
	if (q->what == ORIGIN_PEEK && hangs(q->path))
		return err_set(err, -ETIMEDOUT, "%s hangs for %u seconds", q->path, ms / 1000);
	if (q->what == ORIGIN_READ_NOTE && sim.seen_hangs)
		return err_set(err, -ETIMEDOUT, "the note hangs for %u seconds", ms / 1000);
	if (q->what == ORIGIN_REMOVE_DEVICE && sim.remove_hangs)
		return err_set(err, -ETIMEDOUT, "the removal hangs for %u seconds", ms / 1000);
	return __real_origin_ask(asked, q, ms, ends, ctx, a, err);
}

int __wrap_probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err)
{
	check_answers(path);
	*dev = sim.dev;
	*nr_sectors = sim.sectors;
	return refuse_once(&sim.device, err);
}

int __wrap_probe_sector_size(const char *path, unsigned int *bytes, struct err *err)
{
	(void)path;
	(void)err;
	*bytes = sim.sector_size;
	return 0;
}

enum probe_user __wrap_probe_user(dev_t dev, const char *path, struct err *who)
{
	(void)path;
	assert_int_equal(dev, sim.dev);
	err_set(who, -EBUSY, "%s", sim.user ? sim.user : "it is mounted");
	return !sim.in_use ? PROBE_UNUSED : sim.only_read ? PROBE_READER : PROBE_USED;
}

bool __wrap_probe_in_use(dev_t dev, const char *path, struct err *who)
{
	return __wrap_probe_user(dev, path, who) != PROBE_UNUSED;
}

int __wrap_probe_lasting(const char *path, struct err *err)
{
	(void)path;
	return refuse_once(&sim.lasting, err);
}

int __wrap_probe_apart(const char *path, const char *origin_path, dev_t origin, struct err *err)
{
	(void)path;
	(void)origin_path;
	(void)origin;
	return refuse_once(&sim.apart, err);
}

int __wrap_dm_exists(const char *name, struct err *err)
{
	(void)name;
	(void)err;
	return sim.device_exists;
}

void __wrap_origin_count_read(dev_t dev, struct origin_count *out)
{
	(void)dev;
	memset(out, 0, sizeof(*out));
	out->known = htole32(sim.counted);
	out->sectors = htole64(sim.written);
}

int __wrap_blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size)
{
	if (!sim.partition || strcmp(attribute, "partition"))
		return __real_blockdev_attribute(dev, attribute, line, size);
	snprintf(line, size, "1");
	return 0;
}

int __wrap_dm_is_volume(const char *name, const uint8_t uuid[16], struct err *err)
{
	(void)name;
	(void)uuid;
	(void)err;
	return sim.device_exists && !sim.other_program;
}

int __wrap_dm_create(const char *name, const struct dm_table *t, struct err *err)
{
	const int r = refuse_once(&sim.create, err);

	(void)name;
	sim.device_exists |= sim.other_program;
	sim.in_use |= sim.taken;
	if (r)
		return r;
	assert_int_equal(t->nr_sectors, SECTORS);
	assert_int_equal(t->block_sectors, SIM_BLOCK_SECTORS);
	sim_start(t->uuid);
	sim.creates++;
	sim.device_exists = true;
	return 0;
}

int __wrap_dm_remove(const char *name, struct err *err)
{
	const int r = refuse_once(&sim.remove, err);
	struct volume *v = volumes_get(name);

	if (!r) {
		sim_remove();
		sim.device_exists = false;
		if (v)
			volume_kick(v);
	}
	volume_unref(v);
	return r;
}

int __wrap_dm_load_size(const char *name, uint64_t nr_sectors, struct err *err)
{
	(void)name;
	(void)nr_sectors;
	return refuse_once(&sim.load, err);
}

void __wrap_hidden_update(dev_t dev, bool origin, unsigned int busy_ms)
{
	(void)dev;
	(void)origin;
	(void)busy_ms;
	sim.hidden_updates++;
}

int __wrap_seen_read(const char *path, const uint8_t uuid[16], struct token *t)
{
	assert_string_equal(path, ERAD_SEEN_DIR);
	if (sim.seen_hangs)
		fail_msg("erad would wait for the note without end");
	if (!sim.seen.timeline)
		return -ENOENT;
	*t = sim.seen;
	memcpy(t->uuid, uuid, sizeof(t->uuid));
	return 0;
}

void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void assert_tab(const char *expected)
{
	char text[512] = "";
	FILE *f = fopen(tab_path, "r");

	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = 0;
		fclose(f);
	}
	assert_string_equal(text, expected);
}

int ops_set_up(void **state)
{
	(void)state;
	temp_dir_make(dir);
	snprintf(tab_path, sizeof(tab_path), "%s/eratab", dir);
	snprintf(metadata, sizeof(metadata), "%s/data.erad", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	memset(&sim, 0, sizeof(sim));
	formatted = false;
	sim.sectors = SECTORS;
	sim.sector_size = 512;
	return 0;
}

int ops_tear_down(void **state)
{
	struct err err;

	(void)state;
	assert_false(volumes_have("data") && op_close("data", &err));
	unlink(tab_path);
	unlink(metadata);
	unlink(other);
	return rmdir(dir);
}

static void note_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	formatted = true;
}

const struct create_args *create_args_of_data(void)
{
	static struct create_args a;

	a = (struct create_args){
		.name = "data", .origin = ORIGIN, .metadata = metadata, .block_size = SIM_BLOCK_SECTORS * 512,
		.progress = note_progress,
	};
	return &a;
}

void create_data(void)
{
	struct volume *v;
	struct err err;

	if (op_create(create_args_of_data(), &v, &err))
		fail_msg("%s", err.msg);
	volume_unref(v);
}

void close_data(void)
{
	struct err err;

	if (op_close("data", &err))
		fail_msg("%s", err.msg);
	assert_false(volumes_have("data"));
}

void assert_sentence(const struct err *err, const char *sentence)
{
	if (!strstr(err->msg, sentence))
		fail_msg("got \"%s\", expected \"%s\" in it", err->msg, sentence);
}
