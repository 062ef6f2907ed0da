/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The places of the volumes' BPF maps in bpffs: directories, pins, who may
 * read them.  Nothing here waits for a disk.
 */
#ifndef ERAD_PINS_H
#define ERAD_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct bpf_map;
struct bpf_object;

/* Once, before threads. */
void pins_setup(void);

/* Removes the directories of all volumes that keep() does not want.  keep() may take locks of its own. */
void pins_sweep(bool (*keep)(const char *name));

/* Whether something is pinned there. */
bool pins_there(const char *name, const char *pin);

/* Makes the directory of a volume, if it is not there. */
int pins_make_dir(const char *name, struct err *err);

/* Pins a map, in place of what is pinned there. */
int pins_put(const char *name, const char *pin, int fd, struct err *err);

/* A new map like that one of obj, called erad_PIN; its fd, or a negative errno. */
int pins_make(const char *pin, const struct bpf_object *obj, const struct bpf_map *like,
	      uint32_t entries);

/*
 * Sees to it that a map like that one of obj is pinned there.  *fd: the caller's; -1:
 * takes that of an erad before, which programs may have, or makes a new one.  On
 * failure, as it was.  value: gets the one value of an array that was there; or NULL.
 */
int pins_lasting(const char *name, const char *pin, const struct bpf_object *obj,
		 const struct bpf_map *like, int *fd, void *value, struct err *err);

/* Removes a pin; NULL: the directory. */
void pins_remove(const char *name, const char *pin);

#endif /* ERAD_PINS_H */
