/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stand-in for the header of the kernel. */
#include "../kernel.h"
