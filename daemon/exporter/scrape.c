// SPDX-License-Identifier: GPL-2.0-or-later
/* Sends requests to erad, and writes the answers as metrics: see scrape.h. */
#include <stdlib.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/text_stream.h"
#include "exporter/backups.h"
#include "exporter/metrics.h"
#include "exporter/scrape.h"

/*
 * Sends a request and returns the answer.  If there is no answer before the deadline, returns NULL,
 * with the reason in err.
 */
static struct json_object *ask_before(const char *socket, const char *op, long long deadline, struct err *err)
{
	const long long left = deadline - jsonl_now_ms();
	struct json_object *result;

	return client_ask(socket, client_request(op, NULL), left > 0 ? (unsigned int)left : 0,
			  &result, err) ? NULL : result;
}

char *scrape(const struct scrape_from *from, size_t *len, struct err *err)
{
	const long long deadline = jsonl_now_ms() + SCRAPE_MS;
	struct json_object *status, *ping = NULL;
	struct err ignored;
	struct text_stream text = { 0 };
	FILE *f;

	err_set(err, 0, "%s", "");
	status = ask_before(from->socket, "status", deadline, err);
	if (status && metrics_check(status, err)) {
		json_object_put(status);
		status = NULL;
	}
	if (status)
		ping = ask_before(from->socket, "ping", deadline, &ignored);
	f = text_stream_open(&text);
	if (f) {
		metrics_print(f, ping, status);
		backups_print(f, from->backups);
		text_stream_close(f, &text);
	}
	json_object_put(ping);
	json_object_put(status);
	*len = text.len;
	return text.text;
}
