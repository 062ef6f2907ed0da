// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The BPF program bpf/recorded.bpf.c, which counts the blocks that each command writes.  This file
 * replaces the kernel's helper functions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "erad_maps.h"

#define ROOM	3

/* The map of the writers of one volume. */
static struct writers {
	unsigned int nr, room;
	struct erad_map_writer key[ROOM];
	struct erad_map_written value[ROOM];
	/* whether another processor adds the same writer just before the next update */
	bool race;
} writers;

static struct erad_map_written *find_writer(const void *key)
{
	for (unsigned int i = 0; i < writers.nr; i++)
		if (!memcmp(&writers.key[i], key, sizeof(writers.key[i])))
			return &writers.value[i];
	return NULL;
}

/*
 * If the map is not the map of the writers, it is the map of the volumes, which contains one entry.
 */
void *bpf_map_lookup_elem(void *map, const void *key)
{
	return map == &writers ? (void *)find_writer(key) : &writers;
}

static long add_writer(const void *key, const void *value)
{
	if (find_writer(key))
		return -EEXIST;
	if (writers.nr == writers.room)
		return -E2BIG;
	memcpy(&writers.key[writers.nr], key, sizeof(writers.key[0]));
	memcpy(&writers.value[writers.nr++], value, sizeof(writers.value[0]));
	return 0;
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	const struct erad_map_written other = { .blocks = 1000 };

	assert_ptr_equal(map, &writers);
	assert_int_equal(flags, BPF_NOEXIST);
	if (writers.race) {
		writers.race = false;
		assert_int_equal(add_writer(key, &other), 0);
	}
	return add_writer(key, value);
}

long bpf_probe_read_kernel_str(void *dst, __u32 size, const void *unsafe)
{
	const size_t len = strnlen(unsafe, size - 1);

	memcpy(dst, unsafe, len);
	((char *)dst)[len] = 0;
	return len + 1;
}

/*
 * Calls the program as the tracepoint does when a write of the command has recorded this many
 * blocks.
 */
static void record_blocks(uint64_t blocks, const char *command)
{
	const uint64_t args[] = { 7, 3, blocks, 99, (uintptr_t)command };
	struct bpf_raw_tracepoint_args *ctx;

	ctx = malloc(sizeof(args));
	assert_non_null(ctx);
	memcpy(ctx, args, sizeof(args));
	assert_int_equal(on_recorded(ctx), 0);
	free(ctx);
}

static uint64_t blocks_of(uint32_t flags, const char *command)
{
	struct erad_map_writer key = { .era = 3, .flags = flags };
	const struct erad_map_written *value;

	if (!flags)
		key.cgroup = 99;
	strcpy(key.comm, command);
	value = find_writer(&key);
	return value ? value->blocks : 0;
}

static int setup(void **state)
{
	(void)state;
	writers = (struct writers){ .room = ROOM };
	return 0;
}

static void test_blocks_of_a_writer_add_up(void **state)
{
	(void)state;
	record_blocks(5, "dd");
	record_blocks(7, "dd");
	record_blocks(2, "cp");
	assert_int_equal(blocks_of(0, "dd"), 12);
	assert_int_equal(blocks_of(0, "cp"), 2);
	assert_int_equal(writers.nr, 2);
}

static void test_writers_without_room_are_counted_as_others(void **state)
{
	(void)state;
	record_blocks(5, "dd");
	writers.key[1] = (struct erad_map_writer){ .era = 3, .flags = ERAD_MAP_OTHERS };
	writers.value[1] = (struct erad_map_written){ .blocks = 7 };
	writers.nr = 2;
	writers.room = 2;
	record_blocks(4, "mv");
	assert_int_equal(blocks_of(0, "mv"), 0);
	assert_int_equal(blocks_of(ERAD_MAP_OTHERS, ""), 11);
	record_blocks(1, "dd");
	assert_int_equal(blocks_of(0, "dd"), 6);
}

/*
 * Two processors add one writer at the same moment.  The slower processor must notice that the
 * entry exists already.  It must not count the write under "others", as if the map had no room.
 */
static void test_a_writer_whom_another_processor_has_just_added_is_not_others(void **state)
{
	(void)state;
	writers.race = true;
	record_blocks(5, "dd");
	assert_int_equal(blocks_of(0, "dd"), 1005);
	assert_int_equal(blocks_of(ERAD_MAP_OTHERS, ""), 0);
	assert_int_equal(writers.nr, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_blocks_of_a_writer_add_up, setup),
		cmocka_unit_test_setup(test_writers_without_room_are_counted_as_others, setup),
		cmocka_unit_test_setup(test_a_writer_whom_another_processor_has_just_added_is_not_others, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
