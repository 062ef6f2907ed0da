// SPDX-License-Identifier: GPL-2.0-or-later
/* Sends and receives JSON objects, one a line, over a connected stream socket: see jsonl.h. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/jsonl.h"

/* Limit of the nesting that is accepted.  Answers of erad need much less. */
#define JSONL_DEPTH	16
#define JSONL_CHUNK	4096

void jsonl_init(struct jsonl *l, int fd, size_t max, int timeout_ms)
{
	*l = (struct jsonl){ .fd = fd, .max = max, .timeout_ms = timeout_ms };
}

void jsonl_free(struct jsonl *l)
{
	free(l->buf);
	l->buf = NULL;
	l->cap = l->have = l->line = 0;
}

long long jsonl_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/*
 * Waits for events on fd.  deadline < 0: waits without limit.  Returns 0, ETIMEDOUT or another
 * negative errno.
 */
static int wait_for_socket(int fd, short events, long long deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		long long left = deadline < 0 ? -1 : deadline - jsonl_now_ms();
		int n;

		if (deadline >= 0 && left < 0)
			left = 0;
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int jsonl_parse(const char *text, size_t len, struct json_object **out, struct err *err)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error e;
	size_t end;

	tok = json_tokener_new_ex(JSONL_DEPTH);
	if (!tok)
		return err_set(err, -ENOMEM, "out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	e = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);

	if (e != json_tokener_success) {
		json_object_put(o);
		return err_set(err, -EBADMSG, "not a line of JSON: %s at byte %zu",
			       e == json_tokener_continue ? "unexpected end" :
			       json_tokener_error_desc(e), end);
	}
	if (!json_object_is_type(o, json_type_object)) {
		const char *type = json_type_to_name(json_object_get_type(o));

		json_object_put(o);
		return err_set(err, -EBADMSG, "got a JSON %s, expected an object", type);
	}
	/*
	 * The parser stops at a 0 byte and reports success, so refuse a line that contains a 0
	 * byte.
	 */
	if (memchr(text, 0, len)) {
		json_object_put(o);
		return err_set(err, -EBADMSG, "not a line of JSON: it holds a 0 byte");
	}
	*out = o;
	return 0;
}

static int grow_buffer(struct jsonl *l, struct err *err)
{
	size_t cap;
	char *buf;

	if (l->have < l->cap)
		return 0;
	if (l->cap > l->max)
		return err_set(err, -EMSGSIZE, "got a line of more than %zu bytes", l->max);
	cap = l->cap ? l->cap * 2 : JSONL_CHUNK;
	if (cap > l->max + 1)
		cap = l->max + 1;
	buf = realloc(l->buf, cap);
	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	l->buf = buf;
	l->cap = cap;
	return 0;
}

int jsonl_read(struct jsonl *l, struct json_object **out, struct err *err)
{
	long long deadline = l->timeout_ms < 0 ? -1 : jsonl_now_ms() + l->timeout_ms;
	size_t seen = 0;

	if (l->line) {
		l->have -= l->line;
		memmove(l->buf, l->buf + l->line, l->have);
		l->line = 0;
	}
	for (;;) {
		char *nl = l->have > seen ? memchr(l->buf + seen, '\n', l->have - seen) : NULL;
		ssize_t n;
		int r;

		if (nl) {
			l->line = nl - l->buf + 1;
			return jsonl_parse(l->buf, l->line - 1, out, err);
		}
		seen = l->have;
		r = grow_buffer(l, err);
		if (r)
			return r;
		r = wait_for_socket(l->fd, POLLIN, deadline);
		if (r == -ETIMEDOUT)
			return err_set(err, r, "no complete line within %d seconds",
				       l->timeout_ms / 1000);
		if (r)
			return err_set(err, r, "cannot wait for the peer: %s", strerror(-r));
		n = recv(l->fd, l->buf + l->have, l->cap - l->have, MSG_DONTWAIT);
		if (n > 0)
			l->have += n;
		else if (n == 0)
			return err_set(err, l->have ? -EPIPE : -ENODATA,
				       "the peer closed the connection%s",
				       l->have ? " in the middle of a line" : "");
		else if (errno != EAGAIN && errno != EINTR)
			return err_set(err, -errno, "cannot read from the peer: %s",
				       strerror(errno));
	}
}

static int send_all(struct jsonl *l, const char *p, size_t len, int more)
{
	while (len) {
		ssize_t n = send(l->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT | more);
		int r;

		if (n >= 0) {
			p += n;
			len -= n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for_socket(l->fd, POLLOUT, l->timeout_ms < 0 ? -1 : jsonl_now_ms() + l->timeout_ms);
		if (r)
			return r;
	}
	return 0;
}

/*
 * Returns the length in bytes of the UTF-8 character at p, or 0 if there is no valid character at
 * p.
 */
static size_t utf8_char(const unsigned char *p)
{
	/*
	 * The smallest code point for each length.  An encoding that is longer than necessary is
	 * not valid.
	 */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? *p : *p & (0x7f >> len);
	size_t i;

	for (i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return len && c >= least[len] && c <= 0x10ffff && c >> 11 != 0x1b ? len : 0;
}

struct json_object *jsonl_text(const char *text)
{
	struct json_object *o;
	char *copy, *p;
	size_t len;

	copy = strdup(text);
	if (!copy)
		return NULL;
	for (p = copy; *p; p += len ? len : 1) {
		len = utf8_char((unsigned char *)p);
		if (!len)
			*p = '?';
	}
	o = json_object_new_string(copy);
	free(copy);
	return o;
}

int jsonl_write(struct jsonl *l, struct json_object *o)
{
	const char *text;
	size_t len;
	int r;

	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN |
						 JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (!text)
		return -ENOMEM;
	r = send_all(l, text, len, MSG_MORE);
	return r ? r : send_all(l, "\n", 1, 0);
}

int jsonl_send(struct jsonl *l, const char *kind, struct json_object *o)
{
	struct json_object *line = json_object_new_object();
	int r;

	json_object_object_add(line, kind, o);
	r = jsonl_write(l, line);
	json_object_put(line);
	return r ? -ECANCELED : 0;
}

int jsonl_send_part(struct jsonl *l, struct json_object **part)
{
	struct json_object *o = *part;

	*part = NULL;
	return o ? jsonl_send(l, "part", o) : 0;
}

bool jsonl_peer_gone(struct jsonl *l)
{
	struct pollfd p = { .fd = l->fd };

	/*
	 * If the peer has only shut down its writing side, it still reads.  poll() does not report
	 * POLLHUP then.
	 */
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}
