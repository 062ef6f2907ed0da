// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads tables that must be refused.  Each line of standard input is "SECTORS TARGET PARAMETERS",
 * and is loaded COUNT times.
 *
 * usage: bad_tables COUNT
 */

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "dm_raw.h"

#define NAME	"bad"

/*
 * Returns whether the target refuses the line.  A refusal by the parser of this program does not
 * count.
 */
static bool refused(int fd, const char *line)
{
	char type[DM_MAX_TYPE_NAME];
	unsigned long long sectors;
	struct dm_raw q;
	int at = 0;

	if (sscanf(line, "%llu %15s %n", &sectors, type, &at) != 2)
		return false;
	dm_raw_table(&q, NAME, sectors, type, line + at);
	return dm_raw_call(fd, DM_TABLE_LOAD, &q);
}

int main(int argc, char **argv)
{
	int fd = dm_raw_open(), count = argc == 2 ? atoi(argv[1]) : 0, nr = 0;
	bool failed = false;
	char line[1024], path[32];

	if (fd < 0 || dm_raw_create(fd, NAME, path)) {
		fprintf(stderr, "FAIL: %s cannot be created: %m\n", NAME);
		return 1;
	}
	while (!failed && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < count && !failed; i++, nr++) {
			failed = !refused(fd, line);
			if (failed)
				fprintf(stderr, "FAIL: not refused: %s\n", line);
		}
	}
	if (dm_raw(fd, DM_DEV_REMOVE, NAME, 0)) {
		fprintf(stderr, "FAIL: %s cannot be removed: %m\n", NAME);
		failed = true;
	}
	close(fd);
	return failed || !nr;
}
