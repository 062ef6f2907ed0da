// SPDX-License-Identifier: GPL-2.0-or-later
/* All BPF maps that show a volume to other programs: see shown.h. */
#include "erad/bpf/pins.h"
#include "erad/bpf/shown.h"

void shown_setup(bool no_writers)
{
	mirror_setup();
	events_setup();
	writers_setup(no_writers);
}

void shown_sweep(bool (*keep)(const char *name))
{
	pins_sweep(keep);
}

int shown_init(struct shown *s, const char *volume, pthread_mutex_t *lock)
{
	mirror_init(&s->mirror, volume, lock);
	events_init(&s->events, volume, lock);
	return writers_init(&s->writers, volume, lock);
}

void shown_free(struct shown *s)
{
	writers_free(&s->writers);
}

void shown_prepare(const struct shown *s, uint64_t nr_blocks, struct mirror_map *map)
{
	mirror_prepare(&s->mirror, nr_blocks, map);
	map->pinned = map->pinned && events_pinned(&s->events) && writers_pinned(&s->writers);
}

void shown_attach(struct shown *s, const struct mirror_era *e)
{
	mirror_begin(&s->mirror, e, NULL);
}

void shown_count(struct shown *s, const struct mirror_era *e)
{
	events_begin(&s->events, e->dev);
	writers_begin(&s->writers, e->dev, e->era);
}

void shown_next(struct shown *s, const struct mirror_era *e, struct mirror_map *map)
{
	const bool pinned = map->pinned;

	mirror_begin(&s->mirror, e, map);
	/*
	 * events_begin() is needed only if somebody has removed a pin, or if counting has not
	 * worked until now.
	 */
	if (!pinned || s->events.map.trouble.since_ms)
		events_begin(&s->events, e->dev);
	if (pinned)
		writers_next(&s->writers, e->dev, e->era);
	else
		writers_begin(&s->writers, e->dev, e->era);
}

void shown_end(struct shown *s, bool gone)
{
	events_end(&s->events, gone);
	writers_end(&s->writers, gone);
	mirror_end(&s->mirror, gone);
}
