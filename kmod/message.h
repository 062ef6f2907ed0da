/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of `dmsetup message`, which the owner answers. */
#ifndef ERAD_MESSAGE_H
#define ERAD_MESSAGE_H

#include "instance.h"

int erad_target_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		 unsigned int maxlen);

/*
 * If a message is under way, ends it with this result, and wakes its sender.  Context: ei->mutex.
 */
void erad_message_end(struct erad_instance *ei, int result, u32 era);

#endif /* ERAD_MESSAGE_H */
