// SPDX-License-Identifier: GPL-2.0-or-later
/* An engine on plain memory: see mem.h. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "mem.h"

struct mem_engine {
	struct engine engine;
	struct mem *m;
};

/* Returns the memory of an operation.  Aborts if the caller breaks a rule of engine.h. */
static uint8_t *place(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	struct mem *m = ((struct mem_engine *)e)->m;

	expect(off % ERAD_PAGE == 0 && len % ERAD_PAGE == 0 && (uintptr_t)buf % ERAD_PAGE == 0);
	expect(len <= m->size && off <= m->size - len);
	return m->image + off;
}

static bool has_unreadable(const struct mem *m, uint64_t off, uint64_t len)
{
	return m->unreadable && m->unreadable - off / ERAD_PAGE < len / ERAD_PAGE;
}

static void wrote(struct mem *m, uint64_t off, uint64_t len)
{
	m->written = true;
	if (has_unreadable(m, off, len))
		m->unreadable = 0;
}

static int mem_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	if (has_unreadable(((struct mem_engine *)e)->m, off, len))
		return -EIO;
	memcpy(buf, place(e, buf, off, len), len);
	return 0;
}

static int mem_write(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	memcpy(place(e, buf, off, len), buf, len);
	wrote(((struct mem_engine *)e)->m, off, len);
	return 0;
}

static int mem_zero(struct engine *e, uint64_t off, uint64_t len)
{
	memset(place(e, NULL, off, len), 0, len);
	wrote(((struct mem_engine *)e)->m, off, len);
	return 0;
}

static int mem_flush(struct engine *e)
{
	(void)e;
	return 0;
}

static bool mem_hole(struct engine *e, uint64_t off, uint64_t len)
{
	const uint8_t *p = place(e, NULL, off, len);

	return ((struct mem_engine *)e)->m->holes && len && !*p && !memcmp(p, p + 1, len - 1);
}

static int mem_grow(struct engine *e, uint64_t size)
{
	struct mem *m = ((struct mem_engine *)e)->m;

	if (size > sizeof(m->image))
		return -ENOSPC;
	if (size > m->size) {
		memset(m->image + m->size, 0, size - m->size);
		m->size = size;
		e->size = size;
	}
	return 0;
}

static void mem_destroy(struct engine *e)
{
	free((struct mem_engine *)e);
}

static const struct engine_ops mem_ops = {
	.read = mem_read,
	.write = mem_write,
	.flush = mem_flush,
	.zero = mem_zero,
	.hole = mem_hole,
	.grow = mem_grow,
	.destroy = mem_destroy,
};

struct engine *mem_engine(struct mem *m)
{
	struct mem_engine *e = calloc(1, sizeof(*e));

	expect(e);
	e->engine.ops = &mem_ops;
	e->engine.block_device = true;
	e->engine.size = m->size;
	strcpy(e->engine.name, "memory");
	e->m = m;
	return &e->engine;
}
