// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks the memory of the process, and keeps its heap: see process.h. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "erad/base/log.h"
#include "erad/base/process.h"
#include "erad/base/reserve.h"

#define HEAP_KEEP	(4u << 20)	/* size of the heap from the start, in bytes */
/* Stack of the main thread, as large as the other threads' stacks. */
#define STACK_KEEP	(256u << 10)

static void spare_from_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* Go on after an error, because the service manager may have set the OOM score already. */
	if (fd < 0 || write(fd, "-1000", 5) < 0)
		log_warn("cannot tell the OOM killer to spare erad: %m");
	if (fd >= 0)
		close(fd);
}

/*
 * Makes malloc() use one heap, which never shrinks.  So malloc() causes no page faults, and uses
 * neither mmap() nor arenas.
 */
static int keep_heap(void)
{
	void *p;

	/*
	 * Ignore errors: with glibc's malloc, these calls cannot fail, and a sanitizer's malloc
	 * does not have these options.
	 */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	mallopt(M_TOP_PAD, HEAP_KEEP / 4);
	p = malloc(HEAP_KEEP);
	if (!p)
		return -ENOMEM;
	memset(p, 1, HEAP_KEEP);
	free(p);
	return 0;
}

/*
 * Grows the stack.  Call this before mlockall(), which locks only the pages that the stack already
 * has.
 */
static void keep_stack(void)
{
	volatile char page[STACK_KEEP];

	for (size_t i = 0; i < sizeof(page); i += 4096)
		page[i] = 0;
}

int process_spare(struct err *err)
{
	spare_from_oom_killer();
	/* Unless erad is an I/O flusher, an allocation may wait for writes that wait for erad. */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		return err_set(err, -errno, "cannot become an I/O flusher: %m; CAP_SYS_RESOURCE is needed");
	return 0;
}

int process_setup(struct err *err)
{
	/*
	 * Disable core dumps, because the kernel might write the dump to a volume whose writes wait
	 * for the end of this process.
	 */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	keep_stack();
	if (keep_heap() || reserve_setup())
		return err_set(err, -ENOMEM, "cannot allocate the memory that erad keeps for its heap");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return err_set(err, -errno, "cannot lock memory: %m; CAP_IPC_LOCK is needed");
	return 0;
}
