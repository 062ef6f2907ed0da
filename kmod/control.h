/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/erad-control. */
#ifndef ERAD_CONTROL_H
#define ERAD_CONTROL_H

int erad_control_init(void);
void erad_control_exit(void);

#endif /* ERAD_CONTROL_H */
