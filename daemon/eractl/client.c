// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to erad and its answers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "common/protocol.h"
#include "eractl/client.h"
#include "eractl/eractl.h"

#define ANSWER_MAX	(16u << 20)	/* bytes of a line: the status of very many volumes */
#define PATIENCE_MS	5000		/* then a person is told that it takes its time */

struct call {
	struct jsonl lines;
	bool tty;
	bool shown;		/* a progress line stands on the terminal */
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

static int client_connect(struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = ERAD_SOCKET };
	int fd, e;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;

	e = errno;
	close(fd);
	if (e == EACCES || e == EPERM)
		return err_set(err, -EACCES, "%s: %s: only root may talk to erad",
			       ERAD_SOCKET, strerror(e));
	if (e == ENOENT || e == ECONNREFUSED)
		return err_set(err, -ENOTCONN,
			       "erad is not running (%s: %s): start it with systemctl start erad",
			       ERAD_SOCKET, strerror(e));
	return err_set(err, -e, "cannot connect to erad: %s: %s", ERAD_SOCKET, strerror(e));
}

static void show_wait(struct call *c)
{
	if (!c->tty || c->shown)
		return;
	fputs("\r\033[Kwaiting for erad to answer", stderr);
	c->shown = true;
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

static int gone(struct err *err, const char *how)
{
	return err_set(err, -ECONNRESET,
		       "erad went away before answering: %s; the request can be made again", how);
}

static int garbled(struct err *err, const char *how)
{
	return err_set(err, -EBADMSG, "the answer of erad makes no sense: %s", how);
}

static int read_line(struct call *c, struct json_object **line, struct err *err)
{
	struct err how = { "" };
	int r;

	for (;;) {
		r = jsonl_read(&c->lines, line, &how);
		if (r != -ETIMEDOUT)
			break;
		show_wait(c);
	}
	switch (r) {
	case 0:
		return 0;
	case -ENODATA:
		return gone(err, "it closed the connection");
	case -EPIPE:
		return gone(err, "it closed the connection in the middle of a line");
	case -ECONNRESET:
		return gone(err, strerror(ECONNRESET));
	case -ENOMEM:
		return err_set(err, r, "out of memory");
	default:
		return garbled(err, how.msg);
	}
}

/* 1: the line was not the last one. */
static int take_line(struct call *c, struct json_object *line, struct json_object **result,
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
			return garbled(err, "got a part, expected a result");
		clear_progress(c);
		r = c->part(c->ctx, o, err);
		return r ? r : 1;
	}
	if (json_object_object_get_ex(line, "error", &o)) {
		const char *msg = json_object_is_type(o, json_type_object) ?
				  json_text(o, "message") : NULL;

		if (!msg || !*msg)
			return garbled(err, "got an error without a message");
		return err_set(err, -EREMOTEIO, "%s", msg);
	}
	if (!json_object_object_get_ex(line, "result", &o))
		return garbled(err, "got none of progress, part, result, error");
	if (!json_object_is_type(o, json_type_object))
		return garbled(err, "the result is not an object");
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
		r = take_line(c, line, result, err);
		json_object_put(line);
	} while (r == 1);
	return r;
}

int client_call(struct json_object *request, client_part_fn part, void *ctx,
		struct json_object **result, struct err *err)
{
	struct call c = {
		.tty = isatty(STDERR_FILENO),
		.part = part,
		.ctx = ctx,
	};
	int fd, r;

	fd = client_connect(err);
	if (fd < 0) {
		json_object_put(request);
		return fd;
	}
	jsonl_init(&c.lines, fd, ANSWER_MAX, PATIENCE_MS);
	r = jsonl_write(&c.lines, request);

	/* erad may have refused the caller and said so before it read the request. */
	if (r && r != -EPIPE && r != -ECONNRESET)
		err_set(err, r, "cannot ask erad: %s", strerror(-r));
	else
		r = read_answer(&c, result, err);

	clear_progress(&c);
	jsonl_free(&c.lines);
	close(fd);
	json_object_put(request);
	return r;
}
