// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts events at the module's tracepoints with BPF programs: see events.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "erad/bpf/events.h"
#include "trace.skel.h"

static struct counter_map_kind kind = { .pin = "events" };	/* constant after events_setup() */

void events_setup(void)
{
	struct trace *programs;
	unsigned int tries = 0;

	do
		programs = trace__open_and_load();
	while (!programs && counter_map_load_again(&tries));
	if (!programs) {
		err_set(&kind.unusable, -errno, "BPF programs cannot be loaded here: %m");
	} else if (trace__attach(programs)) {
		err_set(&kind.unusable, -errno, "BPF programs cannot be attached to the module's tracepoints: %m");
		trace__destroy(programs);
	} else {
		kind.obj = programs->obj;
		kind.like = programs->maps.events;
		kind.volumes = programs->maps.volumes;
	}
}

void events_init(struct events *e, const char *volume, pthread_mutex_t *lock)
{
	counter_map_init(&e->map, volume, lock);
	e->held = 0;
}

void events_begin(struct events *e, dev_t dev)
{
	struct err err;

	if (counter_map_begin(&e->map, &kind, dev, &err))
		trouble_says(&e->map.trouble, "events are not counted", &err);
	else
		trouble_over(&e->map.trouble, "counting events");
}

bool events_pinned(const struct events *e)
{
	return counter_map_pinned(&e->map, &kind);
}

void events_end(struct events *e, bool gone)
{
	counter_map_end(&e->map, &kind, gone);
}

bool events_read(const struct events *e, struct erad_map_events *out, struct err *error)
{
	const struct trouble *t = &e->map.trouble;
	const int fd = e->map.fd;
	const uint32_t key = 0;

	err_set(error, 0, "%s", t->since_ms ? t->err.msg : "");
	return fd >= 0 && !bpf_map_lookup_elem(fd, &key, out) && !t->since_ms;
}

uint64_t events_held(struct events *e, const struct erad_map_events *m, uint64_t held_now)
{
	const uint64_t held = m->released + m->failed + held_now;

	if (held > e->held)
		e->held = held;
	return e->held;
}
