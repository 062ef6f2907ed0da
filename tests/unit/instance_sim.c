// SPDX-License-Identifier: GPL-2.0-or-later
/* A stand-in for the module: see instance_sim.h. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap.h"
#include "instance_sim.h"
#include "writers_sim.h"

#define TARGETS		4u
#define LOAD_AFTER_GO	2000u	/* for how many commits the load goes on after sim_go() */

struct target {
	bool exists;
	uint32_t era, prepared, state;
	uint64_t batch;		/* id of the outstanding batch; 0: none */
	uint32_t batch_era;
	bool draining, event;	/* event: whether poll() must report POLLPRI */
	bool passing;		/* whether all writes pass */
	int peer;		/* the owner's end of a socket; -1: there is no owner */
	ino_t owner;		/* inode of the owner's end of the socket */
	uint64_t message;	/* id of the message that waits; 0: none */
	uint32_t message_type;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* lock protects the variables below. */
static uint8_t uuid[16];
static struct target target[TARGETS];
static unsigned int newest;
static uint64_t last_batch, last_message;
static uint64_t load_end;	/* number of commits after which the writers end */
static unsigned int prepare_commits;
static struct sim_count count;
static struct { int error; unsigned int times, calls; } calls[SIM_CALLS];
static enum { RUN, PAUSE_WANTED, PAUSED } pause_state;
static bool replied;
static int reply_result;
static uint32_t reply_era;

int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);

/* ---- the writes of a target; under lock ---- */

static void end_drain(void)
{
	struct target *t = &target[newest];

	if (!t->draining || sim_writers_in_flight_before(t->era))
		return;
	t->draining = false;
	t->event = true;
	count.drained = count.commits;
}

static bool load_goes_on(void)
{
	return count.commits < load_end;
}

static void give_back(struct target *t)
{
	t->batch = 0;
	sim_writers_give_back();
}

static void fetch(struct target *t, struct erad_xfer *x)
{
	x->nr = sim_writers_fetch((void *)(uintptr_t)x->buf, x->max);
	if (!x->nr)
		return;
	t->batch = x->batch = ++last_batch;
	t->batch_era = x->era = t->era;
}

/* ---- targets; under lock ---- */

static int fails(enum sim_call call)
{
	calls[call].calls++;
	if (!calls[call].times)
		return 0;
	calls[call].times--;
	return calls[call].error;
}

/* Wakes poll(), by making the owner's end of the socket readable. */
static void wake_owner(struct target *t)
{
	if (t->peer >= 0 && send(t->peer, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

/* Detaches the owner if it has closed its fd. */
static void look_for_owner(struct target *t)
{
	struct pollfd p = { .fd = t->peer };

	if (t->peer < 0 || __real_poll(&p, 1, 0) < 1 || !(p.revents & POLLHUP))
		return;
	close(t->peer);
	t->peer = -1;
	if (t->batch)
		give_back(t);
	if (t->state != ERAD_FAILED)
		t->state = t->passing ? ERAD_DEGRADED : ERAD_DETACHED;
}

static struct target *owned_by(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	for (unsigned int i = 0; i < TARGETS; i++)
		if (target[i].peer >= 0 && target[i].owner == st.st_ino)
			return &target[i];
	return NULL;
}

/* Takes the lock.  Returns NULL, without the lock, if the target was removed. */
static struct target *enter(int fd)
{
	struct target *t;

	pthread_mutex_lock(&lock);
	t = owned_by(fd);
	if (t && t->exists)
		return t;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static int leave(int result)
{
	pthread_mutex_unlock(&lock);
	return result;
}

static void fill_info(const struct target *t, struct erad_info *i)
{
	*i = (struct erad_info){
		.h.size = sizeof(*i), .instance_id = 1 + (t - target),
		.nr_blocks = SIM_BLOCKS, .nr_sectors = (uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS,
		.block_sectors = SIM_BLOCK_SECTORS, .era = t->era, .state = t->state,
		.status = (t == &target[newest] ? ERAD_RESUMED : 0) | (t->draining ? ERAD_DRAINING : 0) |
			(t->message ? ERAD_MESSAGE : 0) | (t->passing ? ERAD_PASSES_ALL : 0),
		.dev_major = 253, .dev_minor = 77, .origin_major = 7,
	};
	memcpy(i->uuid, uuid, sizeof(i->uuid));
}

/* ---- poll() of an instance ---- */

static short events_of(const struct target *t)
{
	if (!t || !t->exists)
		return POLLHUP;
	return (t->event || t->message ? POLLPRI : 0) |
		(t->state == ERAD_ACTIVE && !t->batch && sim_writers_held() ? POLLIN : 0);
}

int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	struct pollfd p[2];
	struct target *t;
	char rung[64];
	int r;

	heap_forbid(false);
	pthread_mutex_lock(&lock);
	t = nr == 2 ? owned_by(fds[1].fd) : NULL;
	pthread_mutex_unlock(&lock);
	if (!t)
		return __real_poll(fds, nr, timeout);
	memcpy(p, fds, sizeof(p));
	p[1].events = POLLIN;
	for (;;) {
		uint64_t next;

		r = __real_poll(p, 1, 0);
		fds[0].revents = r > 0 ? p[0].revents : 0;
		pthread_mutex_lock(&lock);
		fds[1].revents = events_of(t) & (fds[1].events | POLLHUP);
		next = sim_writers_next_step();
		if (!r && !fds[1].revents && next != WRITERS_NEVER) {
			sim_writers_go_to(next, load_goes_on());
			end_drain();
			pthread_mutex_unlock(&lock);
			continue;
		}
		/* Allows the heap until the thread waits again, ends, or attaches to another target. */
		heap_forbid(t->exists && t->state == ERAD_ACTIVE);
		pthread_mutex_unlock(&lock);
		if (fds[0].revents || fds[1].revents)
			return !!fds[0].revents + !!fds[1].revents;
		r = __real_poll(p, 2, timeout);
		if (r <= 0)
			return r;
		if ((p[1].revents & POLLIN) && recv(p[1].fd, rung, sizeof(rung), MSG_DONTWAIT) < 0)
			abort();
	}
}

/* ---- erad/control.h ---- */

int control_open(int *fd, struct err *err)
{
	(void)err;
	*fd = -1;
	return 0;
}

int control_each(int control, void (*fn)(void *ctx, const struct erad_info *i), void *ctx)
{
	(void)control;
	for (unsigned int i = 0; i < TARGETS; i++) {
		struct erad_info info;
		bool exists;

		pthread_mutex_lock(&lock);
		look_for_owner(&target[i]);
		exists = target[i].exists;
		fill_info(&target[i], &info);
		pthread_mutex_unlock(&lock);
		if (exists)
			fn(ctx, &info);
	}
	return 0;
}

static void add_to_list(void *ctx, const struct erad_info *i)
{
	struct instances *l = ctx;

	l->info[l->nr++] = *i;
}

int control_list(int control, struct instances *l)
{
	if (!l->info) {
		l->cap = TARGETS;
		l->info = calloc(l->cap, sizeof(*l->info));
	}
	l->nr = 0;
	return control_each(control, add_to_list, l);
}

void instances_free(struct instances *l)
{
	free(l->info);
	*l = (struct instances){ 0 };
}

int control_attach(int control, uint64_t instance_id, int *fd)
{
	struct target *t = &target[instance_id - 1];
	struct stat st;
	int pair[2], r;

	(void)control;
	heap_forbid(false);
	pthread_mutex_lock(&lock);
	r = fails(SIM_ATTACH);
	look_for_owner(t);
	if (!r && !t->exists)
		r = -ENOENT;
	if (!r && t->peer >= 0)
		r = -EBUSY;
	if (!r && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || fstat(pair[0], &st)))
		r = -errno;
	if (!r) {
		*fd = pair[0];
		t->owner = st.st_ino;
		t->peer = pair[1];
		t->state = ERAD_LOADING;
		t->event = true;
	}
	return leave(r);
}

int control_abort(int control, uint64_t instance_id)
{
	(void)control;
	(void)instance_id;
	return 0;
}

int instance_info(int fd, struct erad_info *info)
{
	struct target *t = enter(fd);

	/* The counters are 0, because no other table has ever let a write pass. */
	*info = (struct erad_info){ .h.size = sizeof(*info) };
	if (!t)
		return -ENODEV;
	t->event = false;
	fill_info(t, info);
	return leave(0);
}

int instance_ready(int fd, uint32_t era, const void *record, uint64_t sector)
{
	struct target *t = enter(fd);

	(void)record;
	(void)sector;
	if (!t)
		return -ENODEV;
	if (t->era != era || t->passing)
		return leave(-EINVAL);
	t->state = ERAD_ACTIVE;
	return leave(0);
}

int instance_prepare_era(int fd, uint32_t to)
{
	struct target *t = enter(fd);
	uint64_t before;
	int r;

	if (!t)
		return -ENODEV;
	r = fails(SIM_PREPARE_ERA);
	before = count.commits;
	while (count.commits < before + prepare_commits)
		pthread_cond_wait(&changed, &lock);
	if (!r)
		t->prepared = to;
	return leave(r);
}

int instance_new_era(int fd, uint32_t from, uint32_t to, uint32_t drain_ms)
{
	struct target *t = enter(fd);
	int r;

	(void)drain_ms;
	if (!t)
		return -ENODEV;
	r = fails(SIM_NEW_ERA);
	if (r)
		return leave(r);
	if (t->state != ERAD_ACTIVE && t->state != ERAD_LOADING)
		return leave(t->state == ERAD_FAILED ? -EIO : -EINVAL);
	if (t->era != to) {
		if (t->era != from || t->prepared != to)
			return leave(-EINVAL);
		if (t->draining)
			return leave(-EBUSY);
		t->era = to;
		t->passing = false;
		t->prepared = 0;
		t->draining = true;
		count.flipped = count.commits;
		end_drain();
	}
	if (t->draining)
		return leave(-ETIMEDOUT);
	count.begun = count.commits;
	return leave(0);
}

/* Under lock. */
static int commit(struct target *t, struct erad_xfer *x)
{
	int r;

	if (pause_state == PAUSE_WANTED) {
		pause_state = PAUSED;
		pthread_cond_broadcast(&changed);
		while (pause_state == PAUSED)
			pthread_cond_wait(&changed, &lock);
		load_end = count.commits + LOAD_AFTER_GO;
	}
	r = fails(SIM_COMMIT);
	if (!r && x->commit_batch != t->batch)
		r = -EINVAL;
	if (!r && t->batch_era != t->era)
		r = -ESTALE;
	if (r == -ESTALE)
		give_back(t);
	if (r)
		return r;
	sim_writers_commit_time(load_goes_on());
	end_drain();
	t->batch = 0;
	sim_writers_release(t->era, x->commit_status);
	if (x->commit_status)
		t->state = ERAD_FAILED;
	else
		count.commits++;
	pthread_cond_broadcast(&changed);
	return 0;
}

int instance_commit_fetch(int fd, struct erad_xfer *x)
{
	struct target *t = enter(fd);
	int r;

	if (!t)
		return -ENODEV;
	x->batch = x->nr = 0;
	r = t->state == ERAD_ACTIVE ? 0 : t->state == ERAD_FAILED ? -EIO :
		t->state == ERAD_DEGRADED ? -ENOTCONN : -EINVAL;
	if (!r && x->commit_batch)
		r = commit(t, x);
	/* Look again: the target may have been removed while erad waited. */
	if (!r && !t->exists)
		r = -ENODEV;
	if (!r && t->state == ERAD_ACTIVE)
		fetch(t, x);
	heap_forbid(!r);
	return leave(r);
}

int instance_usage(int fd, uint64_t used, uint64_t total, uint32_t snapshot_era)
{
	(void)fd;
	(void)used;
	(void)total;
	(void)snapshot_era;
	return 0;
}

int instance_stats(int fd, struct erad_stats *stats)
{
	(void)fd;
	memset(stats, 0, sizeof(*stats));
	return 0;
}

int instance_message_get(int fd, struct erad_message *m)
{
	struct target *t = enter(fd);

	*m = (struct erad_message){ 0 };
	if (!t)
		return -ENODEV;
	m->id = t->message;
	m->type = t->message_type;
	if (m->id)
		count.message = count.commits;
	t->message = 0;
	return leave(0);
}

int instance_message_reply(int fd, uint64_t id, int result, uint32_t era)
{
	struct target *t = enter(fd);

	if (!t)
		return -ENODEV;
	if (id == last_message) {
		replied = true;
		reply_result = result;
		reply_era = era;
		pthread_cond_broadcast(&changed);
	}
	return leave(0);
}

/* ---- functions for tests ---- */

void sim_start(const uint8_t id[16])
{
	pthread_mutex_lock(&lock);
	memcpy(uuid, id, sizeof(uuid));
	memset(target, 0, sizeof(target));
	memset(calls, 0, sizeof(calls));
	sim_writers_reset();
	for (unsigned int i = 0; i < TARGETS; i++)
		target[i].peer = -1;
	target[0].exists = true;
	target[0].state = ERAD_DETACHED;
	newest = 0;
	count = (struct sim_count){ 0 };
	load_end = UINT64_MAX;
	prepare_commits = 0;
	pthread_mutex_unlock(&lock);
}

/* Removes the target: wakes its owner, and drops its writes.  Context: lock. */
static void forget(struct target *t)
{
	t->exists = false;
	t->batch = 0;
	wake_owner(t);
}

void sim_reload(void)
{
	pthread_mutex_lock(&lock);
	if (newest + 1 == TARGETS)
		abort();
	give_back(&target[newest]);
	forget(&target[newest]);
	target[++newest] = (struct target){ .exists = true, .state = ERAD_DETACHED, .peer = -1 };
	pthread_mutex_unlock(&lock);
}

void sim_remove(void)
{
	pthread_mutex_lock(&lock);
	sim_writers_drop();
	for (unsigned int i = 0; i < TARGETS; i++)
		if (target[i].exists)
			forget(&target[i]);
	pthread_mutex_unlock(&lock);
}

void sim_load(unsigned int nr, unsigned int origin, unsigned int metadata)
{
	pthread_mutex_lock(&lock);
	load_end = UINT64_MAX;
	sim_writers_begin(nr, target[newest].era, origin, metadata);
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

void sim_stuck_write(void)
{
	pthread_mutex_lock(&lock);
	sim_writers_submit_stuck();
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

void sim_unstick(void)
{
	pthread_mutex_lock(&lock);
	sim_writers_complete_stuck();
	end_drain();
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

void sim_abort(void)
{
	struct target *t = &target[newest];

	pthread_mutex_lock(&lock);
	t->state = ERAD_FAILED;
	t->event = true;
	wake_owner(t);
	pthread_mutex_unlock(&lock);
}

void sim_pass_all(void)
{
	struct target *t = &target[newest];

	pthread_mutex_lock(&lock);
	t->batch = 0;
	sim_writers_pass(t->era);
	t->passing = t->event = true;
	t->state = ERAD_DEGRADED;
	wake_owner(t);
	pthread_mutex_unlock(&lock);
}

void sim_pause(void)
{
	pthread_mutex_lock(&lock);
	pause_state = PAUSE_WANTED;
	while (pause_state != PAUSED)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void sim_go(void)
{
	pthread_mutex_lock(&lock);
	pause_state = RUN;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void sim_fail_calls(enum sim_call call, int error, unsigned int times)
{
	pthread_mutex_lock(&lock);
	calls[call].error = error;
	calls[call].times = times;
	pthread_mutex_unlock(&lock);
}

void sim_slow_prepare(unsigned int commits)
{
	pthread_mutex_lock(&lock);
	prepare_commits = commits;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

unsigned int sim_calls(enum sim_call call)
{
	unsigned int nr;

	pthread_mutex_lock(&lock);
	nr = calls[call].calls;
	pthread_mutex_unlock(&lock);
	return nr;
}

void sim_message(enum erad_message_type type)
{
	pthread_mutex_lock(&lock);
	target[newest].message = ++last_message;
	target[newest].message_type = type;
	replied = false;
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

int sim_reply(uint32_t *era)
{
	int r;

	pthread_mutex_lock(&lock);
	while (!replied)
		pthread_cond_wait(&changed, &lock);
	r = reply_result;
	*era = reply_era;
	pthread_mutex_unlock(&lock);
	return r;
}

struct sim_count sim_count(void)
{
	struct sim_count c;

	pthread_mutex_lock(&lock);
	c = count;
	pthread_mutex_unlock(&lock);
	return c;
}

/* Allow the heap: nobody waits for what a volume does when it ends. */
void __real_thread_usual(void);
void __wrap_thread_usual(void);
void __wrap_thread_usual(void)
{
	heap_forbid(false);
	__real_thread_usual();
}

bool sim_released(uint64_t block)
{
	bool r;

	pthread_mutex_lock(&lock);
	r = sim_writers_released(block);
	pthread_mutex_unlock(&lock);
	return r;
}
