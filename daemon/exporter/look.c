// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks erad for what the page shows: see look.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "exporter/cgroups.h"
#include "exporter/look.h"
#include "exporter/metrics.h"
#include "exporter/page.h"
#include "exporter/scrape.h"

#define LOOK_KEEP_MS	2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct page answers;		/* these under lock */
static struct err trouble;
static char *shown;			/* the volume that was asked for; NULL: none */
static long long asked_ms;		/* when the answers were complete; 0: there are none */

static int ask_until(const char *socket, struct json_object *request, long long deadline,
		     struct json_object **result, struct err *err)
{
	const long long left = deadline - jsonl_now_ms();

	return client_ask(socket, request, left > 0 ? (unsigned int)left : 0, result, err);
}

static struct json_object *ask_writers(const char *socket, const char *volume, long long deadline)
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
	free(shown);
	shown = NULL;
	asked_ms = 0;
}

static void ask_volumes(const char *socket, long long deadline)
{
	struct json_object *volumes = json_object_object_get(answers.status, "volumes");
	const size_t nr = json_object_array_length(volumes);

	for (size_t i = 0; shown && i < nr && !answers.volume; i++) {
		const char *name = json_text(json_object_array_get_idx(volumes, i), "volume");

		if (!strcmp(name, shown))
			answers.volume = name;
	}
	answers.writers = json_object_new_object();
	answers.maps = json_object_new_object();
	for (size_t i = 0; i < nr; i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = json_text(v, "volume"), *state = json_text(v, "state");

		if (!page_shows(&answers, i, name) || !state || !strcmp(state, "closed"))
			continue;
		json_object_object_add(answers.writers, name, ask_writers(socket, name, deadline));
		json_object_object_add(answers.maps, name, ask_map(socket, name, deadline));
	}
	answers.cgroups = cgroups_read();
}

static void ask_all(const char *socket, const char *volume)
{
	const long long deadline = jsonl_now_ms() + SCRAPE_MS;
	struct err ignored;

	forget_answers();
	shown = volume ? strdup(volume) : NULL;
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
		ask_volumes(socket, deadline);
	}
	answers.now = time(NULL);
	asked_ms = jsonl_now_ms();
}

static bool is_shown(const char *volume)
{
	return volume ? shown && !strcmp(volume, shown) : !shown;
}

char *look_page(const char *socket, const char *volume, bool refresh, size_t *len)
{
	char host[65] = "this machine", *text = NULL;
	FILE *f;

	pthread_mutex_lock(&lock);
	if (!asked_ms || !is_shown(volume) || jsonl_now_ms() - asked_ms >= LOOK_KEEP_MS)
		ask_all(socket, volume);
	if (gethostname(host, sizeof(host) - 1))
		strcpy(host, "this machine");
	answers.host = host;
	answers.error = trouble.msg;
	answers.refresh = refresh;
	f = open_memstream(&text, len);
	if (f) {
		page_print(f, &answers);
		if (fclose(f)) {
			free(text);
			text = NULL;
		}
	}
	pthread_mutex_unlock(&lock);
	return text;
}

void look_end(void)
{
	forget_answers();
}
