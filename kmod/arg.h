/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies the arguments of ioctls between user space and the kernel. */
#ifndef ERAD_ARG_H
#define ERAD_ARG_H

#include <linux/uaccess.h>

#include "erad_uapi.h"

/*
 * Copies a struct from user space.  The caller's struct may be shorter (older) or longer (newer)
 * than the module's struct.  v1: size of the first version of the struct.
 */
static inline int get_arg(void *dst, size_t ksize, size_t v1, void __user *arg)
{
	struct erad_hdr *h = dst;
	u32 size;
	int r;

	if (get_user(size, (u32 __user *)arg))
		return -EFAULT;
	if (size < v1)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	r = copy_struct_from_user(dst, ksize, arg, size);
	if (r)
		return r;
	/* User space can change the size in its memory at any time, so use the first read. */
	h->size = size;
	return h->flags ? -EINVAL : 0;
}

static inline int put_arg(void __user *arg, const void *src, size_t ksize)
{
	const struct erad_hdr *h = src;

	return copy_to_user(arg, src, min_t(size_t, h->size, ksize)) ? -EFAULT : 0;
}

#define GET_ARG(x, arg)	get_arg(&(x), sizeof(x), sizeof(x), arg)
#define PUT_ARG(x, arg)	put_arg(arg, &(x), sizeof(x))

#endif /* ERAD_ARG_H */
