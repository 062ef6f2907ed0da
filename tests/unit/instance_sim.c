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
#include "rnd.h"

#define TARGETS		4u
#define NEVER		UINT64_MAX
#define LOAD_AFTER_GO	2000u	/* how many commits */

struct target {
	bool exists;
	uint32_t era, prepared, state;
	uint64_t batch;		/* id of the outstanding batch; 0: none */
	uint32_t batch_era;
	bool draining, event;	/* event: POLLPRI is to be reported */
	bool passing;		/* all writes pass */
	int peer;		/* the owner's end of a socket; -1: nobody has attached */
	ino_t owner;		/* inode of the owner's end */
	uint64_t message;	/* id of the message that waits; 0: none */
	uint32_t message_type;
};

enum place {
	IDLE,			/* the writer does not write any more */
	HELD,
	FETCHED,
	AT_ORIGIN,
};

struct writer {
	enum place place;
	uint64_t block, until;	/* until: the step at which the write completes at the origin */
	uint32_t era;		/* the era in which the write was recorded */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* The variables below are under lock. */
static uint8_t uuid[16];
static struct target target[TARGETS];
static unsigned int newest;
static struct writer writer[SIM_WRITERS + 1];	/* the last one is stuck */
static unsigned int writers, origin_steps, metadata_steps;
static uint64_t now, next_block, last_batch, last_message, load_end;
static uint64_t rnd_state;
static unsigned int prepare_commits;
static struct sim_count count;
static struct { int error; unsigned int times, calls; } calls[SIM_CALLS];
static enum { RUN, PAUSE_WANTED, PAUSED } pause_state;
static bool replied;
static int reply_result;
static uint32_t reply_era;
static uint8_t released[SIM_BLOCKS];

int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);

/* ---- writers; under lock ---- */

static void write_next(struct writer *w)
{
	w->place = count.commits < load_end ? HELD : IDLE;
	w->block = next_block++ % SIM_BLOCKS;
}

static void end_drain(void)
{
	struct target *t = &target[newest];

	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == AT_ORIGIN && writer[i].era < t->era)
			return;
	if (!t->draining)
		return;
	t->draining = false;
	t->event = true;
	count.drained = count.commits;
}

static void go_to(uint64_t step)
{
	now = step;
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == AT_ORIGIN && writer[i].until <= now)
			write_next(&writer[i]);
	end_drain();
}

/* Returns the step at which the next write completes at the origin. */
static uint64_t next_event(void)
{
	uint64_t next = NEVER;

	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == AT_ORIGIN && writer[i].until < next)
			next = writer[i].until;
	return next;
}

static unsigned int in_place(enum place place)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		nr += writer[i].place == place;
	return nr;
}

static void give_back(struct target *t)
{
	t->batch = 0;
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == FETCHED)
			writer[i].place = HELD;
}

static void release(struct target *t, bool failed)
{
	t->batch = 0;
	for (unsigned int i = 0; i <= SIM_WRITERS; i++) {
		struct writer *w = &writer[i];

		if (w->place != FETCHED)
			continue;
		w->place = failed ? IDLE : AT_ORIGIN;
		w->era = t->era;
		w->until = i == SIM_WRITERS ? NEVER :
			now + origin_steps / 2 + rnd_below(&rnd_state, origin_steps + 1);
		released[w->block] |= !failed;
	}
}

static void fetch(struct target *t, struct erad_xfer *x)
{
	struct erad_range *r = (void *)(uintptr_t)x->buf;

	for (unsigned int i = 0; i <= SIM_WRITERS && x->nr < x->max; i++) {
		if (writer[i].place != HELD)
			continue;
		writer[i].place = FETCHED;
		r[x->nr++] = (struct erad_range){ .first = writer[i].block, .len = 1 };
	}
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

/* If the owner has closed its fd, the target has no owner any more. */
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

/* Takes the lock.  NULL: the target was removed, and the lock is not held. */
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
		(t->state == ERAD_ACTIVE && !t->batch && in_place(HELD) ? POLLIN : 0);
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
		next = next_event();
		if (!r && !fds[1].revents && next != NEVER) {
			go_to(next);
			pthread_mutex_unlock(&lock);
			continue;
		}
		/* Until it waits again, ends, or takes over another target. */
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

	/* No other table has ever let a write pass: the counters are 0. */
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
	go_to(now + metadata_steps);
	release(t, x->commit_status);
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
	/* The target may have been removed while erad waited. */
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
	memset(writer, 0, sizeof(writer));
	memset(calls, 0, sizeof(calls));
	memset(released, 0, sizeof(released));
	for (unsigned int i = 0; i < TARGETS; i++)
		target[i].peer = -1;
	target[0].exists = true;
	target[0].state = ERAD_DETACHED;
	newest = 0;
	count = (struct sim_count){ 0 };
	now = next_block = 0;
	load_end = NEVER;
	prepare_commits = 0;
	rnd_state = 1;
	pthread_mutex_unlock(&lock);
}

/* Removes the target: wakes its owner, and drops its writes.  Under lock. */
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
	memset(writer, 0, sizeof(writer));
	for (unsigned int i = 0; i < TARGETS; i++)
		if (target[i].exists)
			forget(&target[i]);
	pthread_mutex_unlock(&lock);
}

void sim_load(unsigned int nr, unsigned int origin, unsigned int metadata)
{
	pthread_mutex_lock(&lock);
	writers = nr;
	origin_steps = origin;
	metadata_steps = metadata;
	load_end = NEVER;
	/* The writers begin one after the other, as if each write had just been released. */
	for (unsigned int i = 0; i < writers; i++)
		writer[i] = (struct writer){
			.place = AT_ORIGIN, .era = target[newest].era, .until = now + i * (origin + metadata) / nr,
		};
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

void sim_stuck_write(void)
{
	pthread_mutex_lock(&lock);
	writer[SIM_WRITERS] = (struct writer){ .place = HELD, .block = next_block++ % SIM_BLOCKS };
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

void sim_unstick(void)
{
	pthread_mutex_lock(&lock);
	writer[SIM_WRITERS].place = IDLE;
	end_drain();
	wake_owner(&target[newest]);
	pthread_mutex_unlock(&lock);
}

void sim_pass_all(void)
{
	struct target *t = &target[newest];

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i <= SIM_WRITERS; i++)
		if (writer[i].place == HELD)
			writer[i].place = FETCHED;
	release(t, false);
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

/* What a volume does when it ends may take memory: nobody waits for it. */
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
	r = released[block];
	pthread_mutex_unlock(&lock);
	return r;
}
