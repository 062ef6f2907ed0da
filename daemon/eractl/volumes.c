// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the same request for several volumes: see volumes.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/client.h"
#include "common/eratab.h"
#include "eractl/gaps.h"
#include "eractl/image.h"
#include "eractl/seen_note.h"
#include "eractl/volumes.h"
#include "eractl/witness_note.h"

bool print_opened(struct json_object *result)
{
	const char *volume = json_text(result, "volume");
	const char *metadata = json_text(result, "metadata");
	const char *device = json_text(result, "device");
	const char *origin = json_text(result, "origin");
	/* NULL if eratab names the path of the origin that the user has given. */
	const char *given = json_text(result, "origin_given");
	uint64_t era;

	if (!volume || !metadata || !device || !json_number(result, "era", &era))
		return false;
	printf("%s: %s is in era %" PRIu64 ", metadata in ", volume, device, era);
	print_printable(stdout, metadata);
	putchar('\n');
	if (given && origin) {
		printf("%s: the origin is ", volume);
		print_printable(stdout, origin);
		printf(" in " ERAD_TAB ", because ");
		print_printable(stdout, given);
		printf(" may be another device after the next boot\n");
	}
	return true;
}

bool print_era(struct json_object *result)
{
	uint64_t era;

	if (!json_number(result, "era", &era))
		return false;
	printf("%" PRIu64 "\n", era);
	return true;
}

bool print_token(struct json_object *result)
{
	const char *token = json_text(result, "token");

	return token && puts(token) >= 0;
}

void volume_forget_note(struct json_object *result)
{
	if (!json_text(result, "same_uuid"))
		seen_forget(json_text(result, "uuid"));
}

void volume_complain_left(struct json_object *result)
{
	const char *volume = json_text(result, "volume"), *why = json_text(result, "not_removed");

	if (volume && why)
		complain("volume %s: %s", volume, why);
}

/*
 * Notes the token, prints the gaps and takes the witness, as the job says.  Adds the result to the
 * array results, or prints the result if results is NULL.  Drops the reference to result.  Returns
 * the exit code.
 */
static int take_result(const struct volumes_job *job, struct json_object *result,
		       struct json_object *results)
{
	const char *volume = json_text(result, "volume");
	bool ok = true;

	if (job->forgets) {
		volume_forget_note(result);
		volume_complain_left(result);
	}
	if (job->at_boot)
		seen_note_opened(json_text(result, "token"));
	else
		seen_note(json_text(result, "token"));
	if (volume)
		gaps_complain(volume, json_object_object_get(result, "gaps"), GAPS_INCREMENT);
	if (results)
		json_object_array_add(results, result);
	else if (job->json)
		print_json(result);
	else if (job->print)
		ok = job->print(result);
	if (job->witness) {
		fflush(stdout);
		witness_note(volume, json_text(result, "token"));
	}
	if (!ok && volume)
		complain("volume %s: the answer of erad to %s cannot be understood: a member is missing", volume, job->op);
	else if (!ok)
		complain("the answer of erad to %s cannot be understood: it names no volume", job->op);
	if (!results)
		json_object_put(result);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_one(const struct volumes_job *job, struct json_object *request,
		   struct json_object *results)
{
	struct json_object *result;
	struct err err;

	if (client_call(request, NULL, NULL, &result, &err))
		return fail(&err);
	return take_result(job, result, results);
}

int volume_run(const struct volumes_job *job, struct json_object *request)
{
	return run_one(job, request, NULL);
}

/* Prints the array as the member "volumes", and drops the reference to it. */
static void print_results(struct json_object *results)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volumes", results);
	print_json(o);
	json_object_put(o);
}

int volumes_run(const struct volumes_job *job, char *const *names, size_t nr)
{
	struct json_object *results = job->json ? json_object_new_array() : NULL;
	int code = EXIT_SUCCESS;
	size_t i;

	for (i = 0; i < nr; i++) {
		struct json_object *request = client_request(job->op, names[i]);

		if (job->origin_replaced)
			json_object_object_add(request, "origin_replaced", json_object_new_boolean(true));
		if (job->accept_gap)
			json_object_object_add(request, "accept_gap", json_object_new_boolean(true));
		if (job->drop_image)
			image_drop_before_close(names[i]);
		if (run_one(job, request, results))
			code = EXIT_FAILURE;
		/* Flush the output, because the next volume may take long. */
		fflush(stdout);
		if (code && job->stop)
			break;
	}
	while (job->stop && ++i < nr)
		complain("volume %s: %s was not tried, because it failed for an earlier volume", names[i], job->op);
	if (results)
		print_results(results);
	return code;
}

/* Returns whether the answer for one volume has all members.  If not, prints an error. */
static bool has_checkpoint(const struct volumes_job *job, struct json_object *one)
{
	const char *volume = json_text(one, "volume");
	uint64_t era;

	if (!volume)
		complain("the answer of erad to %s cannot be understood: it names no volume", job->op);
	else if (!json_number(one, "era", &era) || !json_text(one, "token"))
		complain("volume %s: the answer of erad to %s cannot be understood: a member is missing", volume, job->op);
	else
		return true;
	return false;
}

int volumes_run_together(const struct volumes_job *job, char *const *names)
{
	struct json_object *request = client_request_volumes(job->op, names);
	struct json_object *result, *volumes, *one;
	struct err err;
	size_t nr;

	if (job->store_size)
		json_object_object_add(request, "store_size", json_object_new_uint64(job->store_size));
	if (client_call(request, NULL, NULL, &result, &err))
		return fail(&err);
	volumes = json_object_object_get(result, "volumes");
	if (!json_object_is_type(volumes, json_type_array)) {
		complain("the answer of erad cannot be understood: it has no list of volumes");
		json_object_put(result);
		return EXIT_FAILURE;
	}
	nr = json_object_array_length(volumes);
	/* Print nothing if a member is missing, because line n of the output must belong to volume n. */
	for (size_t i = 0; i < nr; i++) {
		if (has_checkpoint(job, json_object_array_get_idx(volumes, i)))
			continue;
		json_object_put(result);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < nr; i++) {
		one = json_object_array_get_idx(volumes, i);
		seen_note(json_text(one, "token"));
		gaps_complain(json_text(one, "volume"), json_object_object_get(one, "gaps"), GAPS_INCREMENT);
	}
	for (size_t i = 0; i < nr && !job->json; i++)
		job->print(json_object_array_get_idx(volumes, i));
	if (job->json)
		print_results(json_object_get(volumes));
	/* Flush the output, because each witness may take long. */
	fflush(stdout);
	for (size_t i = 0; i < nr && job->witness; i++) {
		one = json_object_array_get_idx(volumes, i);
		witness_note(json_text(one, "volume"), json_text(one, "token"));
	}
	json_object_put(result);
	return EXIT_SUCCESS;
}

bool complain_of_table(void)
{
	struct eratab tab;
	bool any = false;
	struct err err;
	size_t i;

	if (eratab_read(ERAD_TAB, &tab, &err)) {
		complain("%s", err.msg);
		return true;
	}
	for (i = 0; i < tab.nr; i++) {
		if (!tab.line[i].error)
			continue;
		complain("%s", tab.line[i].error);
		any = true;
	}
	eratab_free(&tab);
	return any;
}

int volumes_show(struct json_object *request, bool json,
		 int (*print)(struct json_object *volumes, bool verbose), bool verbose)
{
	struct json_object *result, *volumes;
	int code = EXIT_SUCCESS;
	struct err err;

	if (client_call(request, NULL, NULL, &result, &err))
		return fail(&err);
	volumes = json_object_object_get(result, "volumes");
	if (!json_object_is_type(volumes, json_type_array)) {
		complain("the answer of erad cannot be understood: it has no list of volumes");
		code = EXIT_FAILURE;
	} else if (json) {
		print_json(result);
	} else if (json_object_array_length(volumes)) {
		code = print(volumes, verbose);
	} else {
		complain("there are no volumes; run 'eractl create' to create one");
	}
	/*
	 * erad's answer does not contain volumes whose lines in eratab cannot be parsed, so print
	 * errors for these lines here.
	 */
	complain_of_table();
	json_object_put(result);
	return code;
}

int check_names(const struct command *cmd, char *const *names)
{
	for (; *names; names++)
		if (check_name(cmd, *names))
			return EXIT_USAGE;
	return 0;
}

int volumes_run_operands(const struct command *cmd, const struct volumes_job *job, int argc,
			 char **argv)
{
	if (optind >= argc)
		return usage_error(cmd, "the name of a volume is missing");
	if (check_names(cmd, argv + optind))
		return EXIT_USAGE;
	return volumes_run(job, argv + optind, argc - optind);
}

int volumes_run_operands_or_all(const struct command *cmd, struct volumes_job *job, int argc,
				char **argv, int (*run_all)(const struct volumes_job *job))
{
	bool all = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'a')
			all = true;
		else if (c == 'R')
			job->origin_replaced = true;
		else if (c == 'A')
			job->accept_gap = true;
		else if (c == 'q')
			job->drop_image = true;
		else if (c == 'J')
			job->json = true;
	}
	if (all && job->origin_replaced)
		return usage_error(cmd, "got both --all and --origin-replaced, expected the name of the volume whose origin was replaced");
	if (all && job->accept_gap)
		return usage_error(cmd, "got both --all and --accept-gap, expected the name of the volume whose gap is accepted");
	if (!all)
		return volumes_run_operands(cmd, job, argc, argv);
	if (optind < argc)
		return usage_error(cmd, "got both --all and %s, expected one", argv[optind]);
	return run_all(job);
}

int one_name(const struct command *cmd, int argc, char **argv)
{
	if (optind >= argc)
		return usage_error(cmd, "the name of a volume is missing");
	if (optind + 1 < argc)
		return usage_error(cmd, "got %s, expected one volume", argv[optind + 1]);
	return check_name(cmd, argv[optind]);
}

int volume_find_status(const char *name, struct json_object **status, struct err *err)
{
	char *names[] = { (char *)name, NULL };
	struct json_object *result, *list;
	int r;

	r = client_call(client_request_volumes("status", names), NULL, NULL, &result, err);
	if (r)
		return r;
	list = json_object_object_get(result, "volumes");
	*status = json_object_is_type(list, json_type_array) ? json_object_get(json_object_array_get_idx(list, 0)) : NULL;
	json_object_put(result);
	return *status ? 0 : err_set(err, -ENODEV, "volume %s: it is not open; run 'eractl open %s' to open it", name, name);
}

/*
 * Finds the path in the member `member` of the volume's status.  Only the status of an open volume
 * has this member.
 */
static int find_path(const char *name, const char *member, char **path, struct err *err)
{
	struct json_object *status;
	const char *text;
	int r;

	r = volume_find_status(name, &status, err);
	if (r)
		return r;
	text = json_text(status, member);
	*path = text ? strdup(text) : NULL;
	json_object_put(status);
	return *path ? 0 : err_set(err, -ENODEV, "volume %s: it is not open; run 'eractl open %s' to open it", name, name);
}

int volume_find_device(const char *name, char **path, struct err *err)
{
	return find_path(name, "device", path, err);
}

int volume_find_metadata(const char *name, char **path, struct err *err)
{
	return find_path(name, "metadata", path, err);
}
