// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests the contents of the status page from erad: see look.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "common/text_stream.h"
#include "exporter/cgroups.h"
#include "exporter/look.h"
#include "exporter/metrics.h"
#include "exporter/page.h"
#include "exporter/scrape.h"

#define LOOK_KEEP_MS	2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/*
 * The last answers of erad, which are used for LOOK_KEEP_MS.  Within LOOK_KEEP_MS, the exporter
 * requests the status and the ping only once.  It requests the writers and the map of a volume when
 * a page first shows the volume.  It sends no further requests to erad, whatever HTTP requests
 * arrive.
 */
static struct page answers;		/* `lock` protects this and the variables below */
static struct err trouble;
static long long asked_ms;		/* when the status was requested; 0: there are no answers */

static int ask_until(const char *socket, struct json_object *request, long long deadline,
		     struct json_object **result, struct err *err)
{
	const long long left = deadline - jsonl_now_ms();

	return client_ask(socket, request, left > 0 ? (unsigned int)left : 0, result, err);
}

static struct json_object *look_at_writers(const char *socket, const char *volume, long long deadline)
{
	struct json_object *request = client_request("writers", NULL), *names = json_object_new_array();
	struct json_object *result, *list, *o = NULL;
	struct err err;

	json_object_array_add(names, json_object_new_string(volume));
	json_object_object_add(request, "volumes", names);
	if (ask_until(socket, request, deadline, &result, &err)) {
		o = json_object_new_object();
		json_object_object_add(o, "error", jsonl_text(err.msg));
		return o;
	}
	list = json_object_object_get(result, "volumes");
	if (json_object_is_type(list, json_type_array))
		o = json_object_get(json_object_array_get_idx(list, 0));
	json_object_put(result);
	return o;
}

static struct json_object *ask_map(const char *socket, const char *volume, long long deadline)
{
	struct json_object *result;
	struct err err;

	if (ask_until(socket, client_request("map", volume), deadline, &result, &err)) {
		result = json_object_new_object();
		json_object_object_add(result, "error", jsonl_text(err.msg));
	}
	return result;
}

static void forget_answers(void)
{
	json_object_put(answers.ping);
	json_object_put(answers.status);
	json_object_put(answers.writers);
	json_object_put(answers.maps);
	json_object_put(answers.cgroups);
	answers = (struct page){ 0 };
	asked_ms = 0;
}

/*
 * Returns the name as it is in the status.  NULL: erad does not know the volume, or volume is NULL.
 */
static const char *find_name(const char *volume)
{
	struct json_object *volumes = json_object_object_get(answers.status, "volumes");

	for (size_t i = 0; volume && i < json_object_array_length(volumes); i++) {
		const char *name = json_text(json_object_array_get_idx(volumes, i), "volume");

		if (!strcmp(name, volume))
			return name;
	}
	return NULL;
}

/* Requests the writers and maps that the page shows, unless their answers are already kept. */
static void ask_volumes(const char *socket, long long deadline)
{
	struct json_object *volumes = json_object_object_get(answers.status, "volumes");

	for (size_t i = 0; i < json_object_array_length(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = json_text(v, "volume"), *state = json_text(v, "state");

		if (!page_shows(&answers, i, name) || !state || !strcmp(state, "closed") ||
		    json_object_object_get_ex(answers.maps, name, NULL))
			continue;
		json_object_object_add(answers.writers, name, look_at_writers(socket, name, deadline));
		json_object_object_add(answers.maps, name, ask_map(socket, name, deadline));
	}
}

static void ask_status(const char *socket, long long deadline)
{
	struct err ignored;

	forget_answers();
	trouble = (struct err){ "" };
	if (ask_until(socket, client_request("status", NULL), deadline, &answers.status, &trouble))
		answers.status = NULL;
	if (answers.status && metrics_check(answers.status, &trouble)) {
		json_object_put(answers.status);
		answers.status = NULL;
	}
	if (answers.status) {
		if (ask_until(socket, client_request("ping", NULL), deadline, &answers.ping, &ignored))
			answers.ping = NULL;
		answers.writers = json_object_new_object();
		answers.maps = json_object_new_object();
		answers.cgroups = cgroups_read();
	}
	answers.now = time(NULL);
	asked_ms = jsonl_now_ms();
}

char *look_page(const char *socket, const char *volume, bool refresh, size_t *len)
{
	const long long deadline = jsonl_now_ms() + SCRAPE_MS;
	char host[65] = "this machine";
	struct text_stream text = { 0 };
	FILE *f;

	pthread_mutex_lock(&lock);
	if (!asked_ms || jsonl_now_ms() - asked_ms >= LOOK_KEEP_MS)
		ask_status(socket, deadline);
	if (answers.status) {
		answers.volume = find_name(volume);
		ask_volumes(socket, deadline);
	}
	if (gethostname(host, sizeof(host) - 1))
		strcpy(host, "this machine");
	answers.host = host;
	answers.error = trouble.msg;
	answers.refresh = refresh;
	f = text_stream_open(&text);
	if (f) {
		page_print(f, &answers);
		text_stream_close(f, &text);
	}
	*len = text.len;
	pthread_mutex_unlock(&lock);
	return text.text;
}

void look_end(void)
{
	forget_answers();
}
