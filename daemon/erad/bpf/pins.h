/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pins of the volumes' BPF maps in bpffs, with their directories, names and permissions.  No
 * function waits for a disk.
 */
#ifndef ERAD_PINS_H
#define ERAD_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct bpf_map;
struct bpf_object;

/* In all functions, name is the name of a volume, and pin is the name of one of its pins. */

/*
 * Looks up the group whose members may read the maps.  Call this once, before any thread is created.
 */
void pins_setup(void);

/* Removes the directories of all volumes for which keep() returns false.  keep() may take locks. */
void pins_sweep(bool (*keep)(const char *name));

/* Returns whether the pin exists. */
bool pins_there(const char *name, const char *pin);

/* Creates the directory of a volume, unless it exists. */
int pins_make_dir(const char *name, struct err *err);

/* Pins a map.  Replaces an existing pin. */
int pins_put(const char *name, const char *pin, int fd, struct err *err);

/*
 * Creates a map with the type of `like`, a map of obj, and with the name erad_PIN.  Returns its fd
 * or a negative errno.
 */
int pins_make(const char *pin, const struct bpf_object *obj, const struct bpf_map *like,
	      uint32_t entries);

/*
 * Ensures that a map with the type of `like`, a map of obj, is open in *fd and pinned.
 *
 * If *fd is -1, opens the map that an earlier erad has pinned, because other programs may have the
 * map open.  If there is no such pin, creates a map.  If an earlier erad's map was opened and value
 * is not NULL, copies entry 0 of the map to *value.  On failure, *fd is unchanged.
 */
int pins_lasting(const char *name, const char *pin, const struct bpf_object *obj,
		 const struct bpf_map *like, int *fd, void *value, struct err *err);

/* Removes a pin, or the volume's directory if pin is NULL. */
void pins_remove(const char *name, const char *pin);

#endif /* ERAD_PINS_H */
