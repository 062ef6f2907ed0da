// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks that a checkpoint of several volumes begins their eras at one moment, or that images of
 * several volumes are of one moment.
 *
 * usage: together ROUNDS NAME NAME...
 *        together --images IMAGES NAME NAME...
 *
 * Some chains of dependent writes run: each write begins when the one before it in its chain has
 * completed, and goes to the next volume.  A round is one write to each volume.  Meanwhile the
 * program makes a checkpoint of all volumes.  Then it stops the chains, and reads which blocks have
 * been written in the new eras.  In each chain, the writes of the old eras must come before all
 * writes of the new eras.  The program repeats this until the chains have made ROUNDS rounds.
 *
 * Between two stops, a chain writes to a block at most once, so the era of a block is the era of
 * this write.  Before a chain starts, the program records all blocks of the chain on some of the
 * volumes, by writing to them.  So until the new era begins, the chain's writes to these volumes pass
 * without a commit, and its writes to the other volumes are held.
 *
 * With --images, the program makes images in place of a checkpoint, IMAGES times, and reads from
 * the images which writes are in them: each write has a stamp of its own.  A write that is not in
 * an image must be in the new era.  Then the program drops the images.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "common/client.h"
#include "common/members.h"

#define BLOCK		4096u
#define CHAINS		3u
#define PLACES_MAX	1024u		/* limit of `places` */
#define VOLUMES_MAX	8u
#define IMAGE_STORE	(16u << 20)	/* bytes of the copy-on-write store of each image */

static char *const *name;
static unsigned int nr_volumes;
static int fds[VOLUMES_MAX];
/* Whether the write to this block is in the new era, or is not in the image. */
static bool is_new[VOLUMES_MAX][CHAINS * PLACES_MAX];
static bool with_images;
/*
 * Blocks of a chain on each volume.  Images take longer than a checkpoint, so the chains must be
 * longer.
 */
static unsigned int places = 64;
static unsigned long round_nr;		/* number of the checkpoint, or of the images */
static atomic_bool stop;
/* The chains and the main thread wait here until all chains can start. */
static pthread_barrier_t ready;

static struct chain {
	pthread_t thread;
	unsigned int number;
	unsigned int first;		/* the first block */
	unsigned int order;		/* the first volume */
	unsigned int recorded;		/* bit i: the blocks on volume i are recorded first */
	atomic_uint begun, completed;	/* numbers of writes since the start */
	/* `completed` when the checkpoint begins, and `begun` when the checkpoint ends. */
	unsigned int completed_before, begun_after;
} chain[CHAINS];

static unsigned int volume_of(const struct chain *c, unsigned int write)
{
	return (c->order + write) % nr_volumes;
}

static unsigned int block_of(const struct chain *c, unsigned int write)
{
	return c->number * places + (c->first + write / nr_volumes) % places;
}

static void write_blocks(unsigned int volume, unsigned int first, unsigned int nr)
{
	static _Alignas(4096) const char data[PLACES_MAX * BLOCK];

	if (pwrite(fds[volume], data, nr * BLOCK, (off_t)first * BLOCK) != (ssize_t)(nr * BLOCK))
		FAIL("volume %s: write: %m", name[volume]);
}

/* The content of a write, which no other write has.  It is never 0. */
static uint64_t stamp_of(const struct chain *c, unsigned int write)
{
	return ((uint64_t)round_nr * CHAINS + c->number) << 32 | (write + 1);
}

static void write_stamp(const struct chain *c, unsigned int write)
{
	_Alignas(4096) uint64_t data[BLOCK / sizeof(uint64_t)] = { stamp_of(c, write) };

	if (pwrite(fds[volume_of(c, write)], data, BLOCK, (off_t)block_of(c, write) * BLOCK) != BLOCK)
		FAIL("volume %s: write: %m", name[volume_of(c, write)]);
}

static void *run_chain(void *arg)
{
	struct chain *c = arg;

	for (unsigned int i = 0; i < nr_volumes; i++)
		if (c->recorded & 1u << i)
			write_blocks(i, c->number * places, places);
	pthread_barrier_wait(&ready);
	for (unsigned int i = 0; i < places * nr_volumes && !stop; i++) {
		atomic_store(&c->begun, i + 1);
		write_stamp(c, i);
		atomic_store(&c->completed, i + 1);
	}
	return NULL;
}

static struct json_object *ask(struct json_object *request, client_part_fn part, void *ctx)
{
	struct json_object *result;
	struct err err;

	if (client_call(request, part, ctx, &result, &err))
		FAIL("%s", err.msg);
	return result;
}

/* Makes the checkpoint or the images, and sets eras. */
static void checkpoint_all(uint64_t *eras)
{
	struct json_object *request = client_request(with_images ? "image_create_together" : "checkpoint_together", NULL);
	struct json_object *names = json_object_new_array(), *result, *volumes;

	for (unsigned int i = 0; i < nr_volumes; i++)
		json_object_array_add(names, json_object_new_string(name[i]));
	json_object_object_add(request, "volumes", names);
	if (with_images)
		json_object_object_add(request, "store_size", json_object_new_uint64(IMAGE_STORE));
	result = ask(request, NULL, NULL);
	volumes = json_object_object_get(result, "volumes");
	EXPECT(json_object_array_length(volumes), nr_volumes);
	for (unsigned int i = 0; i < nr_volumes; i++) {
		struct json_object *one = json_object_array_get_idx(volumes, i);

		CHECK(!strcmp(json_text(one, "volume"), name[i]));
		CHECK(json_number(one, "era", &eras[i]));
	}
	json_object_put(result);
}

/* Sets an entry of the map for each block in a part of a diff. */
static int take_part(void *ctx, struct json_object *part, struct err *err)
{
	bool *map = ctx;

	(void)err;
	if (!json_object_is_type(part, json_type_array))
		return 0;
	for (size_t i = 0; i + 1 < json_object_array_length(part); i += 2) {
		uint64_t first = json_object_get_uint64(json_object_array_get_idx(part, i)) / BLOCK;
		uint64_t len = json_object_get_uint64(json_object_array_get_idx(part, i + 1)) / BLOCK;

		for (uint64_t b = first; b < first + len; b++)
			if (b < CHAINS * places)
				map[b] = true;
	}
	return 0;
}

static void read_new(unsigned int i, uint64_t era)
{
	struct json_object *request = client_request("diff", name[i]);

	memset(is_new[i], 0, sizeof(is_new[i]));
	json_object_object_add(request, "since", json_object_new_uint64(era));
	json_object_put(ask(request, take_part, is_new[i]));
}

/*
 * Reads from the image of volume i which writes of the chain are in it.  Checks that the others are
 * in the new era, as read_new() has found.
 */
static void read_image(unsigned int i, const struct chain *c)
{
	_Alignas(4096) static uint64_t blocks[CHAINS * PLACES_MAX][BLOCK / sizeof(uint64_t)];
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/dev/mapper/%s-image", name[i]);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || pread(fd, blocks, sizeof(blocks), 0) != (ssize_t)sizeof(blocks))
		FAIL("%s: %m", path);
	close(fd);
	for (unsigned int w = 0; w < atomic_load(&c->completed); w++) {
		const unsigned int b = block_of(c, w);
		bool in_image;

		if (volume_of(c, w) != i)
			continue;
		in_image = blocks[b][0] == stamp_of(c, w);
		if (!in_image && !is_new[i][b])
			FAIL("images %lu: write %u to volume %s is neither in the image nor in the new era", round_nr, w, name[i]);
		is_new[i][b] = !in_image;
	}
}

static void drop_image(unsigned int i)
{
	json_object_put(ask(client_request("image_drop", name[i]), NULL, NULL));
}

/* Returns whether the chain contains writes of the old eras and writes of the new eras. */
static bool check_chain(const struct chain *c, unsigned long number)
{
	const unsigned int nr = atomic_load(&c->completed);
	unsigned int first_new = nr;

	for (unsigned int i = 0; i < nr; i++) {
		bool is = is_new[volume_of(c, i)][block_of(c, i)];

		if (is && first_new == nr)
			first_new = i;
		if (!is && first_new < nr)
			FAIL("checkpoint %lu: write %u to volume %s is in the old era, and write %u to volume %s, which had completed before, is in the new era",
			     number, i, name[volume_of(c, i)], first_new, name[volume_of(c, first_new)]);
	}
	if (first_new < c->completed_before)
		FAIL("checkpoint %lu: write %u to volume %s is in the new era, and %u writes had completed before the checkpoint was requested",
		     number, first_new, name[volume_of(c, first_new)], c->completed_before);
	if (first_new > c->begun_after)
		FAIL("checkpoint %lu: write %u to volume %s is in the old era, and only %u writes had begun before the checkpoint had returned",
		     number, first_new - 1, name[volume_of(c, first_new - 1)], c->begun_after);
	return first_new && first_new < nr;
}

static unsigned int cut_chains(unsigned long number)
{
	uint64_t eras[VOLUMES_MAX];
	unsigned int cut = 0;

	round_nr = number;
	atomic_store(&stop, false);
	for (unsigned int i = 0; i < CHAINS; i++) {
		struct chain *c = &chain[i];

		c->number = i;
		c->first = rand() % places;
		c->order = rand() % nr_volumes;
		c->recorded = rand();
		atomic_store(&c->begun, 0);
		atomic_store(&c->completed, 0);
		CHECK(!pthread_create(&c->thread, NULL, run_chain, c));
	}
	pthread_barrier_wait(&ready);
	nanosleep(&(struct timespec){ .tv_nsec = rand() % 2000000 }, NULL);
	for (unsigned int i = 0; i < CHAINS; i++)
		chain[i].completed_before = atomic_load(&chain[i].completed);
	checkpoint_all(eras);
	for (unsigned int i = 0; i < CHAINS; i++)
		chain[i].begun_after = atomic_load(&chain[i].begun);
	nanosleep(&(struct timespec){ .tv_nsec = rand() % 1000000 }, NULL);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < CHAINS; i++)
		pthread_join(chain[i].thread, NULL);
	for (unsigned int i = 0; i < nr_volumes; i++) {
		read_new(i, eras[i]);
		for (unsigned int k = 0; k < CHAINS && with_images; k++)
			read_image(i, &chain[k]);
	}
	for (unsigned int i = 0; i < nr_volumes && with_images; i++)
		drop_image(i);
	for (unsigned int i = 0; i < CHAINS; i++)
		cut += check_chain(&chain[i], number);
	return cut;
}

int main(int argc, char **argv)
{
	unsigned long rounds, checkpoints = 0, cut = 0, writes = 0;

	with_images = argc > 1 && !strcmp(argv[1], "--images");
	if (with_images)
		places = PLACES_MAX;
	argc -= with_images;
	argv += with_images;
	if (argc < 4 || argc - 2 > (int)VOLUMES_MAX) {
		fprintf(stderr, "usage: together [--images] ROUNDS NAME NAME...\n");
		return 2;
	}
	rounds = strtoul(argv[1], NULL, 10);
	name = argv + 2;
	nr_volumes = argc - 2;
	srand(time(NULL));
	CHECK(!pthread_barrier_init(&ready, NULL, CHAINS + 1));
	for (unsigned int i = 0; i < nr_volumes; i++) {
		char path[256];

		snprintf(path, sizeof(path), "/dev/mapper/%s", name[i]);
		fds[i] = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (fds[i] < 0)
			FAIL("%s: %m", path);
	}
	while (with_images ? checkpoints < rounds : writes < rounds * nr_volumes) {
		cut += cut_chains(++checkpoints);
		for (unsigned int k = 0; k < CHAINS; k++)
			writes += chain[k].completed;
	}
	printf("# %lu writes, each after the one before it on another volume, and %lu %s of %u volumes, which cut %lu of %lu chains in two\n",
	       writes, checkpoints, with_images ? "images" : "checkpoints", nr_volumes, cut, checkpoints * CHAINS);
	/*
	 * On average, a checkpoint must cut at least one chain: a checkpoint that cuts no chain
	 * tests nothing.
	 */
	CHECK(cut >= checkpoints);
	return 0;
}
