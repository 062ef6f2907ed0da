// SPDX-License-Identifier: GPL-2.0-or-later
/* The simulated writers of a target: see writers_sim.h. */
#include <string.h>

#include "instance_sim.h"
#include "rnd.h"
#include "writers_sim.h"

enum place {
	IDLE,			/* the writer has no write */
	HELD,
	FETCHED,
	AT_ORIGIN,
};

struct writer {
	enum place place;
	uint64_t block, until;	/* until: the step at which the write completes at the origin */
	uint32_t era;		/* era in which the write was recorded */
};

static struct writer writer[SIM_WRITERS + 1];	/* the last writer is for sim_writers_submit_stuck() */
static unsigned int origin_steps, metadata_steps;
static uint64_t now, next_block;
static uint64_t rnd_state;
static uint8_t released[SIM_BLOCKS];

void sim_writers_reset(void)
{
	memset(released, 0, sizeof(released));
	now = next_block = 0;
	rnd_state = 1;
	sim_writers_drop();
}

void sim_writers_begin(unsigned int nr, uint32_t era, unsigned int origin, unsigned int metadata)
{
	origin_steps = origin;
	metadata_steps = metadata;
	/* Let the writers begin one after the other, as if each write had just been released. */
	for (unsigned int i = 0; i < nr; i++)
		writer[i] = (struct writer){
			.place = AT_ORIGIN, .era = era, .until = now + i * (origin + metadata) / nr,
		};
}

void sim_writers_drop(void)
{
	memset(writer, 0, sizeof(writer));
}

void sim_writers_submit_stuck(void)
{
	writer[SIM_WRITERS] = (struct writer){ .place = HELD, .block = next_block++ % SIM_BLOCKS };
}

void sim_writers_complete_stuck(void)
{
	writer[SIM_WRITERS].place = IDLE;
}

uint64_t sim_writers_next_step(void)
{
	uint64_t next = WRITERS_NEVER;

	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == AT_ORIGIN && writer[i].until < next)
			next = writer[i].until;
	return next;
}

void sim_writers_go_to(uint64_t step, bool more)
{
	now = step;
	for (unsigned int i = 0; i <= SIM_WRITERS; i++) {
		if (writer[i].place != AT_ORIGIN || writer[i].until > now)
			continue;
		writer[i].place = more ? HELD : IDLE;
		writer[i].block = next_block++ % SIM_BLOCKS;
	}
}

void sim_writers_commit_time(bool more)
{
	sim_writers_go_to(now + metadata_steps, more);
}

bool sim_writers_held(void)
{
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == HELD)
			return true;
	return false;
}

unsigned int sim_writers_fetch(struct erad_range *range, unsigned int max)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i <= SIM_WRITERS && nr < max; i++) {
		if (writer[i].place != HELD)
			continue;
		writer[i].place = FETCHED;
		range[nr++] = (struct erad_range){ .first = writer[i].block, .len = 1 };
	}
	return nr;
}

void sim_writers_give_back(void)
{
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == FETCHED)
			writer[i].place = HELD;
}

void sim_writers_release(uint32_t era, bool failed)
{
	for (unsigned int i = 0; i <= SIM_WRITERS; i++) {
		struct writer *w = &writer[i];

		if (w->place != FETCHED)
			continue;
		w->place = failed ? IDLE : AT_ORIGIN;
		w->era = era;
		w->until = i == SIM_WRITERS ? WRITERS_NEVER :
			now + origin_steps / 2 + rnd_below(&rnd_state, origin_steps + 1);
		released[w->block] |= !failed;
	}
}

void sim_writers_pass(uint32_t era)
{
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == HELD)
			writer[i].place = FETCHED;
	sim_writers_release(era, false);
}

bool sim_writers_in_flight_before(uint32_t era)
{
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == AT_ORIGIN && writer[i].era < era)
			return true;
	return false;
}

bool sim_writers_released(uint64_t block)
{
	return released[block];
}
