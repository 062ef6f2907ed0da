// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts from the module's tracepoints: see events.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "erad/bpf/events.h"
#include "erad/volume/volume.h"
#include "trace.skel.h"

static struct traced_kind kind = { .pin = "events" };	/* constant after events_setup() */

void events_setup(void)
{
	struct trace *programs;
	unsigned int tries = 0;

	do
		programs = trace__open_and_load();
	while (!programs && traced_again(&tries));
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

void events_init(struct events *e)
{
	e->traced.fd = -1;
}

void events_begin(struct volume *v)
{
	struct err err;

	if (traced_begin(v, &v->events.traced, &kind, &err))
		trouble_says(&v->events_trouble, "events are not counted", &err);
	else
		trouble_over(&v->events_trouble, "counting events");
}

bool events_pinned(const struct volume *v)
{
	return traced_pinned(v, &kind);
}

void events_end(struct volume *v, bool gone)
{
	traced_end(v, &v->events.traced, &kind, gone);
}

bool events_read(const struct volume *v, struct erad_map_events *out, struct err *error)
{
	const struct trouble *t = &v->events_trouble;
	const int fd = v->events.traced.fd;
	const uint32_t key = 0;

	err_set(error, 0, "%s", t->since_ms ? t->err.msg : "");
	return fd >= 0 && !bpf_map_lookup_elem(fd, &key, out) && !t->since_ms;
}

uint64_t events_held(struct volume *v, const struct erad_map_events *e, uint64_t held_now)
{
	const uint64_t held = e->released + e->failed + held_now;

	if (held > v->events.held)
		v->events.held = held;
	return v->events.held;
}
