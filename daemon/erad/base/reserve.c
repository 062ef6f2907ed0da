// SPDX-License-Identifier: GPL-2.0-or-later
/* Allocates memory at the start, and frees it when service begins: see reserve.h. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "erad/base/reserve.h"
#include "erad/base/thread.h"

#define RESERVE_SIZE	(4u << 20)	/* size of the memory in bytes */
#define RESERVE_PART	(32u << 10)	/* bytes freed at a time; all are freed within 6.4 s */
#define RESERVE_MS	50

static char *reserve;

int reserve_setup(void)
{
	void *p = mmap(NULL, RESERVE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	/*
	 * Request small pages, because a part of a huge page cannot be returned alone.  A kernel
	 * without huge pages refuses the call.
	 */
	madvise(p, RESERVE_SIZE, MADV_NOHUGEPAGE);
	memset(p, 1, RESERVE_SIZE);
	reserve = p;
	return 0;
}

static void *return_all(void *arg)
{
	(void)arg;
	thread_name("erad-reserve");
	for (size_t left = RESERVE_SIZE; left; left -= RESERVE_PART) {
		/* Do not use munmap(), because it may need memory itself. */
		madvise(reserve + left - RESERVE_PART, RESERVE_PART, MADV_DONTNEED_LOCKED);
		usleep(RESERVE_MS * 1000);
	}
	return NULL;
}

int reserve_return(void)
{
	return thread_start_detached(return_all, NULL);
}
