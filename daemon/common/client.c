// SPDX-License-Identifier: GPL-2.0-or-later
/* Sends requests to erad and reads the answers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "common/protocol.h"
#include "erad_uapi.h"

/* Longest line of an answer in bytes: enough for the status of very many volumes. */
#define ANSWER_MAX	(16u << 20)
/* If erad does not answer for this time, a message says that eractl waits. */
#define PATIENCE_MS	5000
#define CONTROL_NODE	"/dev/" ERAD_CONTROL_NAME

struct call {
	struct jsonl lines;
	const char *path;	/* path of erad's socket */
	long long deadline;	/* when the call must end, by jsonl_now_ms(); -1: never */
	bool tty;		/* stderr is a terminal */
	bool shown;		/* the terminal shows a progress line */
	client_part_fn part;
	void *ctx;
};

struct json_object *client_request(const char *op, const char *volume)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "op", json_object_new_string(op));
	if (volume)
		json_object_object_add(o, "volume", json_object_new_string(volume));
	return o;
}

struct json_object *client_request_volumes(const char *op, char *const *names)
{
	struct json_object *o = client_request(op, NULL);
	struct json_object *list = json_object_new_array();

	for (; *names; names++)
		json_object_array_add(list, json_object_new_string(*names));
	json_object_object_add(o, "volumes", list);
	return o;
}

/* Prints the message once in the life of the program, even if there are several requests. */
static void say_waiting(const char *path)
{
	static bool said;

	if (said)
		return;
	said = true;
	/*
	 * Do not advise 'eractl abort': it fails the volume's writes, and most slow requests are
	 * only large.
	 */
	fprintf(stderr, "waiting for erad, which has not answered at %s for %d seconds and may still be busy with the request; "
		"Ctrl-C gives up, and 'journalctl -u erad' may show the reason\n",
		path, PATIENCE_MS / 1000);
}

/* Waits without limit until erad accepts the connection.  Prints a message after PATIENCE_MS. */
static int connect_patiently(int fd, const struct sockaddr_un *sa)
{
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 }, forever = { 0 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)sa, sizeof(*sa)))
		return 0;
	if (errno != EAGAIN)
		return -1;
	say_waiting(sa->sun_path);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever));
	return connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
}

static int connect_to(const char *path, bool wait, struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, e;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: got a path of %zu bytes, expected at most %zu", path,
			       strlen(path), sizeof(sa.sun_path) - 1);
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	if (wait ? !connect_patiently(fd, &sa) : !connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;

	e = errno;
	close(fd);
	if (e == EACCES || e == EPERM)
		return err_set(err, -EACCES, "%s: %s: only root and the group erad may talk to erad", path,
			       strerror(e));
	if (e == ENOENT || e == ECONNREFUSED)
		return err_set(err, -ENOTCONN, "erad is not running, or has not started completely (%s: %s): %s", path, strerror(e),
			       access(CONTROL_NODE, F_OK) ?
			       "the kernel module dm-erad is not loaded; run 'modprobe dm-erad' to load it, then 'systemctl start erad' to start erad" :
			       "run 'systemctl start erad', which starts erad and waits until it has started");
	if (e == EAGAIN)
		return err_set(err, -ETIMEDOUT, "%s: erad does not accept connections", path);
	return err_set(err, -e, "cannot connect to erad: %s: %s", path, strerror(e));
}

/*
 * Connects to the socket at path.  If the caller may not use ERAD_SOCKET, tries the status socket,
 * to which the caller may have access.  Returns a descriptor or a negative errno.
 */
static int client_connect(const char *path, bool wait, struct err *err)
{
	int fd = connect_to(path, wait, err), other;

	if (fd != -EACCES || strcmp(path, ERAD_SOCKET))
		return fd;
	other = connect_to(ERAD_STATUS_SOCKET, wait, NULL);
	return other < 0 ? fd : other;
}

static void clear_progress(struct call *c)
{
	if (c->shown)
		fputs("\r\033[K", stderr);
	c->shown = false;
}

static void show_progress(struct call *c, struct json_object *progress)
{
	const char *text = json_text(progress, "what");
	uint64_t done, total;
	char what[64];

	if (!c->tty || !text)
		return;
	snprintf(what, sizeof(what), "%s", text);
	fprintf(stderr, "\r\033[K%s", printable(what));
	if (json_number(progress, "done", &done) &&
	    json_number(progress, "total", &total) && total)
		fprintf(stderr, " %.0f %%", 100.0 * done / total);
	c->shown = true;
}

static int err_stopped(struct err *err, const char *how)
{
	return err_set(err, -ECONNRESET,
		       "erad stopped before it answered: %s; the request can be made again", how);
}

static int err_garbled(struct err *err, const char *how)
{
	return err_set(err, -EBADMSG, "the answer of erad cannot be understood: %s", how);
}

static int read_line(struct call *c, struct json_object **line, struct err *err)
{
	struct err how = { "" };
	int r;

	for (;;) {
		if (c->deadline >= 0) {
			const long long left = c->deadline - jsonl_now_ms();

			c->lines.timeout_ms = left > 0 ? (int)left : 0;
		}
		r = jsonl_read(&c->lines, line, &how);
		if (r != -ETIMEDOUT || c->deadline >= 0)
			break;
		clear_progress(c);
		say_waiting(c->path);
	}
	switch (r) {
	case 0:
		return 0;
	case -ETIMEDOUT:
		return err_set(err, r, "erad has not answered in time");
	case -ENODATA:
		return err_stopped(err, "erad closed the connection");
	case -EPIPE:
		return err_stopped(err, "erad closed the connection in the middle of a line");
	case -ECONNRESET:
		return err_stopped(err, strerror(ECONNRESET));
	case -ENOMEM:
		return err_set(err, r, "out of memory");
	default:
		return err_garbled(err, how.msg);
	}
}

/*
 * Processes a line of the answer.  Returns 1 if more lines follow, 0 and *result after the last
 * line, or a negative errno.
 */
static int handle_line(struct call *c, struct json_object *line, struct json_object **result,
		     struct err *err)
{
	struct json_object *o;

	if (json_object_object_get_ex(line, "progress", &o)) {
		if (json_object_is_type(o, json_type_object))
			show_progress(c, o);
		return 1;
	}
	if (json_object_object_get_ex(line, "part", &o)) {
		int r;

		if (!c->part)
			return err_garbled(err, "got a part, expected a result");
		clear_progress(c);
		r = c->part(c->ctx, o, err);
		return r ? r : 1;
	}
	if (json_object_object_get_ex(line, "error", &o)) {
		const char *msg = json_object_is_type(o, json_type_object) ?
				  json_text(o, "message") : NULL;

		if (!msg || !*msg)
			return err_garbled(err, "got an error without a message");
		return err_set(err, -EREMOTEIO, "%s", msg);
	}
	if (!json_object_object_get_ex(line, "result", &o))
		return err_garbled(err, "got an object without a member, expected progress, part, result or error");
	if (!json_object_is_type(o, json_type_object))
		return err_garbled(err, "the result is not an object");
	*result = json_object_get(o);
	return 0;
}

static int read_answer(struct call *c, struct json_object **result, struct err *err)
{
	struct json_object *line;
	int r;

	do {
		r = read_line(c, &line, err);
		if (r)
			return r;
		r = handle_line(c, line, result, err);
		json_object_put(line);
	} while (r == 1);
	return r;
}

/* Makes the call, and frees the request.  Returns as client_call() does. */
static int make_call(struct call *c, const char *path, struct json_object *request,
		     struct json_object **result, struct err *err)
{
	int fd, r;

	fd = client_connect(path, c->deadline < 0, err);
	if (fd < 0) {
		json_object_put(request);
		return fd;
	}
	c->path = path;
	jsonl_init(&c->lines, fd, ANSWER_MAX, PATIENCE_MS);
	r = jsonl_write(&c->lines, request);

	/*
	 * Read the answer even if sending has failed, because erad may have refused the caller
	 * before it read the request.
	 */
	if (r && r != -EPIPE && r != -ECONNRESET)
		err_set(err, r, "cannot ask erad: %s", strerror(-r));
	else
		r = read_answer(c, result, err);

	clear_progress(c);
	jsonl_free(&c->lines);
	close(fd);
	json_object_put(request);
	return r;
}

int client_call(struct json_object *request, client_part_fn part, void *ctx,
		struct json_object **result, struct err *err)
{
	struct call c = {
		.deadline = -1,
		.tty = isatty(STDERR_FILENO),
		.part = part,
		.ctx = ctx,
	};

	return make_call(&c, ERAD_SOCKET, request, result, err);
}

int client_ask(const char *path, struct json_object *request, unsigned int ms,
	       struct json_object **result, struct err *err)
{
	struct call c = { .deadline = jsonl_now_ms() + ms };

	return make_call(&c, path, request, result, err);
}
