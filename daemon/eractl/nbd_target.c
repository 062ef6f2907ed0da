// SPDX-License-Identifier: GPL-2.0-or-later
/* Connects to an NBD server, and keeps requests in flight: see nbd_target.h. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "eractl/content.h"
#include "eractl/eractl.h"
#include "eractl/nbd_image.h"
#include "eractl/nbd_library.h"
#include "eractl/nbd_target.h"
#include "eractl/standing.h"
#include "store/crc32c.h"

#define ALIGN		4096u
/*
 * Limit for the time from the first packet to the end of the negotiation.  A server may have to
 * wait for disks that have to spin up.
 */
#define CONNECT_MS	60000
/*
 * Number of further packets to an address that does not answer.  They take 15 s; then the next
 * address is tried.
 */
#define CONNECT_PACKETS	3
/*
 * A flush is begun each time that this many bytes were written.  Without these flushes, the flush
 * at the end may take longer than SILENCE_MS, if the server has much memory and slow disks.
 */
#define FLUSH_EVERY	(1ull << 30)
/* Limit for the time that the server may take to close the connection at the end. */
#define GOODBYE_MS	1000
/*
 * If the server answers no request for this time, the backup fails.  A flush of much data to slow
 * disks may take minutes.
 */
#define SILENCE_MS	600000
/*
 * In seconds.  If the host acknowledges nothing for this time while no request is being sent, the
 * connection ends.
 */
#define HOST_GONE_S	60
/* The NBD protocol allows no larger minimum. */
#define MINIMUM_MAX	(64u << 10)

bool nbd_is_uri(const char *text)
{
	const size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz+");

	return (scheme && !strncmp(text + scheme, "://", 3)) || nbd_image_path(text);
}

int nbd_check_uri(const char *uri, struct err *err)
{
	static const char *const schemes[] = { "nbd://", "nbds://", "nbd+unix://", "nbds+unix://" };

	if (strlen(uri) > STREAM_NAME_MAX || uri[strcspn(uri, "\n")])
		return err_set(err, -EINVAL, "%.40s…: expected a URI of at most %u bytes in one line", uri, STREAM_NAME_MAX);
	if (nbd_image_path(uri))
		return *nbd_image_path(uri) == '/' ? 0 : err_set(err, -EINVAL, "%s: expected an absolute path, such as qcow2:/backup/data.qcow2", uri);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (!strncmp(uri, schemes[i], strlen(schemes[i])))
			return 0;
	return err_set(err, -EINVAL, "%s: expected a directory, qcow2:FILE, or nbd://, nbds://, nbd+unix:// or nbds+unix://", uri);
}

/* ---- errors ---- */

/* Returns the message of libnbd without the name of the function that has failed. */
static const char *libnbd_message(void)
{
	const char *text = libnbd.get_error(), *colon;

	if (!text)
		return "no reason is known";
	colon = strstr(text, ": ");
	return !strncmp(text, "nbd_", 4) && colon ? colon + 2 : text;
}

static int failed_before(const struct nbd_target *t, struct err *err)
{
	*err = t->why;
	return t->failed;
}

/* Returns what the user can do about the error of a request. */
static const char *advice(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "the server has no space left: make room there, and run the command again";
	case EPERM:
	case EROFS:
		return "the server does not allow writes: make the export writable";
	case ENOTCONN:
	case ESHUTDOWN:
	case ECONNRESET:
	case EPIPE:
		return "the connection to the server has ended: see the log of the server, start it, and run the command again";
	default:
		return strerror(error);
	}
}

/* Notes and returns the error of a request, unless there was an error before. */
static int request_failed(struct nbd_target *t, const char *verb, uint64_t offset, int error, struct err *err)
{
	if (!t->failed)
		t->failed = err_set(&t->why, -error, "%s: cannot %s at byte %" PRIu64 ": %s", t->uri, verb, offset, advice(error));
	return failed_before(t, err);
}

static int lost_connection(struct nbd_target *t, const char *reason, struct err *err)
{
	if (!t->failed)
		t->failed = err_set(&t->why, -ENOTCONN, "%s: %s (%s)", t->uri, advice(ENOTCONN), reason);
	return failed_before(t, err);
}

/* ---- connecting ---- */

/*
 * Returns whether this process may create IPv4 or IPv6 sockets.  RestrictAddressFamilies= of a service
 * may forbid this.  Does not notice IPAddressDeny=.
 */
static bool may_connect(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int fd;

	for (unsigned int i = 0; i < 2; i++) {
		fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != EAFNOSUPPORT)
			return true;
	}
	return false;
}

static int connect_failed(struct nbd_target *t, struct err *err)
{
	const int error = libnbd.get_errno();
	const char *hint = "check that the server runs, and that it has this export";

	if (nbd_image_path(t->uri))
		return err_set(err, -ENOTCONN, "%s: qemu-nbd does not serve the image: see its message above; the package qemu-utils must be installed, and no other program may use the image", t->uri);
	if (!strstr(t->uri, "+unix:") && !may_connect())
		hint = "this process has no access to the network: if it runs as erad-backup@.service, see A COPY ON AN NBD SERVER in eractl(8)";
	else if (strstr(libnbd_message(), "ertificate"))
		hint = "one side refuses the certificate of the other: check the names and the dates of the certificates, and the CA in the directory that tls-certificates= names";
	else if (!strncmp(t->uri, "nbds", 4))
		hint = "check that the server runs with TLS, that it has this export, and that the URI names the right tls-certificates= or tls-psk-file=";
	else if (strstr(libnbd_message(), "TLS"))
		hint = "the server asks for TLS: write nbds in place of nbd";
	return err_set(err, error ? -error : -ECONNREFUSED, "%s: cannot connect to the NBD server: %s; %s", t->uri, libnbd_message(), hint);
}

/*
 * Notices a host that has vanished.  Fails for a socket that is no TCP socket, which is fine.  Does not
 * set TCP_USER_TIMEOUT, which would also end the connection to a host that answers, but whose
 * server reads nothing for this time.
 */
static void watch_host(struct nbd_target *t)
{
	const int fd = libnbd.aio_get_fd(t->nbd), on = 1, idle = HOST_GONE_S / 2, interval = 10, count = 3;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static int negotiate(struct nbd_target *t, struct err *err)
{
	const int packets = CONNECT_PACKETS;
	const long long until = jsonl_now_ms() + CONNECT_MS;
	long long left;
	int n;

	while (!libnbd.aio_is_ready(t->nbd)) {
		if (libnbd.aio_is_dead(t->nbd) || libnbd.aio_is_closed(t->nbd))
			return connect_failed(t, err);
		/* For each address, there is another socket. */
		setsockopt(libnbd.aio_get_fd(t->nbd), IPPROTO_TCP, TCP_SYNCNT, &packets, sizeof(packets));
		left = until - jsonl_now_ms();
		n = left > 0 ? libnbd.poll(t->nbd, left) : 0;
		if (n < 0)
			return connect_failed(t, err);
		if (!n)
			return err_set(err, -ETIMEDOUT, "%s: cannot connect to the NBD server: no answer for %d seconds; check that an NBD server runs there",
				       t->uri, CONNECT_MS / 1000);
	}
	return 0;
}

static bool is_power_of_two(int64_t n)
{
	return n > 0 && !(n & (n - 1));
}

/* Finds out what the server can do. */
static int learn(struct nbd_target *t, struct err *err)
{
	int64_t minimum = libnbd.get_block_size(t->nbd, LIBNBD_SIZE_MINIMUM), preferred = libnbd.get_block_size(t->nbd, LIBNBD_SIZE_PREFERRED);
	const int64_t maximum = libnbd.get_block_size(t->nbd, LIBNBD_SIZE_MAXIMUM), size = libnbd.get_size(t->nbd);

	if (size < 0)
		return connect_failed(t, err);
	if (libnbd.is_read_only(t->nbd))
		return err_set(err, -EROFS, "%s: the export is read-only, expected one that can be written: start the server without its option for read-only exports",
			       t->uri);
	/* 0: the server does not say.  Any server can be written in units of 512 bytes. */
	if (minimum <= 0)
		minimum = 512;
	if (preferred <= 0)
		preferred = ALIGN;
	if (!is_power_of_two(minimum) || minimum > MINIMUM_MAX)
		return err_set(err, -EPROTO, "%s: the server has the minimum block size %" PRIi64 ", expected a power of two up to %u", t->uri, minimum,
			       MINIMUM_MAX);
	t->size = size;
	t->minimum = minimum;
	t->preferred = is_power_of_two(preferred) && preferred >= minimum && preferred <= NBD_PIECE ? preferred : minimum;
	t->piece = maximum > 0 && maximum < NBD_PIECE ? maximum / minimum * minimum : NBD_PIECE;
	if (!t->piece)
		return err_set(err, -EPROTO, "%s: the server has the maximum block size %" PRIi64 ", which is less than its minimum, %" PRIi64, t->uri,
			       maximum, minimum);
	t->can_zero = libnbd.can_zero(t->nbd) == 1;
	t->can_flush = libnbd.can_flush(t->nbd) == 1;
	t->can_fua = libnbd.can_fua(t->nbd) == 1;
	if (!t->can_flush && !t->can_fua)
		complain("%s: the server has neither flush nor FUA, so a copy may be lost if the power of the server fails", t->uri);
	return 0;
}

int nbd_target_open(struct nbd_target *t, struct err *err)
{
	char *argv[NBD_IMAGE_ARGUMENTS];
	int r = nbd_library_load(err);

	if (r)
		return err_prefix(err, r, "%s", t->uri);
	t->nbd = libnbd.create();
	if (!t->nbd)
		return err_set(err, -ENOMEM, "%s: libnbd: %s", t->uri, libnbd_message());
	/* The user of this command may read the file that tls-psk-file= names. */
	libnbd.set_uri_allow_local_file(t->nbd, true);
	if (nbd_image_path(t->uri)) {
		nbd_image_command(t->uri, argv);
		r = libnbd.aio_connect_systemd_socket_activation(t->nbd, argv);
	} else {
		r = libnbd.aio_connect_uri(t->nbd, t->uri);
	}
	if (r < 0)
		return connect_failed(t, err);
	r = negotiate(t, err);
	if (r)
		return r;
	if (nbd_image_path(t->uri))
		nbd_image_remove_socket(libnbd.aio_get_fd(t->nbd));
	watch_host(t);
	return learn(t, err);
}

/*
 * Tells the server that no further request follows, so that the server logs no error.  Waits until
 * the server has closed the connection, but not if it sends nothing for GOODBYE_MS.
 */
static void say_goodbye(struct nbd_target *t)
{
	if (t->failed || !libnbd.aio_is_ready(t->nbd) || libnbd.aio_disconnect(t->nbd, 0))
		return;
	while (!libnbd.aio_is_closed(t->nbd) && !libnbd.aio_is_dead(t->nbd) && libnbd.poll(t->nbd, GOODBYE_MS) > 0)
		;
}

void nbd_target_close(struct nbd_target *t)
{
	if (t->nbd)
		say_goodbye(t);
	/* This ends the requests, so the buffers are no longer used. */
	if (t->nbd)
		libnbd.close(t->nbd);
	t->nbd = NULL;
	for (unsigned int i = 0; i < NBD_SLOTS; i++) {
		free(t->slot[i].buf);
		t->slot[i] = (struct nbd_slot){ };
	}
	free(t->tail);
	t->tail = NULL;
}

/* ---- requests ---- */

/* libnbd calls this when the server has answered, or when the connection has ended. */
static int note_done(void *user_data, int *error)
{
	struct nbd_slot *s = user_data;

	s->done = true;
	s->error = *error;
	/* 1: libnbd forgets the request. */
	return 1;
}

static nbd_completion_callback completion(struct nbd_slot *s)
{
	return (nbd_completion_callback){ .callback = note_done, .user_data = s };
}

static int check_content(struct nbd_target *t, const struct nbd_slot *s, struct err *err)
{
	const struct nbd_written *w = &s->expected;
	const uint8_t *data = s->buf + (w->offset - s->offset);

	if (w->zeros ? content_all_zeros((const char *)data, w->length) : crc32c(0, data, w->length) == w->crc)
		return 0;
	t->other_content = true;
	t->failed = err_set(&t->why, -EIO, "%s: %" PRIu64 " bytes at byte %" PRIu64 " read back with other content than was written; something else writes to the export, or the disk of the server is faulty",
			    t->uri, w->length, w->offset);
	return failed_before(t, err);
}

/* Frees the slots whose requests are done.  Returns the first error. */
static int reap(struct nbd_target *t, struct err *err)
{
	int r = t->failed ? failed_before(t, err) : 0;

	for (unsigned int i = 0; i < NBD_SLOTS; i++) {
		struct nbd_slot *s = &t->slot[i];

		if (!s->busy || !s->done)
			continue;
		s->busy = false;
		if (r)
			continue;
		if (s->error)
			r = request_failed(t, s->verb, s->offset, s->error, err);
		else if (s->check)
			r = check_content(t, s, err);
	}
	return r;
}

/* Lets libnbd send and receive, for up to ms milliseconds until something has happened. */
static int poll_once(struct nbd_target *t, int ms, struct err *err)
{
	const int n = libnbd.poll(t->nbd, ms);
	int r;

	/* If the connection has ended, the requests are done with an error, which says less. */
	if (n < 0 || libnbd.aio_is_dead(t->nbd) || libnbd.aio_is_closed(t->nbd))
		return lost_connection(t, n < 0 ? libnbd_message() : "the server has closed it", err);
	if (!n && ms)
		return lost_connection(t, "the server has not answered for ten minutes", err);
	r = reap(t, err);
	return r ? r : n;
}

/* Waits for a free slot. */
static int find_slot(struct nbd_target *t, struct nbd_slot **out, struct err *err)
{
	int r = reap(t, err);

	for (; r >= 0; r = poll_once(t, SILENCE_MS, err)) {
		for (unsigned int i = 0; i < NBD_SLOTS; i++) {
			struct nbd_slot *s = &t->slot[i];

			if (s->busy)
				continue;
			*out = s;
			return 0;
		}
	}
	return r;
}

static int find_buffer(struct nbd_target *t, struct nbd_slot **out, struct err *err)
{
	const int r = find_slot(t, out, err);

	if (r)
		return r;
	if (!(*out)->buf)
		(*out)->buf = aligned_alloc(ALIGN, NBD_PIECE);
	return (*out)->buf ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Prepares the slot for a request.  Call this before the request is made. */
static void use_slot(struct nbd_slot *s, const char *verb, uint64_t offset)
{
	s->busy = true;
	s->done = s->check = false;
	s->error = 0;
	s->verb = verb;
	s->offset = offset;
}

/* Call this after a request was made.  cookie: libnbd's result.  Sends what can be sent now. */
static int begun(struct nbd_target *t, struct nbd_slot *s, int64_t cookie, struct err *err)
{
	int r;

	if (cookie < 0) {
		s->busy = false;
		if (libnbd.aio_is_dead(t->nbd) || libnbd.aio_is_closed(t->nbd))
			return lost_connection(t, libnbd_message(), err);
		if (!t->failed)
			t->failed = err_set(&t->why, -EIO, "%s: cannot %s at byte %" PRIu64 ": %s", t->uri, s->verb, s->offset, libnbd_message());
		return failed_before(t, err);
	}
	while ((r = poll_once(t, 0, err)) > 0)
		;
	return r;
}

/* Rounds up to the unit of the server, but not beyond the end of the export. */
static uint64_t round_up(const struct nbd_target *t, uint64_t n)
{
	n = (n + t->minimum - 1) & ~(t->minimum - 1);
	return n < t->size ? n : t->size;
}

/* Flags of a request that writes.  With a flush at the end, FUA is not needed. */
static uint32_t flags(const struct nbd_target *t)
{
	return !t->can_flush && t->can_fua ? LIBNBD_CMD_FLAG_FUA : 0;
}

/* Makes durable what was written, without waiting. */
static int begin_flush(struct nbd_target *t, struct err *err)
{
	struct nbd_slot *s;
	const int r = find_slot(t, &s, err);

	if (r)
		return r;
	t->unflushed = 0;
	use_slot(s, "flush what was written", 0);
	return begun(t, s, libnbd.aio_flush(t->nbd, completion(s), 0), err);
}

/* Call this after a request was made that writes n bytes. */
static int count_written(struct nbd_target *t, uint64_t n, struct err *err)
{
	t->unflushed += n;
	return t->can_flush && t->unflushed >= FLUSH_EVERY ? begin_flush(t, err) : 0;
}

/* Writes data, or zeros if data is NULL, through a buffer. */
static int write_buffer(struct nbd_target *t, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err)
{
	const uint64_t end = round_up(t, offset + length);
	struct nbd_slot *s;
	int r = find_buffer(t, &s, err);

	if (r)
		return r;
	if (data)
		memcpy(s->buf, data, length);
	else
		memset(s->buf, 0, length);
	/* Only the end of the volume is not aligned. */
	if (end > offset + length)
		memcpy(s->buf + length, t->tail + (offset + length) % t->minimum, end - offset - length);
	use_slot(s, "write", offset);
	r = begun(t, s, libnbd.aio_pwrite(t->nbd, s->buf, end - offset, offset, completion(s), flags(t)), err);
	return r ? r : count_written(t, end - offset, err);
}

int nbd_target_write(struct nbd_target *t, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err)
{
	return write_buffer(t, data, length, offset, err);
}

int nbd_target_zero(struct nbd_target *t, uint64_t length, uint64_t offset, struct err *err)
{
	const uint64_t end = offset + length;
	struct nbd_slot *s;
	uint64_t n;
	int r = 0;

	/* The part in whole units. */
	n = (round_up(t, end) == end ? end : end & ~(t->minimum - 1)) - offset;
	if (n && t->can_zero) {
		r = find_slot(t, &s, err);
		if (r)
			return r;
		use_slot(s, "write zeros", offset);
		r = begun(t, s, libnbd.aio_zero(t->nbd, n, offset, completion(s), flags(t)), err);
		if (!r)
			r = count_written(t, n, err);
		offset += n;
	}
	for (; !r && offset < end; offset += n) {
		n = end - offset < t->piece ? end - offset : t->piece;
		r = write_buffer(t, NULL, n, offset, err);
	}
	return r;
}

int nbd_target_wait(struct nbd_target *t, struct err *err)
{
	int r = reap(t, err);

	while (!r) {
		unsigned int busy = 0;

		for (unsigned int i = 0; i < NBD_SLOTS; i++)
			busy += t->slot[i].busy;
		if (!busy)
			return 0;
		r = poll_once(t, SILENCE_MS, err);
		r = r < 0 ? r : 0;
	}
	return r;
}

int nbd_target_flush(struct nbd_target *t, struct err *err)
{
	int r = nbd_target_wait(t, err);

	if (r || !t->can_flush)
		return r;
	r = begin_flush(t, err);
	return r ? r : nbd_target_wait(t, err);
}

int nbd_target_check(struct nbd_target *t, const struct nbd_written *w, struct err *err)
{
	const uint64_t end = round_up(t, w->offset + w->length);
	struct nbd_slot *s;
	int r = find_buffer(t, &s, err);

	if (r)
		return r;
	use_slot(s, "read back", w->offset);
	s->check = true;
	s->expected = *w;
	return begun(t, s, libnbd.aio_pread(t->nbd, s->buf, end - w->offset, w->offset, completion(s), 0), err);
}

/*
 * Waits until no request uses a buffer of the caller.  Then forgets the error, if the server has
 * answered all requests.  If the connection has ended, closes the handle, which ends the requests.
 */
static void end_reading(struct nbd_target *t)
{
	struct err ignored;
	bool busy;

	do {
		reap(t, &ignored);
		busy = false;
		for (unsigned int i = 0; i < NBD_SLOTS; i++)
			busy = busy || t->slot[i].busy;
	} while (busy && libnbd.poll(t->nbd, SILENCE_MS) > 0);
	if (!busy && libnbd.aio_is_ready(t->nbd)) {
		t->failed = 0;
		return;
	}
	libnbd.close(t->nbd);
	t->nbd = NULL;
}

int nbd_target_read(struct nbd_target *t, uint8_t *buf, uint64_t length, uint64_t offset, struct err *err)
{
	const uint64_t begin = offset & ~(t->minimum - 1), end = round_up(t, offset + length);
	struct nbd_slot *s;
	uint8_t *whole;
	uint64_t n;
	int r;

	if (t->failed)
		return failed_before(t, err);
	whole = malloc(end - begin);
	r = whole ? 0 : err_set(err, -ENOMEM, "out of memory");
	for (uint64_t at = begin; !r && at < end; at += n) {
		n = end - at < t->piece ? end - at : t->piece;
		r = find_slot(t, &s, err);
		if (r)
			break;
		use_slot(s, "read", at);
		r = begun(t, s, libnbd.aio_pread(t->nbd, whole + (at - begin), n, at, completion(s), 0), err);
	}
	if (!r)
		r = nbd_target_wait(t, err);
	if (!r)
		memcpy(buf, whole + (offset - begin), length);
	if (r && whole)
		end_reading(t);
	free(whole);
	return r;
}

int nbd_target_set_volume(struct nbd_target *t, uint64_t size, struct err *err)
{
	const uint64_t end = round_up(t, size), last = size & ~(t->minimum - 1);

	if (t->size < size)
		return err_set(err, -ENOSPC, "%s: the export has %" PRIu64 " bytes, expected at least %" PRIu64 ", the size of the volume: make the export larger",
			       t->uri, t->size, size);
	if (end == size)
		return 0;
	free(t->tail);
	t->tail = calloc(1, t->minimum);
	if (!t->tail)
		return err_set(err, -ENOMEM, "out of memory");
	return nbd_target_read(t, t->tail, end - last, last, err);
}
