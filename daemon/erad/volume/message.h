/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The message thread of a volume: carries out the messages of `dmsetup message`. */
#ifndef ERAD_MESSAGE_H
#define ERAD_MESSAGE_H

#include "common/err.h"

struct volume;

int message_start(struct volume *v, struct err *err);
void message_stop(struct volume *v);
/*
 * Passes a waiting message, if there is one, to the message thread.  Does not wait.  Context: the
 * volume thread.
 */
void message_look(struct volume *v);

#endif /* ERAD_MESSAGE_H */
