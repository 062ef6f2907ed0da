// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects the findings of `eractl doctor`: see findings.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "common/shell.h"
#include "eractl/findings.h"

static const char *const level_name[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_PROBLEM] = "problem",
};

void finding_add(struct findings *f, enum finding_level level, const char *area, const char *volume,
		 const char *command, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char text[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_object_add(o, "level", json_object_new_string(level_name[level]));
	json_object_object_add(o, "area", json_object_new_string(area));
	json_object_object_add(o, "volume", volume ? jsonl_text(volume) : NULL);
	json_object_object_add(o, "text", jsonl_text(text));
	json_object_object_add(o, "command", command ? jsonl_text(command) : NULL);
	json_object_array_add(f->list, o);
	f->problem |= level == FINDING_PROBLEM;
}

char *finding_command(const char *program, const char *path)
{
	char *word = shell_word(path), *command = NULL;

	if (word && asprintf(&command, "%s %s", program, word) < 0)
		command = NULL;
	free(word);
	return command;
}
