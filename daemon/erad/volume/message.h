/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What device-mapper was told, done by a thread of its own. */
#ifndef ERAD_MESSAGE_H
#define ERAD_MESSAGE_H

#include "common/err.h"

struct volume;

int message_start(struct volume *v, struct err *err);
void message_stop(struct volume *v);
/* Hands a message that waits, if any, to the message thread.  The volume thread's; waits for nothing. */
void message_look(struct volume *v);

#endif /* ERAD_MESSAGE_H */
