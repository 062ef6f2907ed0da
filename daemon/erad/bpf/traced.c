// SPDX-License-Identifier: GPL-2.0-or-later
/* Maps that BPF programs at tracepoints find by device: see traced.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "erad/bpf/pins.h"
#include "erad/bpf/traced.h"

/*
 * Any signal ends the check of a program, also one that stops erad for a moment.  libbpf
 * tries some times itself.  Not for long, because writes wait for erad to start.
 */
#define MAX_TRIES	5u

bool traced_again(unsigned int *tries)
{
	return errno == EAGAIN && ++*tries < MAX_TRIES;
}

/* As the tracepoints have it. */
static uint32_t kernel_dev(dev_t dev)
{
	return major(dev) << 20 | minor(dev);
}

void traced_init(struct traced *t, const char *volume, pthread_mutex_t *lock)
{
	*t = (struct traced){ .fd = -1 };
	trouble_init(&t->trouble, volume, lock);
}

static void set_fd(struct traced *t, int fd)
{
	pthread_mutex_lock(t->trouble.lock);
	t->fd = fd;
	pthread_mutex_unlock(t->trouble.lock);
}

static void leave_table(struct traced *t, const struct traced_kind *k)
{
	if (t->dev)
		bpf_map_delete_elem(bpf_map__fd(k->volumes), &t->dev);
	t->dev = 0;
}

int traced_begin(struct traced *t, const struct traced_kind *k, dev_t mapped, struct err *err)
{
	const uint32_t dev = kernel_dev(mapped);
	int fd = t->fd, r;

	if (!k->obj) {
		*err = k->unusable;
		return -EOPNOTSUPP;
	}
	r = pins_make_dir(t->trouble.volume, err);
	if (!r)
		r = pins_lasting(t->trouble.volume, k->pin, k->obj, k->like, &fd, NULL, err);
	set_fd(t, fd);
	if (r || dev == t->dev)
		return r;
	leave_table(t, k);
	if (bpf_map_update_elem(bpf_map__fd(k->volumes), &dev, &fd, BPF_ANY))
		return err_set(err, -errno, "cannot give the map to the BPF programs: %m");
	t->dev = dev;
	return 0;
}

bool traced_pinned(const struct traced *t, const struct traced_kind *k)
{
	return !k->obj || pins_there(t->trouble.volume, k->pin);
}

void traced_end(struct traced *t, const struct traced_kind *k, bool gone)
{
	int fd = t->fd;

	leave_table(t, k);
	set_fd(t, -1);
	if (fd >= 0)
		close(fd);
	if (gone)
		pins_remove(t->trouble.volume, k->pin);
}
