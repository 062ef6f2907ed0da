/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks any metadata, even hostile: see exercise.c. */
#ifndef ERAD_FUZZ_EXERCISE_H
#define ERAD_FUZZ_EXERCISE_H

#include "image.h"

/* Runs the checks on m, and changes m. */
void exercise(struct mem *m, const struct image_head *head);

#endif /* ERAD_FUZZ_EXERCISE_H */
