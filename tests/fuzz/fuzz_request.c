// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes erad's side of the socket: the real parser and the real answers, for an open volume, a
 * closed volume and names of no volume.
 *
 * The functions that make and remove devices are replaced by functions that check their arguments:
 * the parser must pass only valid names of volumes and possible paths.  The functions that wait for
 * a target are replaced, too.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "erad/base/log.h"
#include "erad/ops/abort.h"
#include "erad/ops/attach.h"
#include "erad/ops/close.h"
#include "erad/ops/create.h"
#include "erad/ops/forget.h"
#include "erad/ops/image.h"
#include "erad/ops/image_drop.h"
#include "erad/ops/image_together.h"
#include "erad/ops/open.h"
#include "erad/ops/resize.h"
#include "erad/ops/table.h"
#include "erad/request/request.h"
#include "erad/volume/registry.h"
#include "fuzz.h"
#include "image.h"

#define ANSWER_MAX	(1u << 20)

static char dir[] = "/dev/shm/erad-fuzz-XXXXXX", closed_file[sizeof(dir) + 8];
static struct volume *open_volume;

static void clean_up(void)
{
	unlink(closed_file);
	rmdir(dir);
}

/* ---- functions that the parser calls ---- */

static void check_path(const char *path)
{
	expect(path && strlen(path) <= ERATAB_PATH_MAX);
}

int op_create(const struct create_args *a, struct volume **out, struct err *err)
{
	expect(!eratab_check_name(a->name, NULL));
	check_path(a->origin);
	if (a->metadata)
		check_path(a->metadata);
	a->progress(a->ctx, a->block_size / 2, a->block_size);
	a->progress(a->ctx, a->block_size, a->block_size);
	if (a->overwrite)
		return err_set(err, -EINVAL, "%.300s is not an absolute path", a->origin);
	*out = volume_ref(open_volume);
	return 0;
}

int op_attach(const struct create_args *a, struct volume **out, struct err *err)
{
	a->below->us = a->below->write_filter + a->below->lvm_rejects;
	a->below->nr_lvs = 1;
	return op_create(a, out, err);
}

int op_detach(const char *name, struct detached *out, struct err *err)
{
	*out = (struct detached){ .us = 1 };
	return op_close(name, err);
}

int op_open(const char *name, const struct open_choice *choice, struct volume **out, struct err *err)
{
	expect(choice);
	return op_find(name, out, err);
}

int op_close(const char *name, struct err *err)
{
	struct volume *v;
	int ret = op_find(name, &v, err);

	if (!ret)
		volume_unref(v);
	return ret;
}

int op_forget(const char *name, struct forgotten *out, struct err *err)
{
	*out = (struct forgotten){ 0 };
	if (!op_close(name, err))
		out->metadata = strdup("/var/lib/erad/\377");
	return 0;
}

int op_resize(const char *name, uint64_t bytes, struct resized *out, struct err *err)
{
	*out = (struct resized){ .had = bytes / 2, .has = bytes, .era = 1 };
	return op_close(name, err);
}

int op_image_create(const struct image_choice *choice, struct volume **v, struct image_made *out, struct err *err)
{
	int r;

	expect(!choice->number || image_is_number(choice->number));
	expect(!choice->store.path || (*choice->store.path == '/' && !choice->store.size));
	r = op_find(choice->name, v, err);
	if (!r) {
		*out = (struct image_made){ .era = 1, .us = choice->number ? strlen(choice->number) : 0, .store_size = choice->store.size };
		strcpy(out->device, "/dev/mapper/a");
	}
	return r;
}

int op_image_create_together(const char *const *names, unsigned int nr, uint64_t store_size, struct image_making *m,
			     struct err *err)
{
	int r = 0;

	expect(nr >= 2 && nr <= FS_TOGETHER_MAX);
	for (unsigned int i = 0; i < nr && !r; i++) {
		m[i] = (struct image_making){ .made = { .device = "/dev/mapper/a", .era = 1, .store_size = store_size } };
		r = op_find(names[i], &m[i].v, err);
	}
	for (unsigned int i = 0; i < nr && r; i++)
		volume_unref(m[i].v);
	return r;
}

int op_image_drop(const char *name, const char *number, uint64_t *us, struct err *err)
{
	expect(!number || image_is_number(number));
	*us = number ? strlen(number) : 0;
	return op_close(name, err);
}

int op_abort(const char *name, struct err *err)
{
	return op_close(name, err);
}

int op_find(const char *name, struct volume **out, struct err *err)
{
	expect(!eratab_check_name(name, NULL));
	*out = volumes_get(name);
	if (*out)
		return 0;
	if (!strcmp(name, "closed"))
		return err_set(err, -ENOTCONN, "it is closed; open it first");
	return err_set(err, -ENOENT, "there is no %s", name);
}

int op_read_table(struct eratab *tab, struct err *err)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "open /dev/a \\377\nopen /dev/a /b\\303c\nclosed /dev/b %s\n",
			   closed_file);

	return eratab_parse(text, (size_t)len, "eratab", tab, err);
}

struct volume *volumes_get(const char *name)
{
	return strcmp(name, "open") ? NULL : volume_ref(open_volume);
}

int volumes_all(struct volume ***out, size_t *nr)
{
	*out = malloc(sizeof(**out));
	expect(*out);
	**out = volume_ref(open_volume);
	*nr = 1;
	return 0;
}

int volumes_control(void)
{
	return -1;
}

int volumes_targets(struct instances *l, struct err *err)
{
	(void)err;
	*l = (struct instances){ 0 };
	return 0;
}

void volumes_remove(struct volume *v)
{
	(void)v;
}

void volumes_name_is_free(void)
{
}

/* There is no target: volumes_targets(). */
struct volume *volumes_owner(const struct erad_info *i)
{
	(void)i;
	return NULL;
}

void volumes_looking(struct volume *v)
{
	(void)v;
}

void volumes_looked(struct volume *v, uint64_t digest)
{
	(void)v;
	(void)digest;
}

uint64_t volumes_digest(uint64_t digest, const struct erad_info *i)
{
	(void)i;
	return digest;
}

void volumes_settled_one(void)
{
}

void log_msg(const char *prefix, const char *fmt, ...)
{
	(void)prefix;
	(void)fmt;
}

void log_event(const char *id, const char *prefix, const char *fmt, ...)
{
	(void)id;
	(void)prefix;
	(void)fmt;
}

void log_stop(void)
{
}

void writers_setup(bool off)
{
	(void)off;
}

int writers_init(struct writers *w, const char *volume, pthread_mutex_t *lock)
{
	counter_map_init(&w->map, volume, lock);
	return 0;
}

void writers_free(struct writers *w)
{
	(void)w;
}

void writers_begin(struct writers *w, dev_t dev, uint32_t era)
{
	(void)w;
	(void)dev;
	(void)era;
}

void writers_next(struct writers *w, dev_t dev, uint32_t era)
{
	(void)w;
	(void)dev;
	(void)era;
}

bool writers_pinned(const struct writers *w)
{
	(void)w;
	return true;
}

void writers_make_room(struct writers *w, uint32_t era)
{
	(void)w;
	(void)era;
}

void writers_end(struct writers *w, bool gone)
{
	(void)w;
	(void)gone;
}

/* Returns writers whose names contain any bytes.  One name has no final 0. */
int writers_read(struct writers *w, struct writers_list **out, struct err *err)
{
	(void)w;
	(void)err;
	*out = calloc(1, sizeof(**out));
	expect(*out);
	(*out)->nr = 3;
	(*out)->who[0] = (struct erad_map_writer){ .era = 5, .cgroup = UINT64_MAX };
	memset((*out)->who[0].comm, 0303, sizeof((*out)->who[0].comm));
	(*out)->who[1] = (struct erad_map_writer){ .era = UINT32_MAX, .comm = "\n\"\177" };
	(*out)->who[2].flags = ERAD_MAP_OTHERS;
	(*out)->written[1].blocks = UINT64_MAX;
	return 0;
}

int __wrap_volume_check_compared(struct volume *v, struct err *err);

/*
 * The volume has no target, so the real function would wait for one second, and then refuse each
 * diff and each dump.  This function refuses one of eight.
 */
int __wrap_volume_check_compared(struct volume *v, struct err *err)
{
	static unsigned int calls;

	return ++calls % 8 ? 0 : err_set(err, -EAGAIN, "the state of %s is not active", v->name);
}

/* ---- the volumes ---- */

static void write_some(struct store *s)
{
	unsigned int i;

	for (i = 1; i < 6; i++) {
		struct erad_range r = { .first = i * i * 50, .len = i };

		expect(!store_begin_era(s, i, NULL));
		expect(!store_mark(s, &r, 1, NULL));
	}
}

static void set_up(void)
{
	static struct mem m;
	struct engine *e;
	struct store *s;
	struct err err;
	uint64_t size;

	image_format(&m);
	expect(!store_open(mem_engine(&m), STORE_WRITE, &s, NULL));
	write_some(s);
	expect(!volume_new("open", "/dev/a", "/b\303c", image_geometry.uuid, s, &open_volume, NULL));
	/* An error message may contain a path with any bytes. */
	err_set(&err, 0, "opening /b\303c");
	trouble_says(&open_volume->attach_trouble, "attach", &err);

	expect(mkdtemp(dir));
	snprintf(closed_file, sizeof(closed_file), "%s/closed", dir);
	atexit(clean_up);
	size = store_size(&image_geometry, NULL);
	expect(!engine_create_file(closed_file, size, size, NULL, NULL));
	expect(!engine_open(closed_file, ENGINE_WRITE, &e, NULL));
	expect(!store_format(e, &image_geometry, NULL, NULL, NULL));
	expect(!store_open(e, STORE_WRITE, &s, NULL));
	write_some(s);
	expect(!store_close(s, true, NULL));
}

/* ---- checks of the answer ---- */

/*
 * Checks the lines: eractl must be able to read each line as an object, and only the last line may
 * be a result or an error.
 */
static void check_answer(int fd, bool error)
{
	struct json_object *o;
	struct err err;
	struct jsonl j;
	bool last = false;
	int ret;

	jsonl_init(&j, fd, ANSWER_MAX, 0);
	while ((ret = jsonl_read(&j, &o, &err)) == 0) {
		struct json_object *e = json_object_object_get(o, "error");

		expect(!last);
		last = e || json_object_object_get_ex(o, "result", NULL);
		expect(json_object_object_length(o) == 1);
		expect(last || json_object_object_get(o, "part") || json_object_object_get(o, "progress"));
		expect(!last || e || !error);
		if (e)
			expect(*json_object_get_string(json_object_object_get(e, "code")) == 'E' &&
			       *json_object_get_string(json_object_object_get(e, "message")));
		json_object_put(o);
	}
	jsonl_free(&j);
	expect(ret == -ENODATA && last);
}

/*
 * Returns whether a name in the list contains a 0 character.  If so, the answer must be an error.
 */
static bool asks_for_zero(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	struct json_object *o, *names;
	bool zero = false;

	if (jsonl_parse((const char *)data, end ? (size_t)(end - data) : size, &o, NULL))
		return false;
	names = json_object_object_get(o, "volumes");
	if (json_object_is_type(names, json_type_array) &&
	    !strcmp(json_object_get_string(json_object_object_get(o, "op")) ?: "", "status"))
		for (size_t i = 0; i < json_object_array_length(names); i++) {
			struct json_object *n = json_object_array_get_idx(names, i);

			zero = zero || (json_object_is_type(n, json_type_string) &&
					strlen(json_object_get_string(n)) !=
					(size_t)json_object_get_string_len(n));
		}
	json_object_put(o);
	return zero;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int room = 8 * ANSWER_MAX;
	struct jsonl j;
	int fd[2];

	if (!open_volume)
		set_up();
	/*
	 * Refuse a larger request, because nobody reads its answer before erad has written all of
	 * it. The answer to a request of 4 KiB fits into the socket's buffer.
	 */
	if (size > 4096)
		return -1;
	expect(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	expect(!setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	expect(send(fd[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size);
	/*
	 * Leave the newline out of some requests: erad must answer that the request is not
	 * complete.
	 */
	if (!size || data[size - 1] % 2)
		expect(send(fd[0], "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1);
	jsonl_init(&j, fd[1], ERAD_REQUEST_MAX, 0);
	request_serve(&j, true);
	jsonl_free(&j);
	close(fd[1]);
	check_answer(fd[0], size && asks_for_zero(data, size));
	close(fd[0]);
	return 0;
}
