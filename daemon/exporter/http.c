// SPDX-License-Identifier: GPL-2.0-or-later
/* Serves the metrics and the status page over HTTP, with a thread for each connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/http.h"
#include "exporter/look.h"
#include "exporter/metrics.h"
#include "exporter/page.h"
#include "exporter/scrape.h"

#define CONNECTIONS_MAX	32u
/* Limit for a request, and for the memory of a connection, in bytes. */
#define REQUEST_MAX	16384
#define IDLE_S		10u	/* a connection without traffic is closed after this many seconds */

static struct MHD_Daemon *server;
static struct scrape_from from;

/*
 * The newest scrape.  While one thread gets answers from erad, other threads wait, and use its
 * scrape, too.  So the metrics need only one connection to erad, and no request for the metrics
 * waits for erad longer than SCRAPE_MS.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t scraped = PTHREAD_COND_INITIALIZER;
/* A thread is getting answers from erad.  `lock` protects this and the variables below. */
static bool scraping;
static unsigned long scrapes;		/* number of scrapes that have ended */
static char *text;
static size_t text_len;
static struct err trouble;

/* Logs a message when erad stops answering, when the error changes, and when erad answers again. */
static void log_trouble(const struct err *err)
{
	if (!strcmp(trouble.msg, err->msg))
		return;
	if (*err->msg) {
		char what[sizeof(err->msg)];

		strcpy(what, err->msg);
		fprintf(stderr, "erad-exporter: %s\n", printable(what));
	} else {
		fputs("erad-exporter: erad answers again\n", stderr);
	}
	trouble = *err;
}

/* Returns a copy of the newest scrape, but never of a scrape that had ended before the call. */
static char *scrape_or_wait(size_t *len)
{
	unsigned long before;
	char *copy = NULL;

	pthread_mutex_lock(&lock);
	before = scrapes;
	if (!scraping) {
		struct err err;
		size_t new_len = 0;
		char *new;

		scraping = true;
		pthread_mutex_unlock(&lock);
		new = scrape(&from, &new_len, &err);
		pthread_mutex_lock(&lock);
		free(text);
		text = new;
		text_len = new_len;
		log_trouble(&err);
		scraping = false;
		scrapes++;
		pthread_cond_broadcast(&scraped);
	}
	while (scrapes == before)
		pthread_cond_wait(&scraped, &lock);
	if (text) {
		copy = malloc(text_len + 1);
		if (copy)
			memcpy(copy, text, text_len);
		*len = text_len;
	}
	pthread_mutex_unlock(&lock);
	return copy;
}

/* Sends the response, and frees it.  response NULL: out of memory, so closes the connection. */
static enum MHD_Result reply(struct MHD_Connection *c, unsigned int status, const char *type,
			     struct MHD_Response *response)
{
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	r = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned int status, const char *what)
{
	return reply(c, status, "text/plain; charset=utf-8",
		     MHD_create_response_from_buffer(strlen(what), (void *)what, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result reply_metrics(struct MHD_Connection *c)
{
	size_t len;
	char *metrics = scrape_or_wait(&len);
	struct MHD_Response *response;

	if (!metrics)
		return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	response = MHD_create_response_from_buffer(len, metrics, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(metrics);
	return reply(c, MHD_HTTP_OK, METRICS_TYPE, response);
}

/*
 * Returns whether the request uses a name of this machine: an address, localhost, or the host name.
 * Without this check, the web page of a stranger could read the status page in the user's browser:
 * the owner of a domain can let the domain's name point to this machine, and the browser lets a
 * page of the domain read the answer.  Such a request contains the name of the domain.
 */
static bool is_own_name(struct MHD_Connection *c)
{
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	char copy[256], own[65] = "";
	struct in6_addr a;
	size_t len;
	char *end;

	if (!host || strlen(host) >= sizeof(copy))
		return !host;
	strcpy(copy, host);
	if (*copy == '[') {
		end = strchr(copy, ']');
		if (end)
			*end = 0;
		return end && inet_pton(AF_INET6, copy + 1, &a) == 1;
	}
	copy[strcspn(copy, ":")] = 0;
	if (inet_pton(AF_INET, copy, &a) == 1 || !strcasecmp(copy, "localhost"))
		return true;
	gethostname(own, sizeof(own) - 1);
	len = strcspn(own, ".");
	if (!len || strncasecmp(copy, own, len))
		return false;
	/*
	 * Compare the whole name, because anybody can register a domain with a name that begins
	 * with the short name of this machine.
	 */
	return !copy[len] || !strcasecmp(copy + len, own + len) || !strcasecmp(copy + len, ".local");
}

/* Adds headers that allow the browser to load the style sheet of this server, and nothing else. */
static void add_safety(struct MHD_Response *r)
{
	static const char *const headers[][2] = {
		{ "Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Cache-Control", "no-store" },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		MHD_add_response_header(r, headers[i][0], headers[i][1]);
}

static enum MHD_Result reply_page(struct MHD_Connection *c)
{
	const char *volume = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "volume");
	const char *refresh = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "refresh");
	struct MHD_Response *response;
	size_t len;
	char *page;

	if (!is_own_name(c))
		return reply_text(c, MHD_HTTP_FORBIDDEN,
				  "expected the address, or the host name, of this machine in the URL\n");
	page = look_page(from.socket, volume, refresh != NULL, &len);
	if (!page)
		return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	response = MHD_create_response_from_buffer(len, page, MHD_RESPMEM_MUST_FREE);
	if (response)
		add_safety(response);
	else
		free(page);
	return reply(c, MHD_HTTP_OK, PAGE_TYPE, response);
}

static enum MHD_Result reply_style(struct MHD_Connection *c)
{
	return reply(c, MHD_HTTP_OK, "text/css; charset=utf-8",
		     MHD_create_response_from_buffer(strlen(page_style), (void *)page_style, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **state)
{
	(void)cls;
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
	if (!strcmp(url, "/metrics"))
		return reply_metrics(c);
	if (!strcmp(url, "/"))
		return reply_page(c);
	if (!strcmp(url, "/style.css"))
		return reply_style(c);
	return reply_text(c, MHD_HTTP_NOT_FOUND, "expected / or /metrics\n");
}

/* Splits "ADDRESS:PORT" in place.  Returns the port, or NULL. */
static char *split(char *address, char **host)
{
	char *colon = strrchr(address, ':');

	if (!colon || !colon[1] || colon == address)
		return NULL;
	*colon = '\0';
	*host = address;
	if (*address == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		*host = address + 1;
	} else if (strchr(address, ':')) {
		return NULL;
	}
	return colon + 1;
}

int http_listen(const char *address, int *fd, struct err *err)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *a;
	char copy[128], *host, *port;
	const int on = 1;

	snprintf(copy, sizeof(copy), "%s", address);
	port = split(copy, &host);
	if (!port || getaddrinfo(host, port, &hints, &a))
		return err_set(err, -EINVAL, "got %s, expected ADDRESS:PORT in digits, as in "
			       HTTP_ADDRESS, address);
	*fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(*fd, a->ai_addr, a->ai_addrlen) || listen(*fd, CONNECTIONS_MAX)) {
		const int r = err_set(err, -errno, "cannot listen at %s: %m", address);

		if (*fd >= 0)
			close(*fd);
		freeaddrinfo(a);
		return r;
	}
	freeaddrinfo(a);
	return 0;
}

int http_start(int fd, const struct scrape_from *sources, struct err *err)
{
	/*
	 * Make the socket non-blocking.  MHD waits with poll(), and accept() must not wait if the
	 * peer has gone before accept().
	 */
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return err_set(err, -errno, "cannot make the listening socket non-blocking: %m");
	from = *sources;
	server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
				  /*
				   * Without this flag, MHD would shut down the socket, which
				   * belongs to systemd.
				   */
				  MHD_USE_ITC,
				  0, NULL, NULL, answer_request, NULL,
				  MHD_OPTION_LISTEN_SOCKET, fd,
				  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX,
				  MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
				  MHD_OPTION_END);
	return server ? 0 : err_set(err, -EIO, "cannot serve HTTP: libmicrohttpd does not start");
}

void http_stop(void)
{
	MHD_stop_daemon(server);
	server = NULL;
	free(text);
	text = NULL;
	look_end();
}
