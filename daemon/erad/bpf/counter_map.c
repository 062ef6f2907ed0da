// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pins the maps in which BPF programs count, and enters them into the table of devices: see
 * counter_map.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "erad/bpf/pins.h"
#include "erad/bpf/counter_map.h"

/*
 * How often loading a program is tried.  The kernel aborts the verification of a BPF program with
 * EAGAIN if a signal is pending, even a signal that stops erad only for a moment.  libbpf itself
 * tries again a few times.  The number is small, because writes wait for the start of erad.
 */
#define MAX_TRIES	5u

bool counter_map_load_again(unsigned int *tries)
{
	return errno == EAGAIN && ++*tries < MAX_TRIES;
}

/* Returns a device number in the kernel's internal form, which the tracepoints pass. */
static uint32_t kernel_dev(dev_t dev)
{
	return major(dev) << 20 | minor(dev);
}

void counter_map_init(struct counter_map *t, const char *volume, pthread_mutex_t *lock)
{
	*t = (struct counter_map){ .fd = -1 };
	trouble_init(&t->trouble, volume, lock);
}

static void set_fd(struct counter_map *t, int fd)
{
	pthread_mutex_lock(t->trouble.lock);
	t->fd = fd;
	pthread_mutex_unlock(t->trouble.lock);
}

static void leave_table(struct counter_map *t, const struct counter_map_kind *k)
{
	if (t->dev)
		bpf_map_delete_elem(bpf_map__fd(k->volumes), &t->dev);
	t->dev = 0;
}

int counter_map_begin(struct counter_map *t, const struct counter_map_kind *k, dev_t mapped, struct err *err)
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
		return err_set(err, -errno, "cannot enter the map into the table of the BPF programs: %m");
	t->dev = dev;
	return 0;
}

bool counter_map_pinned(const struct counter_map *t, const struct counter_map_kind *k)
{
	return !k->obj || pins_there(t->trouble.volume, k->pin);
}

void counter_map_end(struct counter_map *t, const struct counter_map_kind *k, bool gone)
{
	int fd = t->fd;

	leave_table(t, k);
	set_fd(t, -1);
	if (fd >= 0)
		close(fd);
	if (gone)
		pins_remove(t->trouble.volume, k->pin);
}
