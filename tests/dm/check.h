/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the programs that test the module: reports errors, and calls the module. */
#ifndef ERAD_TESTS_CHECK_H
#define ERAD_TESTS_CHECK_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "erad_uapi.h"

static inline void fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);	/* _exit(), because other threads may be running */
}

#define FAIL(...)	fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)	do { if (!(cond)) FAIL("not true: %s", #cond); } while (0)
#define EXPECT(got, want) do {						\
	long long g_ = (got), w_ = (want);				\
	if (g_ != w_)							\
		FAIL("%s: got %lld, expected %lld", #got, g_, w_);	\
} while (0)

/* Calls an ioctl.  Returns 0, or a positive errno. */
static inline int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? errno : 0;
}

#define HDR(x)	((x).h = (struct erad_hdr) { .size = sizeof(x) })

#endif /* ERAD_TESTS_CHECK_H */
