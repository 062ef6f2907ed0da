// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that kills itself where a test wants it to: see failpoint.h. */
#include "common/failpoint.h"

#ifdef ERAD_FAILPOINTS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[NR_FAILPOINTS] = {
#define FAILPOINT_NAME(name)	#name,
	FAILPOINTS(FAILPOINT_NAME)
#undef FAILPOINT_NAME
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum failpoint armed = NR_FAILPOINTS;
static atomic_long left = 1;		/* passages, the last of which is the end */

static void arm(void)
{
	const char *text = getenv("ERAD_FAILPOINT");
	size_t len;
	unsigned int i;

	if (!text || !*text)
		return;
	len = strcspn(text, ":");
	if (text[len])
		atomic_store(&left, atol(text + len + 1));
	for (i = 0; i < NR_FAILPOINTS; i++) {
		if (strlen(names[i]) == len && !strncmp(names[i], text, len)) {
			armed = i;
			return;
		}
	}
	fprintf(stderr, "failpoint: got %s, expected a name in common/failpoint.h\n", text);
	abort();
}

void failpoint(enum failpoint at)
{
	char line[64];
	int len;

	pthread_once(&once, arm);
	if (at != armed || atomic_fetch_sub(&left, 1) != 1)
		return;
	len = snprintf(line, sizeof(line), "failpoint %s\n", names[at]);
	if (write(STDERR_FILENO, line, len) != len)
		abort();
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}
#endif
