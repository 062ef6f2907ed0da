/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold of any metadata whatever: see exercise.c. */
#ifndef ERAD_FUZZ_EXERCISE_H
#define ERAD_FUZZ_EXERCISE_H

#include "image.h"

/* Uses m, and changes it. */
void exercise(struct mem *m, const struct image_head *head);

#endif /* ERAD_FUZZ_EXERCISE_H */
