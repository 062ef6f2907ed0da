// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Acts as the owner of an instance, ioctl by ioctl, and checks every promise of
 * include/erad_uapi.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "protocol/protocol.h"

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
#define ENTRY(name)	{ #name, name },
	CASES(ENTRY)
#undef ENTRY
};

/*
 * Runs the case with this name, on an origin and on a slow device on the same origin.  Without
 * arguments, prints the names of the cases.
 */
int main(int argc, char **argv)
{
	size_t nr = sizeof(cases) / sizeof(cases[0]);

	if (argc != 4) {
		for (size_t i = 0; i < nr; i++)
			puts(cases[i].name);
		return argc == 1 ? 0 : 2;
	}
	origin = argv[2];
	slow = argv[3];
	control = open("/dev/erad-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		FAIL("/dev/erad-control: %s", strerror(errno));
	for (size_t i = 0; i < nr; i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].fn();
		return 0;
	}
	FAIL("no case %s", argv[1]);
	return 2;
}
