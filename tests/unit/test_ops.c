// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Create, open, close, forget and resize: what each of them refuses, with which message, and that a
 * refusal changes nothing.  The module, device-mapper and block devices are stand-ins; the metadata
 * and eratab are real files.
 */
#include <errno.h>
#include <pthread.h>
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
#include "common/seen.h"
#include "erad/device/dm.h"
#include "erad/device/probe.h"
#include "erad/ops/attach.h"
#include "erad/ops/close.h"
#include "erad/ops/create.h"
#include "erad/ops/forget.h"
#include "erad/ops/open.h"
#include "erad/ops/resize.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/registry.h"
#include "store/history.h"
#include "instance_sim.h"
#include "temp_dir.h"
#include "volume_fixture.h"

#define SECTORS		((uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS)
#define ORIGIN		"/dev/origin"

static char dir[] = "/tmp/test_ops.XXXXXX";
static char tab_path[64], metadata[64], other[64];
static bool formatted;		/* whether a create has written metadata */

/* ---- stand-ins ---- */

/* Makes the next call of a stand-in fail with `code` and this message. */
struct refusal {
	int code;
	const char *sentence;
};

static struct {
	dev_t dev;
	uint64_t sectors;
	unsigned int sector_size;
	bool in_use;
	bool device_exists;		/* state of /dev/mapper/data */
	/* the number of the fsync() of a directory that fails, counted from now on; 0: none */
	unsigned int fsync_fails;
	off_t file_size;		/* size of a regular file at /dev/mapper/data; 0: there is none */
	struct token seen;		/* the newest token that was noted; timeline 0: there is none */
	unsigned int creates;		/* how many devices were made */
	pthread_mutex_t *seen_hangs;	/* reading the note waits for this mutex, unless this is NULL */
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
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_lstat(const char *path, struct stat *st);
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
	assert_int_equal(strncmp(path, "/dev/mapper/", strlen("/dev/mapper/")), 0);
	if (!sim.file_size || strcmp(path, "/dev/mapper/data")) {
		errno = ENOENT;
		return -1;
	}
	*st = (struct stat){ .st_mode = S_IFREG | 0644, .st_size = sim.file_size };
	return 0;
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

void __wrap_hidden_update(dev_t dev, bool origin)
{
	(void)dev;
	(void)origin;
}

int __wrap_seen_read(const char *path, const uint8_t uuid[16], struct token *t)
{
	pthread_mutex_t *const hangs = sim.seen_hangs;

	assert_string_equal(path, ERAD_SEEN_DIR);
	if (hangs) {
		pthread_mutex_lock(hangs);
		pthread_mutex_unlock(hangs);
		return -EIO;
	}
	if (!sim.seen.timeline)
		return -ENOENT;
	*t = sim.seen;
	memcpy(t->uuid, uuid, sizeof(t->uuid));
	return 0;
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

static void note_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	formatted = true;
}

static const struct create_args *create_args_of_data(void)
{
	static struct create_args a;

	a = (struct create_args){
		.name = "data", .origin = ORIGIN, .metadata = metadata, .block_size = SIM_BLOCK_SECTORS * 512,
		.progress = note_progress,
	};
	return &a;
}

static void create_data(void)
{
	struct volume *v;
	struct err err;

	if (op_create(create_args_of_data(), &v, &err))
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

/* Checks that the create is refused, and leaves neither a volume nor metadata nor another line. */
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

/* Like refuse_create(), but also checks that the create has never written metadata. */
static void refuse_at_once(const struct create_args *a, int code, const char *sentence)
{
	refuse_create(a, code, sentence);
	assert_false(formatted);
}

static void test_create_refuses_wrong_arguments(void **state)
{
	struct create_args a;

	(void)state;
	a = *create_args_of_data();
	a.name = "a/b";
	refuse_at_once(&a, -EINVAL, "a/b");
	a = *create_args_of_data();
	a.origin = "origin";
	refuse_at_once(&a, -EINVAL, "origin is not an absolute path");
	a = *create_args_of_data();
	a.metadata = "data.erad";
	refuse_at_once(&a, -EINVAL, "data.erad is not an absolute path");
	a = *create_args_of_data();
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
	refuse_at_once(create_args_of_data(), -EEXIST, "already has a volume of this name");
	write_file(tab_path, "other " ORIGIN " /dev/b\n");
	refuse_at_once(create_args_of_data(), -EEXIST, "origin " ORIGIN " is the origin of volume other in line 1");
	write_file(tab_path, "other /dev/a " ORIGIN "\n");
	refuse_at_once(create_args_of_data(), -EEXIST, "origin " ORIGIN " is the metadata of volume other in line 1");
	snprintf(line, sizeof(line), "# a comment\nother /dev/a %s\n", metadata);
	write_file(tab_path, line);
	refuse_at_once(create_args_of_data(), -EEXIST, "is the metadata of volume other in line 2");
	assert_tab(line);
}

static void test_create_refuses_a_wrong_origin(void **state)
{
	(void)state;
	sim.device_exists = true;
	refuse_at_once(create_args_of_data(), -EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = false;
	sim.device = (struct refusal){ -ENOTBLK, "it is no block device" };
	refuse_at_once(create_args_of_data(), -ENOTBLK, "it is no block device");
	sim.sectors = 0;
	refuse_at_once(create_args_of_data(), -EINVAL, "origin " ORIGIN " has no sectors");
	sim.sectors = SECTORS;
	sim.in_use = true;
	refuse_at_once(create_args_of_data(), -EBUSY, "origin " ORIGIN " is in use: it is mounted");
	assert_tab("");
}

static void test_create_and_open_refuse_a_file_at_the_node(void **state)
{
	struct err err;
	struct volume *v;

	(void)state;
	sim.file_size = 10 << 20;
	refuse_at_once(create_args_of_data(), -EEXIST, "/dev/mapper/data is a regular file of 10 MiB in memory, expected no file");
	assert_tab("");
	sim.file_size = 0;
	create_data();
	close_data();
	sim.file_size = 5;
	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), -EEXIST);
	assert_sentence(&err, "/dev/mapper/data is a regular file of 5 B in memory");
	assert_sentence(&err, "'mv /dev/mapper/data /var/tmp/' keeps it");
	assert_false(volumes_have("data"));
}

static void test_create_refuses_a_wrong_place_of_the_metadata(void **state)
{
	struct create_args a = *create_args_of_data();
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
	refuse_create(create_args_of_data(), -EIO, "the table is refused");
	assert_true(formatted);
	assert_tab("# kept\n");
	create_data();
}

static void test_create_that_cannot_make_a_name_durable_leaves_nothing(void **state)
{
	(void)state;
	write_file(tab_path, "# kept\n");
	/* fails at the new metadata file */
	sim.fsync_fails = 1;
	refuse_create(create_args_of_data(), -EIO, "data.erad: creating it with");
	assert_tab("# kept\n");
	/* fails at the line in eratab */
	sim.fsync_fails = 2;
	refuse_create(create_args_of_data(), -EIO, "eratab cannot be added durably: Input/output error; the line is as before; try again");
	assert_tab("# kept\n");
	assert_int_equal(sim.fsync_fails, 0);
	create_data();
}

static void test_create_refuses_the_name_and_the_metadata_of_an_open_volume(void **state)
{
	struct create_args a = *create_args_of_data();
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	assert_sentence(&err, "a volume of this name is open already");
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

	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), code);
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
	refuse_open(-EINVAL, "'eractl resize data' gives the volume its size");
	sim.sectors = SECTORS;
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_open(-EIO, "the table is refused");
	write_line("detach_policy=degrade");
	refuse_open(-ENOTBLK, "needs the metadata on a block device");
	write_line("");

	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), 0);
	volume_unref(v);
	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), 0);
	volume_unref(v);
}

/* Opens the volume, and returns how many gaps its metadata has. */
static uint64_t gaps_after_open(const struct open_choice *choice)
{
	struct store_info info;
	struct volume *v;
	struct err err;

	if (op_open("data", choice, &v, &err))
		fail_msg("%s", err.msg);
	store_info(volume_store_get(v), &info);
	volume_store_put(v);
	volume_unref(v);
	return info.gaps;
}

static void test_gap_refuse_opens_a_volume_with_a_gap_only_if_the_gap_is_accepted(void **state)
{
	static const struct open_choice none, accept = { .accept_gap = true };
	unsigned int creates;

	(void)state;
	create_data();
	write_line("gap=refuse");
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	fixture_origin_byte++;
	/*
	 * A refused open records nothing, so the next open finds the gap again.  It makes no
	 * device, so if this erad is killed, the next erad finds no device to adopt.
	 */
	creates = sim.creates;
	for (unsigned int i = 0; i < 2; i++)
		refuse_open(-EUCLEAN, "writes may have gone past erad (written-while-closed): ");
	assert_int_equal(sim.creates, creates);
	refuse_open(-EUCLEAN, "; /etc/eratab has gap=refuse, so the volume is not opened; 'eractl open data --accept-gap' opens it");
	assert_int_equal(gaps_after_open(&accept), 1);
	close_data();
	assert_int_equal(gaps_after_open(&none), 1);
	close_data();

	fixture_origin_byte++;
	write_line("gap=record");
	assert_int_equal(gaps_after_open(&none), 2);
}

/* Notes the token of the current era of the open volume. */
static void hand_out_token(void)
{
	struct volume *v = volumes_get("data");
	struct store *s = volume_store_get(v);
	struct store_info info;

	store_info(s, &info);
	sim.seen = (struct token){ .timeline = store_timeline(s, info.era), .era = info.era };
	volume_store_put(v);
	volume_unref(v);
}

static void copy_file(const char *from, const char *to)
{
	char buf[65536];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(buf, 1, sizeof(buf), in)))
		assert_int_equal(fwrite(buf, 1, n, out), n);
	assert_false(ferror(in));
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* Returns the current era and, unless floor is NULL, the era of the floor. */
static uint32_t era_of_data(uint32_t *floor)
{
	struct volume *v = volumes_get("data");
	struct store_info info;

	store_info(volume_store_get(v), &info);
	volume_store_put(v);
	volume_unref(v);
	if (floor)
		*floor = info.floor_era;
	return info.era;
}

/*
 * Opens metadata that was put back.  Checks that there is a gap in the era of the token, and that
 * the volume is in a later era.
 */
static void check_put_back(uint64_t gaps)
{
	static const struct open_choice none, accept = { .accept_gap = true };
	uint32_t floor;

	write_line("gap=refuse");
	for (unsigned int i = 0; i < 2; i++)
		refuse_open(-EUCLEAN, "writes may have gone past erad (metadata-rolled-back): the metadata, in era ");
	refuse_open(-EUCLEAN, "if the volume is a clone, 'eractl forget data' and 'eractl create' give it a UUID of its own");
	assert_int_equal(gaps_after_open(&accept), gaps);
	assert_int_equal(era_of_data(&floor), sim.seen.era + 1);
	assert_int_equal(floor, sim.seen.era);
	close_data();
	/*
	 * The gap is found only once, even if eractl has not noted a new token before the next
	 * open.
	 */
	assert_int_equal(gaps_after_open(&none), gaps);
	close_data();
}

/* Opens the volume, copies its metadata, begins an era, and puts the copy back. */
static void test_metadata_of_the_same_timeline_that_was_put_back_does_not_know_the_token(void **state)
{
	enum store_moment moment;
	struct volume *v;
	uint32_t era;
	struct err err;

	(void)state;
	create_data();
	copy_file(metadata, other);
	v = volumes_get("data");
	if (volume_checkpoint(v, &era, &err))
		fail_msg("%s", err.msg);
	volume_unref(v);
	hand_out_token();
	assert_int_equal(sim.seen.era, era);
	close_data();
	copy_file(other, metadata);
	check_put_back(1);
	/* If erad is killed between the two steps of the check, the next open finds the gap. */
	assert_int_equal(gaps_after_open(&(struct open_choice){ 0 }), 1);
	v = volumes_get("data");
	moment = store_moment(volume_store_get(v), sim.seen.timeline, sim.seen.era);
	volume_store_put(v);
	volume_unref(v);
	assert_int_equal(moment, MOMENT_OTHER_ERA);
}

static void test_metadata_that_was_put_back_is_noticed_once(void **state)
{
	static const struct open_choice none;

	(void)state;
	create_data();
	hand_out_token();
	write_line("gap=refuse");
	close_data();
	/* The metadata knows the token, because no older copy was put back. */
	assert_int_equal(gaps_after_open(&none), 0);
	copy_file(metadata, other);	/* a copy that was made while the volume was in use */
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	hand_out_token();
	close_data();
	copy_file(other, metadata);
	check_put_back(1);
}

static void test_an_open_does_not_wait_for_a_note_whose_file_system_hangs(void **state)
{
	static const struct open_choice none;
	static pthread_mutex_t hangs = PTHREAD_MUTEX_INITIALIZER;

	(void)state;
	create_data();
	close_data();
	pthread_mutex_lock(&hangs);
	sim.seen_hangs = &hangs;
	/* The second open finds that the thread of the first open still waits. */
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(gaps_after_open(&none), 0);
		close_data();
	}
	pthread_mutex_unlock(&hangs);
	sim.seen_hangs = NULL;
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

static void test_forget_that_is_not_durable_can_be_repeated(void **state)
{
	struct forgotten left;
	struct err err;

	(void)state;
	create_data();
	close_data();
	/* the line in eratab; the file is then written again as it was */
	sim.fsync_fails = 1;
	assert_int_equal(op_forget("data", &left, &err), -EIO);
	assert_sentence(&err, "eratab cannot be removed durably: Input/output error; the line is as before; try again");
	assert_null(left.metadata);
	assert_int_equal(op_forget("data", &left, &err), 0);
	assert_non_null(left.metadata);
	free(left.metadata);
	assert_tab("");
}

static void test_forget_refuses_an_open_or_attached_volume_and_keeps_a_file_that_create_did_not_choose(void **state)
{
	struct forgotten left;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(op_forget("data", &left, &err), -ENOENT);
	create_data();
	assert_int_equal(op_forget("data", &left, &err), -EBUSY);
	assert_sentence(&err, "it is open; close it first");
	assert_null(left.metadata);
	close_data();
	assert_int_equal(op_forget("data", &left, &err), 0);
	assert_string_equal(left.metadata, metadata);
	/* eractl removes the note with this UUID. */
	assert_int_equal(strlen(left.uuid), UUID_TEXT_SIZE - 1);
	free(left.metadata);
	assert_tab("");
	assert_int_equal(stat(metadata, &st), 0);

	assert_string_equal(left.same_uuid, "");

	write_file(tab_path, "data /dev/a /dev/b detaching\n");
	assert_int_equal(op_forget("data", &left, &err), -EBUSY);
	assert_sentence(&err, "'eractl detach data' forgets the volume");
	assert_null(left.metadata);
	assert_tab("data /dev/a /dev/b detaching\n");

	write_file(tab_path, "data /dev/a /dev/b\ndata /dev/c /dev/d\n");
	assert_int_equal(op_forget("data", &left, &err), -EEXIST);
	assert_null(left.metadata);
	assert_tab("data /dev/a /dev/b\ndata /dev/c /dev/d\n");
}

/* A clone and its original share the note of the newest token, so the note stays when one of them is forgotten. */
static void test_forget_names_another_volume_with_the_same_uuid(void **state)
{
	static const char *const ending[] = { "", "-away" };
	struct forgotten left;
	char text[600];
	struct err err;

	(void)state;
	create_data();
	close_data();
	/*
	 * Case 0: "data" and "clone" have the same metadata file.  Case 1: the metadata of "data"
	 * cannot be read.
	 */
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "data /dev/a %s%s\nclone /dev/c %s\n", metadata, ending[i], metadata);
		write_file(tab_path, text);
		assert_int_equal(op_forget("clone", &left, &err), 0);
		assert_int_equal(strlen(left.uuid), UUID_TEXT_SIZE - 1);
		assert_string_equal(left.same_uuid, "data");
		free(left.metadata);
	}
	snprintf(text, sizeof(text), "data /dev/a %s\n", metadata);
	write_file(tab_path, text);
	assert_int_equal(op_forget("data", &left, &err), 0);
	assert_string_equal(left.same_uuid, "");
	free(left.metadata);
}

/* ---- attach ---- */

static void test_only_an_interrupted_attach_is_detached_at_the_start(void **state)
{
	struct err err;
	char line[300];

	(void)state;
	/* The attach ends after erad has read eratab, and before erad has claimed the name. */
	snprintf(line, sizeof(line), "data " ORIGIN " %s noauto\n", metadata);
	write_file(tab_path, line);
	assert_int_equal(op_end_interrupted("data", &err), 1);
	assert_tab(line);
	assert_int_equal(op_end_interrupted("other", &err), 1);

	snprintf(line, sizeof(line), "data " ORIGIN " %s detaching\n", metadata);
	write_file(tab_path, line);
	assert_int_equal(op_end_interrupted("data", &err), 0);
	assert_tab("");
}

/* ---- resize ---- */

static void refuse_resize(uint64_t bytes, int code, const char *sentence)
{
	struct resized done;
	struct err err;

	assert_int_equal(op_resize("data", bytes, &done, &err), code);
	assert_sentence(&err, sentence);
}

/* These sizes are refused in the same way for an open volume and for a closed one. */
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
	refuse_resize(0, -EINVAL, ORIGIN " is now device 8:16, but the origin of the live target is device 7:0");
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
		with_files(test_create_and_open_refuse_a_file_at_the_node),
		with_files(test_create_refuses_a_wrong_place_of_the_metadata),
		with_files(test_create_whose_device_cannot_be_made_leaves_nothing),
		with_files(test_create_that_cannot_make_a_name_durable_leaves_nothing),
		with_files(test_create_refuses_the_name_and_the_metadata_of_an_open_volume),
		with_files(test_open_refuses_a_line_that_is_missing_or_wrong),
		with_files(test_open_that_is_refused_can_be_repeated),
		with_files(test_gap_refuse_opens_a_volume_with_a_gap_only_if_the_gap_is_accepted),
		with_files(test_metadata_that_was_put_back_is_noticed_once),
		with_files(test_metadata_of_the_same_timeline_that_was_put_back_does_not_know_the_token),
		with_files(test_close_refuses_an_unknown_volume_and_a_device_in_use),
		with_files(test_forget_that_is_not_durable_can_be_repeated),
		with_files(test_forget_refuses_an_open_or_attached_volume_and_keeps_a_file_that_create_did_not_choose),
		with_files(test_forget_names_another_volume_with_the_same_uuid),
		with_files(test_only_an_interrupted_attach_is_detached_at_the_start),
		with_files(test_resize_refuses_sizes_that_are_not_possible),
		/* This is the last test, because its thread may still wait when the test ends. */
		with_files(test_an_open_does_not_wait_for_a_note_whose_file_system_hangs),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
