// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl events: prints each change of a volume's state, each new era and each gap, until it is
 * interrupted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/protocol.h"
#include "eractl/volumes.h"

#define PERIOD_US	500000
#define ASK_MS		10000

/*
 * An event is a difference between two answers of erad.  Changes that begin and end between two
 * answers are also noticed, because the answers contain counters: the number of the era, the number
 * of gaps in the metadata, and state_changes.
 */
struct follower {
	char *const *names;		/* names of volumes, then a NULL; no names: all volumes */
	bool json;
	struct json_object *before;	/* {NAME: STATUS} of the last answer */
	/* Pid of the erad that sent the last answer.  0: erad did not answer. */
	int64_t pid;
	bool began;
	uint64_t start;			/* when the command began, in seconds since 1970 */
};

/*
 * Prints an event, and frees members.  volume: the volume's name, or NULL if the event is about
 * erad.
 */
static void print_change(const struct follower *f, const char *event, const char *volume,
			 struct json_object *members, const char *text)
{
	struct json_object *o;
	char when[32], line[1024];
	const time_t now = time(NULL);

	if (f->json) {
		o = json_object_new_object();
		json_object_object_add(o, "time", json_object_new_int64(now));
		json_object_object_add(o, "event", json_object_new_string(event));
		json_object_object_add(o, "volume", volume ? jsonl_text(volume) : NULL);
		json_object_object_foreach(members, key, value)
			json_object_object_add(o, key, json_object_get(value));
		print_json(o);
		json_object_put(o);
	} else {
		strftime(when, sizeof(when), "%F %T", localtime(&now));
		snprintf(line, sizeof(line), "%s  %-7s %s: %s", when, event, volume ? volume : "erad", text);
		puts(printable(line));
	}
	json_object_put(members);
	fflush(stdout);
}

static void say_erad(const struct follower *f, const char *state, const char *error)
{
	struct json_object *m = json_object_new_object();
	char text[600];

	json_object_object_add(m, "state", json_object_new_string(state));
	json_object_object_add(m, "error", error ? jsonl_text(error) : NULL);
	snprintf(text, sizeof(text), "%s%s%s", state, error ? ": " : "", error ? error : "");
	print_change(f, "erad", NULL, m, text);
}

static void say_state(const struct follower *f, const char *name, const char *state, const char *was, const char *error)
{
	struct json_object *m = json_object_new_object();
	char text[700];

	json_object_object_add(m, "state", json_object_new_string(state));
	json_object_object_add(m, "was", was ? json_object_new_string(was) : NULL);
	json_object_object_add(m, "error", error ? jsonl_text(error) : NULL);
	snprintf(text, sizeof(text), "%s%s%s%s%s", state, was ? ", was " : "", was ? was : "", error ? ": " : "",
		 error ? error : "");
	print_change(f, "state", name, m, text);
}

static void say_missed(const struct follower *f, const char *name, const char *what)
{
	struct json_object *m = json_object_new_object();

	json_object_object_add(m, "what", json_object_new_string(what));
	print_change(f, "missed", name, m, what);
}

static uint64_t number_of(struct json_object *o, const char *key)
{
	uint64_t n;

	return json_number(o, key, &n) ? n : 0;
}

/*
 * Returns the token in the answer, or the older token in the member "last_token", or NULL.  While a
 * volume closes, erad's answer contains no token.
 */
static const char *last_token(struct json_object *o)
{
	const char *token = json_text(o, "token");

	return token ? token : json_text(o, "last_token");
}

/*
 * Returns whether the volume was opened again, or other metadata was opened: both answers contain a
 * token, and the tokens differ in more than their eras.  For old, last_token() returns the token.
 */
static bool reopened(struct json_object *old, struct json_object *new)
{
	const char *a = last_token(old), *b = json_text(new, "token");
	const char *end_a = a ? strrchr(a, ':') : NULL, *end_b = b ? strrchr(b, ':') : NULL;

	return end_a && end_b && (end_a - a != end_b - b || memcmp(a, b, end_a - a));
}

static void look_at_states(const struct follower *f, const char *name, struct json_object *old, struct json_object *new)
{
	const char *state = json_text(new, "state"), *was = json_text(old, "state"), *error = json_text(new, "error");
	const char *old_error = json_text(old, "error");
	const uint64_t seen = state && was && strcmp(state, was);
	uint64_t count, old_count;

	if (!state)
		return;
	if (old && reopened(old, new)) {
		say_missed(f, name, "the volume was closed and opened");
	} else if (json_number(new, "state_changes", &count) && json_number(old, "state_changes", &old_count) &&
		   count > old_count + seen) {
		say_missed(f, name, "the state changed more often than is shown here");
	}
	if (!was || strcmp(state, was) || strcmp(error ? error : "", old_error ? old_error : ""))
		say_state(f, name, state, was, error);
}

static void look_at_eras(const struct follower *f, const char *name, struct json_object *old, struct json_object *new)
{
	uint64_t era, before;
	char text[32];

	if (!json_number(new, "era", &era) || !json_number(old, "era", &before))
		return;
	while (before < era) {
		struct json_object *m = json_object_new_object();

		before++;
		json_object_object_add(m, "era", json_object_new_uint64(before));
		snprintf(text, sizeof(text), "%" PRIu64, before);
		print_change(f, "era", name, m, text);
	}
	if (before > era)
		say_missed(f, name, "the era went back, because other metadata was opened");
}

static uint64_t total_of(struct json_object *status)
{
	struct json_object *totals = json_object_object_get(status, "gaps_total");
	uint64_t sum = 0, n;

	if (!totals)
		return 0;
	json_object_object_foreach(totals, key, value) {
		(void)key;
		if (json_to_number(value, &n))
			sum += n;
	}
	return sum;
}

/* Returns how many of the newest gaps began after the start of this command. */
static size_t gaps_since_start(const struct follower *f, struct json_object *gaps, size_t nr)
{
	size_t i = nr;

	while (i && number_of(json_object_array_get_idx(gaps, i - 1), "time") >= f->start)
		i--;
	return nr - i;
}

/*
 * Reports the new gaps.  The metadata may have kept only some of these gaps.  old: the last answer
 * in which the volume was open, or NULL if there is none.
 */
static void look_at_gaps(const struct follower *f, const char *name, struct json_object *old, struct json_object *new)
{
	struct json_object *gaps = json_object_object_get(new, "gaps");
	const size_t kept = json_object_is_type(gaps, json_type_array) ? json_object_array_length(gaps) : 0;
	const uint64_t total = total_of(new), before = total_of(old);
	uint64_t fresh = !old ? gaps_since_start(f, gaps, kept) : total > before ? total - before : 0;

	if (fresh > kept) {
		say_missed(f, name, "there were more gaps than the metadata keeps");
		fresh = kept;
	}
	for (size_t i = kept - fresh; i < kept; i++) {
		struct json_object *g = json_object_array_get_idx(gaps, i);
		const char *kind = json_text(g, "kind"), *detail = json_text(g, "detail");
		char text[512];

		snprintf(text, sizeof(text), "%s in era %" PRIu64 ": %s", kind ? kind : "unknown", number_of(g, "era"),
			 detail ? detail : "");
		print_change(f, "gap", name, json_object_get(g), text);
	}
}

/*
 * Returns the newest answer in which the volume was open: o itself, or the older answer in o's
 * member "known", or NULL.
 */
static struct json_object *open_answer(struct json_object *o)
{
	return json_object_object_get(o, "era") ? o : json_object_object_get(o, "known");
}

static bool is_wanted(const struct follower *f, const char *name)
{
	size_t i = 0;

	while (f->names[i] && strcmp(f->names[i], name))
		i++;
	return f->names[i] || !f->names[0];
}

static bool is_closed(struct json_object *o)
{
	const char *state = json_text(o, "state");

	return state && !strcmp(state, "closed");
}

static void look_at_volumes(struct follower *f, struct json_object *volumes)
{
	struct json_object *now = json_object_new_object(), *old, *known;
	const char *token;

	for (size_t i = 0; i < json_object_array_length(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = json_text(v, "volume");

		if (!name || !is_wanted(f, name))
			continue;
		old = json_object_object_get(f->before, name);
		known = open_answer(old);
		look_at_states(f, name, old, v);
		if (old && json_object_object_get(v, "era")) {
			look_at_eras(f, name, known, v);
			look_at_gaps(f, name, known, v);
		}
		/*
		 * Forget the token of a volume that was shown as closed: its next open has a new
		 * timeline, and is not an event that was missed.
		 */
		token = json_text(v, "token") || is_closed(v) ? NULL : last_token(old);
		if (token)
			json_object_object_add(v, "last_token", json_object_new_string(token));
		json_object_object_add(now, name, json_object_get(v));
		/*
		 * erad's answer for a closed volume contains neither an era nor gaps.  Keep the
		 * last answer that contained an era and gaps.
		 */
		if (known && !json_object_object_get(v, "era"))
			json_object_object_add(v, "known", json_object_get(known));
	}
	json_object_object_foreach(f->before, name, status)
		if (!json_object_object_get_ex(now, name, NULL))
			say_state(f, name, "gone", json_text(status, "state"), NULL);
	json_object_put(f->before);
	f->before = now;
}

static int ask_erad(struct json_object *request, struct json_object **result, struct err *err)
{
	return client_ask(ERAD_SOCKET, request, ASK_MS, result, err);
}

/*
 * Sends one request to erad, and prints what has changed.  Returns 0 or a negative errno; EACCES
 * ends the command.
 */
static int look_at_all(struct follower *f)
{
	static char *const all[] = { NULL };
	struct json_object *ping = NULL, *status = NULL, *volumes;
	struct err err;
	int64_t pid;
	int r;

	r = ask_erad(client_request("ping", NULL), &ping, &err);
	if (!r)
		r = ask_erad(client_request_volumes("status", all), &status, &err);
	if (r) {
		if (f->pid || !f->began)
			say_erad(f, "gone", err.msg);
		f->pid = 0;
	} else {
		pid = number_of(ping, "pid");
		if (pid != f->pid)
			say_erad(f, f->began ? "restarted" : "runs", NULL);
		f->pid = pid;
		if (json_object_object_get_ex(status, "volumes", &volumes) &&
		    json_object_is_type(volumes, json_type_array))
			look_at_volumes(f, volumes);
	}
	f->began = true;
	json_object_put(ping);
	json_object_put(status);
	return r;
}

static int run_events(const struct command *cmd, int argc, char **argv)
{
	struct follower f = { .before = json_object_new_object(), .start = time(NULL) };

	while (command_getopt(cmd, argc, argv) != -1)
		f.json = true;
	if (check_names(cmd, argv + optind))
		return EXIT_USAGE;
	f.names = argv + optind;
	while (look_at_all(&f) != -EACCES && !output_failed())
		usleep(PERIOD_US);
	json_object_put(f.before);
	return EXIT_FAILURE;
}

const struct command cmd_events = {
	.name = "events",
	.args = "[NAME…] [--json]",
	.summary = "follow changes of state, new eras and gaps",
	.text =
	"Prints a line for each event of all volumes, or of the named ones, until it is\n"
	"interrupted. Begins with the present state of erad and of each volume.\n"
	"\n"
	"  erad      erad runs, is gone, or was restarted\n"
	"  state     the state of a volume, or its error, has changed\n"
	"  era       a new era has begun\n"
	"  gap       writes may have gone past erad\n"
	"  missed    more has happened than is shown; 'eractl status' shows the state\n"
	"\n"
	"With --json, each line is a JSON object.",
	.options = "J",
	.run = run_events,
};
