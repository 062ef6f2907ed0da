// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the status page: see page.h. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "common/members.h"
#include "exporter/html.h"
#include "exporter/page.h"
#include "exporter/page_volume.h"

bool page_shows(const struct page *p, size_t number, const char *volume)
{
	return p->volume ? volume && !strcmp(volume, p->volume) : number < PAGE_SHOWN;
}

static size_t count_gaps(struct json_object *status)
{
	struct json_object *total = json_object_object_get(status, "gaps_total");
	uint64_t sum = 0, n;

	if (!json_object_is_type(total, json_type_object))
		return 0;
	json_object_object_foreach(total, kind, value) {
		(void)kind;
		if (json_to_number(value, &n) && __builtin_add_overflow(sum, n, &sum))
			sum = UINT64_MAX;
	}
	return sum;
}

/*
 * Returns the class in the style sheet: "good", "bad" or "plain".  The text beside it says the
 * same, for readers who see no colours.
 */
static const char *look_of_state(const char *state, bool noauto)
{
	if (state && !strcmp(state, "active"))
		return "good";
	return state && !strcmp(state, "closed") && noauto ? "plain" : "bad";
}

static void put_number(FILE *f, struct json_object *status, const char *key)
{
	uint64_t n;

	fputs("<td class=\"number\">", f);
	if (json_number(status, key, &n))
		fprintf(f, "%" PRIu64, n);
	else
		fputs("&#8211;", f);
	fputs("</td>", f);
}

static void put_age(FILE *f, const struct page *p, struct json_object *status, const char *key, const char *none)
{
	uint64_t time;

	fputs("<td>", f);
	if (json_number(status, key, &time)) {
		html_duration(f, p->now > time ? p->now - time : 0);
		fputs(" ago, ", f);
		html_time(f, time);
	} else {
		fputs(none, f);
	}
	fputs("</td>", f);
}

static void put_changed(FILE *f, struct json_object *status)
{
	uint64_t changed, size;

	fputs("<td class=\"number\">", f);
	if (json_number(status, "changed_bytes", &changed)) {
		html_size(f, changed);
		if (json_number(status, "size", &size) && size)
			fprintf(f, " (%.1f %%)", 100.0 * (double)changed / (double)size);
	} else {
		fputs("not known", f);
	}
	fputs("</td>", f);
}

/* Writes a link to the page that shows this volume in full. */
static void put_link(FILE *f, const char *volume)
{
	fputs("<a href=\"/?volume=", f);
	for (const unsigned char *p = (const unsigned char *)volume; *p; p++)
		fprintf(f, isalnum(*p) && *p < 0x80 ? "%c" : "%%%02X", *p);
	fputs("\">", f);
}

static void put_row(FILE *f, const struct page *p, size_t number, bool shown, struct json_object *status)
{
	struct json_object *oldest = json_object_object_get(status, "oldest_held_seconds");
	const bool noauto = json_object_get_boolean(json_object_object_get(status, "noauto"));
	const bool detaching = json_object_get_boolean(json_object_object_get(status, "detaching"));
	const char *volume = json_text(status, "volume"), *state = json_text(status, "state");
	const bool closed = state && !strcmp(state, "closed");
	const size_t gaps = count_gaps(status);
	double seconds;
	uint64_t held;

	fputs("<tr><th scope=\"row\">", f);
	if (shown)
		fprintf(f, "<a href=\"#v%zu\">", number);
	else
		put_link(f, volume);
	html_text(f, volume);
	fprintf(f, "</a></th><td><span class=\"state %s\">", look_of_state(state, noauto && !detaching));
	html_text(f, state ? state : "unknown");
	if (closed)
		fputs(noauto ? ", noauto" : ", not tracked", f);
	if (json_object_get_boolean(json_object_object_get(status, "suspended")))
		fputs(", suspended", f);
	if (detaching)
		fputs(", detaching", f);
	fputs("</span></td>", f);
	put_number(f, status, "era");
	put_age(f, p, status, "era_time", closed ? "&#8211;" : "not known");
	put_age(f, p, status, "checkpoint_time", closed ? "&#8211;" : "none yet");
	if (closed)
		fputs("<td class=\"number\">&#8211;</td>", f);
	else
		put_changed(f, status);
	fputs("<td class=\"number\">", f);
	if (json_number(status, "held", &held))
		fprintf(f, "%" PRIu64, held);
	else
		fputs("&#8211;", f);
	seconds = json_object_is_type(oldest, json_type_double) ? json_object_get_double(oldest) : -1;
	if (json_number(status, "held", &held) && held && seconds >= 0 && seconds < 1e12) {
		fputs(", oldest ", f);
		if (seconds < 60)
			fprintf(f, "%.1f s", seconds);
		else
			html_duration(f, (uint64_t)seconds);
	}
	fputs("</td>", f);
	if (closed)
		fputs("<td class=\"number\">&#8211;</td></tr>\n", f);
	else
		fprintf(f, "<td class=\"number\">%s%zu%s</td></tr>\n", gaps ? "<strong>" : "", gaps, gaps ? "</strong>" : "");
}

static void put_head(FILE *f, const struct page *p)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n", f);
	if (p->refresh)
		fprintf(f, "<meta http-equiv=\"refresh\" content=\"%u\"/>\n", PAGE_REFRESH_S);
	fputs("<title>erad on ", f);
	html_text(f, p->host);
	fputs("</title>\n<link rel=\"stylesheet\" href=\"/style.css\"/>\n</head>\n<body>\n<header>\n<h1>erad on ", f);
	html_text(f, p->host);
	fputs("</h1>\n<p>Which blocks of which devices are written, era by era. As of ", f);
	html_time(f, p->now);
	fprintf(f, ". <a href=\"/%s\">%s</a></p>\n</header>\n<main>\n", p->refresh ? "" : "?refresh=1",
		p->refresh ? "Stop reloading every 30 seconds" : "Reload every 30 seconds");
}

static void put_foot(FILE *f, const struct page *p)
{
	const char *version = json_object_is_type(p->ping, json_type_object) ? json_text(p->ping, "version") : NULL;

	fputs("</main>\n<footer><p>", f);
	if (version) {
		fputs("erad ", f);
		html_text(f, version);
		fputs(", ", f);
	}
	fputs("erad-exporter ", f);
	html_text(f, ERAD_VERSION);
	fputs(". <a href=\"/metrics\">Metrics for Prometheus</a>. <code>eractl status</code> shows more; erad(8) explains the words."
	      "</p></footer>\n</body>\n</html>\n", f);
}

static void put_volumes(FILE *f, const struct page *p, struct json_object *volumes)
{
	const size_t nr = json_object_array_length(volumes);

	if (!nr) {
		fputs("<p>There is no volume. <code>eractl create</code> makes one.</p>\n", f);
		return;
	}
	fputs("<div class=\"wide\"><table><caption>Volumes</caption>\n<thead><tr><th scope=\"col\">Volume</th><th scope=\"col\">State</th>"
	      "<th scope=\"col\" class=\"number\">Era</th><th scope=\"col\">Era began</th><th scope=\"col\">Last checkpoint</th>"
	      "<th scope=\"col\" class=\"number\">Changed in this era</th><th scope=\"col\" class=\"number\">Held writes</th>"
	      "<th scope=\"col\" class=\"number\">Gaps</th></tr></thead>\n<tbody>\n", f);
	for (size_t i = 0; i < nr; i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);

		put_row(f, p, i, page_shows(p, i, json_text(v, "volume")), v);
	}
	fputs("</tbody></table></div>\n", f);
	if (p->volume)
		fputs("<p><a href=\"/\">All volumes</a></p>\n", f);
	for (size_t i = 0; i < nr; i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);

		if (page_shows(p, i, json_text(v, "volume")))
			page_volume(f, p, i, v);
	}
}

void page_print(FILE *f, const struct page *p)
{
	put_head(f, p);
	if (p->status) {
		put_volumes(f, p, json_object_object_get(p->status, "volumes"));
	} else {
		fputs("<section role=\"alert\">\n<h2>erad does not answer</h2>\n<p class=\"trouble\">", f);
		html_text(f, p->error && *p->error ? p->error : "there is no answer");
		fputs("</p>\n<p>Nothing is known of the volumes now. First writes to blocks wait until erad or its standby serves them; "
		      "no write is lost. See <code>systemctl status erad</code> and <code>journalctl -u erad</code>.</p>\n</section>\n", f);
	}
	put_foot(f, p);
}
