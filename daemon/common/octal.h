/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Escapes in paths: a backslash and three octal digits stand for a byte.  eratab, fstab and the
 * kernel's tables of mounts and swap contain these escapes.
 */
#ifndef ERAD_OCTAL_H
#define ERAD_OCTAL_H

#include <stdbool.h>

/*
 * Replaces each \ooo in s by the byte.  Returns false if a backslash is not followed by three octal
 * digits from 001 to 377.
 */
bool octal_unescape(char *s);

#endif /* ERAD_OCTAL_H */
