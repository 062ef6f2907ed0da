// SPDX-License-Identifier: GPL-2.0-or-later
/* Simulates the targets of the module, and poll() of an instance: see target_sim.h. */
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap.h"
#include "target_sim.h"
#include "writers_sim.h"

struct module_sim module = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);
void __real_thread_usual(void);
void __wrap_thread_usual(void);

/* ---- the writes of a target; under lock ---- */

void target_end_drain(void)
{
	struct target *t = &module.target[module.newest];

	if (!t->draining || sim_writers_in_flight_before(t->era))
		return;
	t->draining = false;
	t->event = true;
	module.count.drained = module.count.commits;
}

bool target_load_goes_on(void)
{
	return module.count.commits < module.load_end;
}

void target_give_back(struct target *t)
{
	t->batch = 0;
	sim_writers_give_back();
}

void target_fetch(struct target *t, struct erad_xfer *x)
{
	x->nr = sim_writers_fetch((void *)(uintptr_t)x->buf, x->max);
	if (!x->nr)
		return;
	t->batch = x->batch = ++module.last_batch;
	t->batch_era = x->era = t->era;
}

/* ---- targets; under lock ---- */

int target_call_fails(enum sim_call call)
{
	module.calls[call].calls++;
	if (!module.calls[call].times)
		return 0;
	module.calls[call].times--;
	return module.calls[call].error;
}

void target_wake_owner(struct target *t)
{
	if (t->peer >= 0 && send(t->peer, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

void target_detach_closed_owner(struct target *t)
{
	struct pollfd p = { .fd = t->peer };

	if (t->peer < 0 || __real_poll(&p, 1, 0) < 1 || !(p.revents & POLLHUP))
		return;
	close(t->peer);
	t->peer = -1;
	if (t->batch)
		target_give_back(t);
	if (t->state != ERAD_FAILED)
		t->state = t->passing ? ERAD_DEGRADED : ERAD_DETACHED;
}

struct target *target_owned_by(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	for (unsigned int i = 0; i < TARGETS; i++)
		if (module.target[i].peer >= 0 && module.target[i].owner == st.st_ino)
			return &module.target[i];
	return NULL;
}

struct target *target_enter(int fd)
{
	struct target *t;

	pthread_mutex_lock(&module.lock);
	t = target_owned_by(fd);
	if (t && t->exists)
		return t;
	pthread_mutex_unlock(&module.lock);
	return NULL;
}

int target_leave(int result)
{
	pthread_mutex_unlock(&module.lock);
	return result;
}

void target_info(const struct target *t, struct erad_info *i)
{
	*i = (struct erad_info){
		.h.size = sizeof(*i), .instance_id = 1 + (t - module.target),
		.nr_blocks = SIM_BLOCKS, .nr_sectors = (uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS,
		.block_sectors = SIM_BLOCK_SECTORS, .era = t->era, .state = t->state,
		.status = (t == &module.target[module.newest] ? ERAD_RESUMED : 0) | (t->draining ? ERAD_DRAINING : 0) |
			(t->message ? ERAD_MESSAGE : 0) | (t->passing ? ERAD_PASSES_ALL : 0),
		.dev_major = 253, .dev_minor = 77, .origin_major = 7,
	};
	memcpy(i->uuid, module.uuid, sizeof(i->uuid));
}

/* ---- poll() of an instance ---- */

static short target_events(const struct target *t)
{
	if (!t || !t->exists)
		return POLLHUP;
	return (t->event || t->message ? POLLPRI : 0) |
		(t->state == ERAD_ACTIVE && !t->batch && sim_writers_held() ? POLLIN : 0);
}

static atomic_uint polls;

unsigned int sim_polls(void)
{
	return atomic_load(&polls);
}

int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	struct pollfd p[2];
	struct target *t;
	char rung[64];
	int r;

	atomic_fetch_add(&polls, 1);
	heap_forbid(false);
	pthread_mutex_lock(&module.lock);
	t = nr == 2 ? target_owned_by(fds[1].fd) : NULL;
	pthread_mutex_unlock(&module.lock);
	if (!t)
		return __real_poll(fds, nr, timeout);
	memcpy(p, fds, sizeof(p));
	p[1].events = POLLIN;
	for (;;) {
		uint64_t next;

		r = __real_poll(p, 1, 0);
		fds[0].revents = r > 0 ? p[0].revents : 0;
		pthread_mutex_lock(&module.lock);
		fds[1].revents = target_events(t) & (fds[1].events | POLLHUP);
		next = sim_writers_next_step();
		if (!r && !fds[1].revents && next != WRITERS_NEVER) {
			sim_writers_go_to(next, target_load_goes_on());
			target_end_drain();
			pthread_mutex_unlock(&module.lock);
			continue;
		}
		/*
		 * Forbid the heap if the target is active, and allow the heap otherwise. This holds
		 * until the thread's next poll(), its end, or its next attach.
		 */
		heap_forbid(t->exists && t->state == ERAD_ACTIVE);
		pthread_mutex_unlock(&module.lock);
		if (fds[0].revents || fds[1].revents)
			return !!fds[0].revents + !!fds[1].revents;
		r = __real_poll(p, 2, timeout);
		if (r <= 0)
			return r;
		if ((p[1].revents & POLLIN) && recv(p[1].fd, rung, sizeof(rung), MSG_DONTWAIT) < 0)
			abort();
	}
}

/* Allows the heap, because no write waits for a volume that ends. */
void __wrap_thread_usual(void)
{
	heap_forbid(false);
	__real_thread_usual();
}
