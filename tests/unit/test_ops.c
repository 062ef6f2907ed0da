// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Create, open, close, forget and resize: what each refuses, with which sentence, and that a refusal
 * changes nothing.  With stand-ins for the module, device-mapper and block devices; the metadata and
 * eratab are real files.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/eratab.h"
#include "erad/device/dm.h"
#include "erad/device/probe.h"
#include "erad/ops/close.h"
#include "erad/ops/create.h"
#include "erad/ops/forget.h"
#include "erad/ops/open.h"
#include "erad/ops/resize.h"
#include "erad/volume/registry.h"
#include "instance_sim.h"
#include "volume_fixture.h"

#define SECTORS		((uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS)
#define ORIGIN		"/dev/origin"

static char dir[] = "/tmp/test_ops.XXXXXX";
static char tab_path[64], metadata[64], other[64];
static bool formatted;		/* a create has written metadata */

/* ---- stand-ins ---- */

/* The next call of a stand-in fails with `code` and this sentence. */
struct refusal {
	int code;
	const char *sentence;
};

static struct {
	dev_t dev;
	uint64_t sectors;
	unsigned int sector_size;
	bool in_use;
	bool device_exists;		/* /dev/mapper/data */
	struct refusal device, lasting, apart, create, remove, load;
} sim;

static int refuse_once(struct refusal *r, struct err *err)
{
	const struct refusal now = *r;

	*r = (struct refusal){ 0 };
	return now.code ? err_set(err, now.code, "%s", now.sentence) : 0;
}

int __real_eratab_read(const char *path, struct eratab *tab, struct err *err);
int __wrap_eratab_read(const char *path, struct eratab *tab, struct err *err);
int __wrap_probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err);
int __wrap_probe_sector_size(const char *path, unsigned int *bytes, struct err *err);
bool __wrap_probe_in_use(dev_t dev, const char *path, struct err *who);
int __wrap_probe_lasting(const char *path, struct err *err);
int __wrap_probe_apart(const char *path, const char *origin_path, dev_t origin, struct err *err);
int __wrap_dm_exists(const char *name, struct err *err);
int __wrap_dm_create(const char *name, const struct dm_table *t, struct err *err);
int __wrap_dm_remove(const char *name, struct err *err);
int __wrap_dm_load_size(const char *name, uint64_t nr_sectors, struct err *err);
void __wrap_hidden_update(dev_t dev, bool origin);

int __wrap_eratab_read(const char *path, struct eratab *tab, struct err *err)
{
	assert_string_equal(path, ERAD_TAB);
	return __real_eratab_read(tab_path, tab, err);
}

int __wrap_probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err)
{
	(void)path;
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

bool __wrap_probe_in_use(dev_t dev, const char *path, struct err *who)
{
	(void)path;
	assert_int_equal(dev, sim.dev);
	err_set(who, -EBUSY, "it is mounted");
	return sim.in_use;
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

int __wrap_dm_create(const char *name, const struct dm_table *t, struct err *err)
{
	const int r = refuse_once(&sim.create, err);

	(void)name;
	if (r)
		return r;
	assert_int_equal(t->nr_sectors, SECTORS);
	assert_int_equal(t->block_sectors, SIM_BLOCK_SECTORS);
	sim_start(t->uuid);
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

void __wrap_hidden_update(dev_t dev, bool origin)
{
	(void)dev;
	(void)origin;
}

/* ---- each test has a directory, an origin and no volume ---- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_tab(const char *expected)
{
	char text[512] = "";
	FILE *f = fopen(tab_path, "r");

	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = 0;
		fclose(f);
	}
	assert_string_equal(text, expected);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(strrchr(dir, '.'), ".XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(tab_path, sizeof(tab_path), "%s/eratab", dir);
	snprintf(metadata, sizeof(metadata), "%s/data.erad", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	memset(&sim, 0, sizeof(sim));
	formatted = false;
	sim.sectors = SECTORS;
	sim.sector_size = 512;
	return 0;
}

static int tear_down(void **state)
{
	struct err err;

	(void)state;
	assert_false(volumes_have("data") && op_close("data", &err));
	unlink(tab_path);
	unlink(metadata);
	unlink(other);
	return rmdir(dir);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	formatted = true;
}

static const struct create_args *args(void)
{
	static struct create_args a;

	a = (struct create_args){
		.name = "data", .origin = ORIGIN, .metadata = metadata, .block_size = SIM_BLOCK_SECTORS * 512,
		.progress = progress,
	};
	return &a;
}

static void create_data(void)
{
	struct volume *v;
	struct err err;

	if (op_create(args(), &v, &err))
		fail_msg("%s", err.msg);
	volume_unref(v);
}

static void close_data(void)
{
	struct err err;

	if (op_close("data", &err))
		fail_msg("%s", err.msg);
	assert_false(volumes_have("data"));
}

static void assert_sentence(const struct err *err, const char *sentence)
{
	if (!strstr(err->msg, sentence))
		fail_msg("got \"%s\", expected \"%s\" in it", err->msg, sentence);
}

/* ---- create ---- */

/* The create is refused, and leaves neither a volume nor metadata nor another line. */
static void refuse_create(const struct create_args *a, int code, const char *sentence)
{
	struct volume *v;
	struct stat st;
	struct err err;

	assert_int_equal(op_create(a, &v, &err), code);
	assert_sentence(&err, sentence);
	assert_int_equal(stat(metadata, &st), -1);
	assert_false(volumes_have("data"));
}

/* As refuse_create(), and the create has never written metadata. */
static void refuse_at_once(const struct create_args *a, int code, const char *sentence)
{
	refuse_create(a, code, sentence);
	assert_false(formatted);
}

static void test_create_refuses_wrong_arguments(void **state)
{
	struct create_args a;

	(void)state;
	a = *args();
	a.name = "a/b";
	refuse_at_once(&a, -EINVAL, "a/b");
	a = *args();
	a.origin = "origin";
	refuse_at_once(&a, -EINVAL, "origin is not an absolute path");
	a = *args();
	a.metadata = "data.erad";
	refuse_at_once(&a, -EINVAL, "data.erad is not an absolute path");
	a = *args();
	for (a.block_size = 0; a.block_size < 3; a.block_size++)
		refuse_at_once(&a, -EINVAL, "expected a multiple of 4096 below 2 TiB");
	a.block_size = (uint64_t)UINT32_MAX * 512 + 512;
	refuse_at_once(&a, -EINVAL, "expected a multiple of 4096 below 2 TiB");
	assert_tab("");
}

static void test_create_refuses_what_eratab_has(void **state)
{
	char line[256];

	(void)state;
	write_file(tab_path, "data /dev/a /dev/b\n");
	refuse_at_once(args(), -EEXIST, "names it already");
	write_file(tab_path, "other " ORIGIN " /dev/b\n");
	refuse_at_once(args(), -EEXIST, "origin " ORIGIN " is the origin of volume other in line 1");
	write_file(tab_path, "other /dev/a " ORIGIN "\n");
	refuse_at_once(args(), -EEXIST, "origin " ORIGIN " is the metadata of volume other in line 1");
	snprintf(line, sizeof(line), "# a comment\nother /dev/a %s\n", metadata);
	write_file(tab_path, line);
	refuse_at_once(args(), -EEXIST, "is the metadata of volume other in line 2");
	assert_tab(line);
}

static void test_create_refuses_a_wrong_origin(void **state)
{
	(void)state;
	sim.device_exists = true;
	refuse_at_once(args(), -EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = false;
	sim.device = (struct refusal){ -ENOTBLK, "it is no block device" };
	refuse_at_once(args(), -ENOTBLK, "it is no block device");
	sim.sectors = 0;
	refuse_at_once(args(), -EINVAL, "origin " ORIGIN " has no sectors");
	sim.sectors = SECTORS;
	sim.in_use = true;
	refuse_at_once(args(), -EBUSY, "origin " ORIGIN " is in use: it is mounted");
	assert_tab("");
}

static void test_create_refuses_a_wrong_place_of_the_metadata(void **state)
{
	struct create_args a = *args();
	struct volume *v;
	struct stat st;
	struct err err;

	(void)state;
	sim.lasting = (struct refusal){ -EINVAL, "it is in memory" };
	refuse_at_once(&a, -EINVAL, "it is in memory");
	sim.apart = (struct refusal){ -EDEADLK, "it is on the origin" };
	refuse_at_once(&a, -EDEADLK, "it is on the origin");
	write_file(other, "precious\n");
	a.metadata = other;
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	a.overwrite = true;
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, strlen("precious\n"));
	assert_tab("");
}

static void test_create_whose_device_cannot_be_made_leaves_nothing(void **state)
{
	(void)state;
	write_file(tab_path, "# kept\n");
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_create(args(), -EIO, "the table is refused");
	assert_true(formatted);
	assert_tab("# kept\n");
	create_data();
}

static void test_create_refuses_the_name_and_the_metadata_of_an_open_volume(void **state)
{
	struct create_args a = *args();
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	assert_sentence(&err, "there is an open volume of that name");
	write_file(tab_path, "");
	sim.device_exists = false;
	a.name = "more";
	assert_int_equal(op_create(&a, &v, &err), -EBUSY);
	assert_sentence(&err, "is the metadata of volume data, which is open");
	sim.device_exists = true;
	assert_true(volumes_have("data"));
	assert_false(volumes_have("more"));
}

/* ---- open ---- */

static void refuse_open(int code, const char *sentence)
{
	struct volume *v;
	struct err err;

	assert_int_equal(op_open("data", false, &v, &err), code);
	assert_sentence(&err, sentence);
	assert_false(volumes_have("data"));
}

static void write_line(const char *options)
{
	char line[256];

	snprintf(line, sizeof(line), "data " ORIGIN " %s %s\n", metadata, options);
	write_file(tab_path, line);
}

static void test_open_refuses_a_line_that_is_missing_or_wrong(void **state)
{
	(void)state;
	refuse_open(-ENOENT, "data");
	write_file(tab_path, "data " ORIGIN "\n");
	refuse_open(-EINVAL, "eratab:1: no metadata");
	write_file(tab_path, "data " ORIGIN " /dev/b\ndata " ORIGIN " /dev/b\n");
	refuse_open(-EEXIST, "data");
	write_line("");
	refuse_open(-ENOENT, metadata);
}

static void test_open_that_is_refused_can_be_repeated(void **state)
{
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	close_data();
	sim.device_exists = true;
	refuse_open(-EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = false;
	sim.device = (struct refusal){ -EROFS, "it is read-only" };
	refuse_open(-EROFS, "it is read-only");
	sim.in_use = true;
	refuse_open(-EBUSY, "origin " ORIGIN " is in use: it is mounted");
	sim.in_use = false;
	sim.apart = (struct refusal){ -EDEADLK, "it is on the origin" };
	refuse_open(-EDEADLK, "it is on the origin");
	sim.sectors = SECTORS - 8;
	refuse_open(-EINVAL, "take its size over with 'eractl resize data'");
	sim.sectors = SECTORS;
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_open(-EIO, "the table is refused");
	write_line("detach_policy=degrade");
	refuse_open(-ENOTBLK, "needs the metadata on a block device");
	write_line("");

	assert_int_equal(op_open("data", false, &v, &err), 0);
	volume_unref(v);
	assert_int_equal(op_open("data", false, &v, &err), 0);
	volume_unref(v);
}

/* ---- close and forget ---- */

static void test_close_refuses_an_unknown_volume_and_a_device_in_use(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(op_close("data", &err), -ENOENT);
	create_data();
	sim.remove = (struct refusal){ -EBUSY, "it is open" };
	assert_int_equal(op_close("data", &err), -EBUSY);
	assert_sentence(&err, "it is open");
	assert_true(volumes_have("data"));
	close_data();
	assert_int_equal(op_close("data", &err), 0);
}

static void test_forget_refuses_an_open_volume_and_keeps_a_file_that_create_did_not_choose(void **state)
{
	char *path = NULL;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(op_forget("data", &path, &err), -ENOENT);
	create_data();
	assert_int_equal(op_forget("data", &path, &err), -EBUSY);
	assert_sentence(&err, "it is open; close it first");
	assert_null(path);
	close_data();
	assert_int_equal(op_forget("data", &path, &err), 0);
	assert_string_equal(path, metadata);
	free(path);
	assert_tab("");
	assert_int_equal(stat(metadata, &st), 0);

	write_file(tab_path, "data /dev/a /dev/b\ndata /dev/c /dev/d\n");
	assert_int_equal(op_forget("data", &path, &err), -EEXIST);
	assert_null(path);
	assert_tab("data /dev/a /dev/b\ndata /dev/c /dev/d\n");
}

/* ---- resize ---- */

static void refuse_resize(uint64_t bytes, int code, const char *sentence)
{
	struct resized done;
	struct err err;

	assert_int_equal(op_resize("data", bytes, &done, &err), code);
	assert_sentence(&err, sentence);
}

/* Sizes that are refused in the same way for an open and for a closed volume. */
static void refuse_sizes(void)
{
	refuse_resize(4097, -EINVAL, "expected a multiple of the 512 bytes of a sector of origin " ORIGIN "; the nearest are 4096 and 4608 bytes");
	refuse_resize(100, -EINVAL, "the nearest is 512 bytes");
	refuse_resize((SECTORS + 1) * 512, -EINVAL, "expected 512 bytes to the 1 GiB of origin " ORIGIN);
	sim.sectors = 0;
	refuse_resize(0, -EINVAL, "got a size of 0 B");
	sim.sectors = SECTORS;
	sim.device = (struct refusal){ -ENOTBLK, "it is no block device" };
	refuse_resize(0, -ENOTBLK, "it is no block device");
}

static void test_resize_refuses_sizes_that_are_not_possible(void **state)
{
	struct resized done;
	struct err err;

	(void)state;
	refuse_resize(0, -ENOENT, "data");
	create_data();
	refuse_sizes();
	sim.dev = makedev(8, 16);
	refuse_resize(0, -EINVAL, ORIGIN " is 8:16 now, the target has 7:0 as its origin");
	sim.dev = makedev(7, 0);
	sim.load = (struct refusal){ -EBUSY, "it is suspended" };
	refuse_resize(4096, -EBUSY, "it is suspended");
	assert_int_equal(op_resize("data", 0, &done, &err), 0);
	assert_int_equal(done.had, SECTORS * 512);
	assert_int_equal(done.has, SECTORS * 512);

	close_data();
	refuse_sizes();
	assert_int_equal(op_resize("data", SECTORS * 512 - 512, &done, &err), 0);
	assert_int_equal(done.had, SECTORS * 512);
	assert_int_equal(done.has, SECTORS * 512 - 512);
}

#define with_files(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(test_create_refuses_wrong_arguments),
		with_files(test_create_refuses_what_eratab_has),
		with_files(test_create_refuses_a_wrong_origin),
		with_files(test_create_refuses_a_wrong_place_of_the_metadata),
		with_files(test_create_whose_device_cannot_be_made_leaves_nothing),
		with_files(test_create_refuses_the_name_and_the_metadata_of_an_open_volume),
		with_files(test_open_refuses_a_line_that_is_missing_or_wrong),
		with_files(test_open_that_is_refused_can_be_repeated),
		with_files(test_close_refuses_an_unknown_volume_and_a_device_in_use),
		with_files(test_forget_refuses_an_open_volume_and_keeps_a_file_that_create_did_not_choose),
		with_files(test_resize_refuses_sizes_that_are_not_possible),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
