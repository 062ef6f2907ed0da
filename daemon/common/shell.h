/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quotes text as one word of a shell command, so that a user can paste a command that erad prints.
 */
#ifndef ERAD_SHELL_H
#define ERAD_SHELL_H

/*
 * Returns a word that bash and zsh read as exactly text, whatever bytes text contains.  The word
 * contains only printable ASCII characters.  The caller frees the word.  NULL: out of memory.
 */
char *shell_word(const char *text);

#endif /* ERAD_SHELL_H */
