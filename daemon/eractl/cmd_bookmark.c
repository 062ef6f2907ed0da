// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl bookmark: names moments of a volume, and lists and deletes the names. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/bookmark.h"
#include "common/client.h"
#include "eractl/bookmarks.h"
#include "eractl/gaps.h"
#include "eractl/seen_note.h"
#include "eractl/witness_note.h"
#include "eractl/table.h"
#include "eractl/volumes.h"

static const struct column bookmark_columns[] = {
	{ "BOOKMARK", cell_text, "name", NULL, 0 },
	{ "SET", cell_date, "time", NULL, 0 },
	{ "TOKEN", cell_text, "token", NULL, 0 },
	{ }
};

static int show_bookmarks(const char *operand, bool json)
{
	struct json_object *answer;
	struct err err;
	int code = EXIT_SUCCESS;

	if (bookmarks_list(operand, &answer, &err))
		return fail(&err);
	if (json)
		print_json(answer);
	else if (json_object_array_length(json_object_object_get(answer, "bookmarks")))
		code = table_print(bookmark_columns, json_object_object_get(answer, "bookmarks")) ? EXIT_FAILURE : EXIT_SUCCESS;
	else
		complain("volume %s: there are no bookmarks; 'eractl bookmark NAME BOOKMARK' sets one", operand);
	json_object_put(answer);
	return code;
}

static bool print_nothing(struct json_object *result)
{
	return json_text(result, "volume");
}

/*
 * Sets the bookmark to the token's moment, or, if token is NULL, to the beginning of a new era.
 * Prints the token, or erad's answer as JSON.  Returns the exit code.
 */
static int set_bookmark(const char *volume, const char *bookmark, const char *token, bool json)
{
	struct json_object *checkpoint = NULL, *request, *result = NULL;
	struct err err;
	int r = 0;

	if (!token) {
		r = client_call(client_request("checkpoint", volume), NULL, NULL, &checkpoint, &err);
		token = json_text(checkpoint, "token");
		seen_note(token);
		gaps_complain(volume, json_object_object_get(checkpoint, "gaps"), GAPS_INCREMENT);
		witness_note(volume, token);
	}
	if (!r && !token)
		r = err_set(&err, -EBADMSG, "volume %s: the answer of erad to checkpoint has no token", volume);
	if (!r) {
		request = client_request("bookmark_set", volume);
		json_object_object_add(request, "bookmark", json_object_new_string(bookmark));
		json_object_object_add(request, "token", json_object_new_string(token));
		r = client_call(request, NULL, NULL, &result, &err);
	}
	if (!r && json)
		print_json(result);
	else if (!r)
		puts(token);
	json_object_put(result);
	json_object_put(checkpoint);
	return r ? fail(&err) : EXIT_SUCCESS;
}

static int delete_bookmark(const char *volume, const char *bookmark, bool json)
{
	const struct volumes_job job = { .op = "bookmark_delete", .print = print_nothing, .json = json };
	struct json_object *request = client_request(job.op, volume);

	json_object_object_add(request, "bookmark", json_object_new_string(bookmark));
	return volume_run(&job, request);
}

static int run_bookmark(const struct command *cmd, int argc, char **argv)
{
	bool delete = false, json = false;
	const char *token = NULL, *volume, *bookmark;
	struct token t;
	struct err err;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'k')
			token = optarg;
		else if (c == 'x')
			delete = true;
		else
			json = true;
	}
	if (optind >= argc)
		return usage_error(cmd, "the name of a volume is missing");
	volume = argv[optind++];
	bookmark = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return usage_error(cmd, "got %s, expected one volume and one bookmark", argv[optind]);
	if (!bookmark && (token || delete))
		return usage_error(cmd, "the name of the bookmark is missing");
	if (token && delete)
		return usage_error(cmd, "got both --token and --delete, expected one");
	if (token && !token_from_text(token, &t))
		return usage_error(cmd, "token %s: expected a token of 'eractl checkpoint --token'", token);
	if (bookmark && bookmark_check_name(bookmark, &err))
		return usage_error(cmd, "%s", err.msg);
	if ((bookmark || !strchr(volume, '/')) && check_name(cmd, volume))
		return EXIT_USAGE;
	if (!bookmark)
		return show_bookmarks(volume, json);
	return delete ? delete_bookmark(volume, bookmark, json) : set_bookmark(volume, bookmark, token, json);
}

const struct command cmd_bookmark = {
	.name = "bookmark",
	.args = "NAME|METADATA [--json] | NAME BOOKMARK [--token TOKEN | --delete] [--json]",
	.summary = "give a moment of a volume a name",
	.text =
	"Begins a new era, as checkpoint does, keeps its token in the volume's metadata\n"
	"under the name BOOKMARK, and prints the token. With --token, keeps this token.\n"
	"Then 'eractl diff NAME --since @BOOKMARK' lists what was written since; send and\n"
	"verify take @BOOKMARK, too. A bookmark that exists is moved. Without BOOKMARK,\n"
	"lists the bookmarks, also of a volume that is closed.\n"
	"\n"
	"A name has up to 40 letters, digits and . _ + -, and begins with a letter or a\n"
	"digit. A volume has up to 64 bookmarks.\n"
	"\n"
	"If the metadata is put back from an older copy, its bookmarks are those of the\n"
	"older copy. Then only a token that was kept with the backup shows that a full\n"
	"copy is due.",
	.options = "kxJ",
	.run = run_bookmark,
};
