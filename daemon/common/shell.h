/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes text as one word of a shell command, so that a user can paste the command that erad prints. */
#ifndef ERAD_SHELL_H
#define ERAD_SHELL_H

/*
 * Returns a word that bash and zsh read as text, whatever bytes text has.  The word has printable
 * ASCII characters only.  The caller frees the word.  NULL: out of memory.
 */
char *shell_word(const char *text);

#endif /* ERAD_SHELL_H */
