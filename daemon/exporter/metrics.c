// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes erad's answers as metrics in Prometheus' text format: see metrics.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/members.h"
#include "erad_format.h"
#include "exporter/metrics.h"

/*
 * Bounds of the histogram's buckets: the powers of two from 2^HOLD_FIRST ns, about 65 us, to
 * 2^HOLD_LAST ns, about 34 s.  The bounds are constant, because Prometheus compares buckets of
 * different volumes and times.
 */
#define HOLD_FIRST	16
#define HOLD_LAST	35

/* A metric that exists for each volume. */
struct family {
	const char *name, *type, *help;
	void (*print)(FILE *f, const struct family *m, const char *volume, struct json_object *status);
	/* Key in STATUS: see common/protocol.h.  NULL: the value comes from several keys. */
	const char *key;
};

void metrics_print_label(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else
			fputc(*text, f);
	}
}

/* Prints NAME{volume="VOLUME".  The caller prints further labels and the closing brace. */
static void print_head(FILE *f, const char *name, const char *volume)
{
	fprintf(f, "%s{volume=\"", name);
	metrics_print_label(f, volume);
	fputc('"', f);
}

static void print_units(FILE *f, const struct family *m, const char *volume, struct json_object *status,
			uint64_t unit)
{
	uint64_t n;

	if (!json_number(status, m->key, &n) || __builtin_mul_overflow(n, unit, &n))
		return;
	print_head(f, m->name, volume);
	fprintf(f, "} %" PRIu64 "\n", n);
}

static void print_number(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	print_units(f, m, volume, status, 1);
}

/* Prints the number of bytes for a number of metadata pages. */
static void print_pages(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	print_units(f, m, volume, status, ERAD_PAGE);
}

/* Prints a count of the BPF programs. */
static void print_event(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	print_number(f, m, volume, json_object_object_get(status, "events"));
}

static void print_seconds(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	struct json_object *o = json_object_object_get(status, m->key);
	double t;

	if (!json_object_is_type(o, json_type_double) && !json_object_is_type(o, json_type_int))
		return;
	t = json_object_get_double(o);
	if (!isfinite(t) || t < 0)
		return;
	print_head(f, m->name, volume);
	fprintf(f, "} %.9g\n", t);
}

static void print_bool(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	struct json_object *o = json_object_object_get(status, m->key);

	if (!json_object_is_type(o, json_type_boolean))
		return;
	print_head(f, m->name, volume);
	fprintf(f, "} %d\n", json_object_get_boolean(o));
}

/* Prints an object of numbers, a line for each key, with the key as the label "kind". */
static void print_kinds(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	struct json_object *kinds = json_object_object_get(status, m->key);
	uint64_t n;

	if (!json_object_is_type(kinds, json_type_object))
		return;
	json_object_object_foreach(kinds, kind, value) {
		if (!json_to_number(value, &n))
			continue;
		print_head(f, m->name, volume);
		fputs(",kind=\"", f);
		metrics_print_label(f, kind);
		fprintf(f, "\"} %" PRIu64 "\n", n);
	}
}

static void print_last_gap(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	struct json_object *gaps = json_object_object_get(status, m->key);
	const size_t nr = json_object_is_type(gaps, json_type_array) ? json_object_array_length(gaps) : 0;
	uint64_t t;

	if (!nr || !json_number(json_object_array_get_idx(gaps, nr - 1), "time", &t))
		return;
	print_head(f, m->name, volume);
	fprintf(f, "} %" PRIu64 "\n", t);
}

/* Prints 1 if the member is a text, else 0. */
static void print_any(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	print_head(f, m->name, volume);
	fprintf(f, "} %d\n", json_text(status, m->key) != NULL);
}

/* Prints a line for each possible state: 1 for the current state, 0 for the others. */
static void print_states(FILE *f, const struct family *m, const char *volume, struct json_object *status,
			 const char *const *states)
{
	const char *state = json_text(status, m->key);

	for (const char *const *s = states; *s; s++) {
		print_head(f, m->name, volume);
		fprintf(f, ",state=\"%s\"} %d\n", *s, state && !strcmp(state, *s));
	}
}

static void print_state(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	static const char *const states[] = {
		"closed", "loading", "active", "failed", "detached", "degraded", NULL
	};

	print_states(f, m, volume, status, states);
}

static void print_mirror(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	static const char *const states[] = { "complete", "degraded", NULL };

	print_states(f, m, volume, status, states);
}

static void print_info(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	static const char *const keys[] = { "uuid", "device", "origin", "metadata" };

	print_head(f, m->name, volume);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		fprintf(f, ",%s=\"", keys[i]);
		metrics_print_label(f, json_text(status, keys[i]) ?: "");
		fputc('"', f);
	}
	fputs("} 1\n", f);
}

/* Prints ns nanoseconds as seconds, without rounding. */
static void print_ns(FILE *f, uint64_t ns)
{
	fprintf(f, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

/*
 * Adds up the slots.  Adds to below[i] the number of values below 2^(HOLD_FIRST + i) ns.  Sets *all
 * to the number of all values.  Returns false if slots is no array, or if a slot has no count.
 */
static bool add_up_slots(struct json_object *slots, uint64_t below[HOLD_LAST - HOLD_FIRST + 1], uint64_t *all)
{
	*all = 0;
	if (!json_object_is_type(slots, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(slots); i++) {
		struct json_object *slot = json_object_array_get_idx(slots, i);
		uint64_t count, bound;

		if (!json_number(slot, "count", &count) || __builtin_add_overflow(*all, count, all))
			return false;
		/* The last slot has no bound. */
		if (!json_number(slot, "below_ns", &bound))
			continue;
		for (unsigned int b = HOLD_FIRST; b <= HOLD_LAST; b++)
			if (bound <= 1ull << b)
				below[b - HOLD_FIRST] += count;
	}
	return true;
}

static void print_hold(FILE *f, const struct family *m, const char *volume, struct json_object *status)
{
	struct json_object *events = json_object_object_get(status, "events");
	uint64_t below[HOLD_LAST - HOLD_FIRST + 1] = { 0 }, all, ns;
	char name[64];

	if (!add_up_slots(json_object_object_get(events, m->key), below, &all) ||
	    !json_number(events, "hold_ns", &ns))
		return;
	snprintf(name, sizeof(name), "%s_bucket", m->name);
	for (unsigned int b = HOLD_FIRST; b <= HOLD_LAST; b++) {
		print_head(f, name, volume);
		fputs(",le=\"", f);
		print_ns(f, 1ull << b);
		fprintf(f, "\"} %" PRIu64 "\n", below[b - HOLD_FIRST]);
	}
	print_head(f, name, volume);
	fprintf(f, ",le=\"+Inf\"} %" PRIu64 "\n", all);
	snprintf(name, sizeof(name), "%s_sum", m->name);
	print_head(f, name, volume);
	fputs("} ", f);
	print_ns(f, ns);
	fputc('\n', f);
	snprintf(name, sizeof(name), "%s_count", m->name);
	print_head(f, name, volume);
	fprintf(f, "} %" PRIu64 "\n", all);
}

static const struct family families[] = {
	{ "erad_volume_info", "gauge", "UUID, device, origin and metadata of the volume.", print_info,
	  NULL },
	{ "erad_state", "gauge", "1 for the state that the volume is in.", print_state, "state" },
	{ "erad_suspended", "gauge", "Whether device-mapper has suspended the volume.", print_bool,
	  "suspended" },
	{ "erad_error", "gauge", "Whether something is wrong with the volume; eractl status says what.",
	  print_any, "error" },
	{ "erad_size_bytes", "gauge", "Size of the volume.", print_number, "size" },
	{ "erad_block_size_bytes", "gauge", "The unit that is tracked.", print_number, "block_size" },
	{ "erad_era", "gauge", "The current era.", print_number, "era" },
	{ "erad_era_begin_timestamp_seconds", "gauge", "When the current era began.", print_number, "era_time" },
	{ "erad_last_checkpoint_timestamp_seconds", "gauge", "When the newest checkpoint was made. Missing if there was none.",
	  print_number, "checkpoint_time" },
	{ "erad_noauto", "gauge", "Whether eratab says that the volume is not opened at boot.", print_bool, "noauto" },
	{ "erad_detaching", "gauge", "Whether an attach or a detach is under way, or was interrupted.", print_bool, "detaching" },
	{ "erad_eras_begun_total", "counter", "Eras begun since the volume was opened.", print_event,
	  "rollovers" },
	{ "erad_era_changed_bytes", "gauge", "Bytes in blocks written in the current era so far.",
	  print_number, "changed_bytes" },
	{ "erad_previous_era_changed_bytes", "gauge", "Bytes in blocks written in the era before the current one.",
	  print_number, "changed_before_bytes" },
	{ "erad_held_writes", "gauge", "Writes that wait until their blocks are recorded.",
	  print_number, "held" },
	{ "erad_oldest_held_seconds", "gauge", "For how long the oldest held write has waited.",
	  print_seconds, "oldest_held_seconds" },
	{ "erad_hold_duration_seconds", "histogram", "How long writes were held.", print_hold,
	  "hold" },
	{ "erad_bitmap_bytes", "gauge", "Memory of the module's bitmaps of recorded blocks.",
	  print_number, "bitmap_bytes" },
	{ "erad_passed_writes_total", "counter", "Writes that were not held, because their blocks were recorded.",
	  print_number, "passed" },
	{ "erad_released_writes_total", "counter", "Held writes that were released.", print_number,
	  "released" },
	{ "erad_failed_writes_total", "counter", "Held writes that got an I/O error.", print_event,
	  "failed" },
	{ "erad_commits_total", "counter", "Groups of blocks, and eras, that were appended to the journal since erad opened the metadata.",
	  print_number, "commits" },
	{ "erad_commit_bytes_total", "counter", "Bytes of the journal that these commits have written.", print_pages,
	  "commit_pages" },
	{ "erad_journal_size_bytes", "gauge", "Size of the journal.", print_pages, "journal_pages" },
	{ "erad_journal_used_bytes", "gauge", "Part of the journal that is not folded into the era array yet.",
	  print_pages, "journal_used" },
	{ "erad_folds_total", "counter", "Times that the journal was folded into the era array.",
	  print_number, "folds" },
	{ "erad_metadata_size_bytes", "gauge", "Size of the metadata.", print_number, "metadata_size" },
	{ "erad_metadata_used_bytes", "gauge", "Size of the metadata without the free part of the journal and the room for a snapshot.",
	  print_number, "metadata_used" },
	{ "erad_over_marked_blocks_total", "counter", "Blocks that count as written because their metadata was damaged.",
	  print_number, "over_marked" },
	{ "erad_mirror_state", "gauge", "1 for the state of the BPF mirror of the current era's blocks.",
	  print_mirror, "mirror" },
	{ "erad_floor_era", "gauge", "Every block counts as written in this era or later. Missing if there is no such era.",
	  print_number, "floor_era" },
	{ "erad_gaps_total", "counter", "Times when writes may have gone past erad, by kind, since the metadata was made.",
	  print_kinds, "gaps_total" },
	{ "erad_last_gap_timestamp_seconds", "gauge", "When the last gap was noticed. Missing if there was none.",
	  print_last_gap, "gaps" },
	{ "erad_snapshot_era", "gauge", "The newest era that the metadata snapshot shows. Missing if there is no snapshot.",
	  print_number, "snapshot_era" },
};

void metrics_print_family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_version(FILE *f, const char *name, const char *help, const char *version)
{
	metrics_print_family(f, name, "gauge", help);
	fprintf(f, "%s{version=\"", name);
	metrics_print_label(f, version);
	fputs("\"} 1\n", f);
}

void metrics_print(FILE *f, struct json_object *ping, struct json_object *status)
{
	struct json_object *volumes = json_object_object_get(status, "volumes");
	const size_t nr = volumes ? json_object_array_length(volumes) : 0;
	const char *version = json_text(ping, "version");

	metrics_print_family(f, "erad_up", "gauge", "Whether erad has reported the state of its volumes.");
	fprintf(f, "erad_up %d\n", status != NULL);
	if (version)
		print_version(f, "erad_build_info", "The erad that runs.", version);
	print_version(f, "erad_exporter_build_info", "The exporter.", ERAD_VERSION);
	for (size_t n = 0; nr && n < sizeof(families) / sizeof(*families); n++) {
		const struct family *m = &families[n];

		metrics_print_family(f, m->name, m->type, m->help);
		for (size_t i = 0; i < nr; i++) {
			struct json_object *v = json_object_array_get_idx(volumes, i);

			m->print(f, m, json_text(v, "volume"), v);
		}
	}
}

int metrics_check(struct json_object *status, struct err *err)
{
	struct json_object *volumes = json_object_object_get(status, "volumes");
	struct json_object *seen;
	int r = 0;

	if (!json_object_is_type(volumes, json_type_array))
		return err_set(err, -EBADMSG, "the answer of erad cannot be understood: it has no list of volumes");
	seen = json_object_new_object();
	if (!seen)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < json_object_array_length(volumes) && !r; i++) {
		const char *name = json_text(json_object_array_get_idx(volumes, i), "volume");

		/*
		 * Refuse a volume that appears twice, because Prometheus would then refuse all
		 * series.
		 */
		if (!name || json_object_object_get_ex(seen, name, NULL))
			r = err_set(err, -EBADMSG, "the answer of erad cannot be understood: got %s, expected the name of another volume",
				    name ? name : "none");
		else if (json_object_object_add(seen, name, NULL))
			r = err_set(err, -ENOMEM, "out of memory");
	}
	json_object_put(seen);
	return r;
}
