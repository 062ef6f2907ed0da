/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths in which a backslash and three octal digits stand for a byte, as in eratab, fstab and the kernel's tables. */
#ifndef ERAD_OCTAL_H
#define ERAD_OCTAL_H

#include <stdbool.h>

/* Replaces each \ooo in s by its byte.  False if a backslash is followed by anything but 001 to 377. */
bool octal_unescape(char *s);

#endif /* ERAD_OCTAL_H */
