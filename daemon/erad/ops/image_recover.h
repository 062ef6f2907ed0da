/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes what interrupted requests about images have left, when erad starts. */
#ifndef ERAD_OPS_IMAGE_RECOVER_H
#define ERAD_OPS_IMAGE_RECOVER_H

/*
 * Starts a thread that removes what an interrupted create or drop has left.  If a removal fails,
 * the thread logs the error once, and tries again every five seconds.
 */
void image_recover(void);

#endif /* ERAD_OPS_IMAGE_RECOVER_H */
