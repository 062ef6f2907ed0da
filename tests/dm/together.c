// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks that a checkpoint of several volumes begins their eras at one moment.
 *
 * usage: together ROUNDS NAME NAME...
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
#define PLACES		64u		/* blocks of a chain on each volume */
#define VOLUMES_MAX	8u

static char *const *name;
static unsigned int nr_volumes;
static int fds[VOLUMES_MAX];
static bool is_new[VOLUMES_MAX][CHAINS * PLACES];
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
	return c->number * PLACES + (c->first + write / nr_volumes) % PLACES;
}

static void write_blocks(unsigned int volume, unsigned int first, unsigned int nr)
{
	static _Alignas(4096) const char data[PLACES * BLOCK];

	if (pwrite(fds[volume], data, nr * BLOCK, (off_t)first * BLOCK) != (ssize_t)(nr * BLOCK))
		FAIL("volume %s: write: %m", name[volume]);
}

static void *run_chain(void *arg)
{
	struct chain *c = arg;

	for (unsigned int i = 0; i < nr_volumes; i++)
		if (c->recorded & 1u << i)
			write_blocks(i, c->number * PLACES, PLACES);
	pthread_barrier_wait(&ready);
	for (unsigned int i = 0; i < PLACES * nr_volumes && !stop; i++) {
		atomic_store(&c->begun, i + 1);
		write_blocks(volume_of(c, i), block_of(c, i), 1);
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

/* Makes the checkpoint, and sets eras. */
static void checkpoint_all(uint64_t *eras)
{
	struct json_object *request = client_request("checkpoint_together", NULL);
	struct json_object *names = json_object_new_array(), *result, *volumes;

	for (unsigned int i = 0; i < nr_volumes; i++)
		json_object_array_add(names, json_object_new_string(name[i]));
	json_object_object_add(request, "volumes", names);
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
			if (b < CHAINS * PLACES)
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

	atomic_store(&stop, false);
	for (unsigned int i = 0; i < CHAINS; i++) {
		struct chain *c = &chain[i];

		c->number = i;
		c->first = rand() % PLACES;
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
	for (unsigned int i = 0; i < nr_volumes; i++)
		read_new(i, eras[i]);
	for (unsigned int i = 0; i < CHAINS; i++)
		cut += check_chain(&chain[i], number);
	return cut;
}

int main(int argc, char **argv)
{
	unsigned long rounds, checkpoints = 0, cut = 0, writes = 0;

	if (argc < 4 || argc - 2 > (int)VOLUMES_MAX) {
		fprintf(stderr, "usage: together ROUNDS NAME NAME...\n");
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
	while (writes < rounds * nr_volumes) {
		cut += cut_chains(++checkpoints);
		for (unsigned int k = 0; k < CHAINS; k++)
			writes += chain[k].completed;
	}
	printf("# %lu writes, each after the one before it on another volume, and %lu checkpoints of %u volumes, which cut %lu of %lu chains in two\n",
	       writes, checkpoints, nr_volumes, cut, checkpoints * CHAINS);
	/*
	 * On average, a checkpoint must cut at least one chain: a checkpoint that cuts no chain
	 * tests nothing.
	 */
	CHECK(cut >= checkpoints);
	return 0;
}
