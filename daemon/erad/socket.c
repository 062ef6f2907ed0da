// SPDX-License-Identifier: GPL-2.0-or-later
/* The unix socket: a connection, a thread, a request. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/protocol.h"
#include "erad/log.h"
#include "erad/socket.h"
#include "erad/thread.h"

#define CONNECTIONS_MAX	64
#define TIMEOUT_MS	30000

struct connection {
	int fd;
	void (*serve)(struct jsonl *j);
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left;
static unsigned int connections;	/* under lock */

int socket_listen(int *out, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = ERAD_SOCKET };
	mode_t old;
	int fd, r;

	thread_cond_init(&left);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a socket: %m");
	unlink(ERAD_SOCKET);
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 32) ? -errno : 0;
	umask(old);
	if (r) {
		close(fd);
		return err_set(err, r, "cannot listen at %s: %s", ERAD_SOCKET, strerror(-r));
	}
	*out = fd;
	return 0;
}

static void leave(struct connection *c)
{
	close(c->fd);
	free(c);
	pthread_mutex_lock(&lock);
	connections--;
	pthread_cond_signal(&left);
	pthread_mutex_unlock(&lock);
}

static void *connection_thread(void *arg)
{
	struct connection *c = arg;
	struct jsonl j;

	jsonl_init(&j, c->fd, ERAD_REQUEST_MAX, TIMEOUT_MS);
	c->serve(&j);
	jsonl_free(&j);
	leave(c);
	return NULL;
}

/* Short enough for the buffer of a new socket: this does not wait. */
static void refuse(int fd, const char *answer)
{
	if (send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a caller was refused and did not hear it");
	close(fd);
}

static bool enter(void)
{
	bool room;

	pthread_mutex_lock(&lock);
	room = connections < CONNECTIONS_MAX;
	connections += room;
	pthread_mutex_unlock(&lock);
	return room;
}

void socket_accept(int listener, void (*serve)(struct jsonl *j))
{
	socklen_t len = sizeof(struct ucred);
	struct connection *c;
	struct ucred peer;
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.uid != 0) {
		refuse(fd, "{\"error\":{\"code\":\"EPERM\",\"message\":\"only root may talk to erad\"}}\n");
		return;
	}
	if (!enter()) {
		refuse(fd, "{\"error\":{\"code\":\"EAGAIN\",\"message\":\"erad is carrying out 64 requests already\"}}\n");
		return;
	}
	c = malloc(sizeof(*c));
	if (c) {
		*c = (struct connection){ .fd = fd, .serve = serve };
		if (!thread_start_detached(connection_thread, c))
			return;
		free(c);
	}
	refuse(fd, "{\"error\":{\"code\":\"ENOMEM\",\"message\":\"erad cannot start a thread\"}}\n");
	pthread_mutex_lock(&lock);
	connections--;
	pthread_mutex_unlock(&lock);
}

bool socket_stop(int fd, unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	int r = 0;

	unlink(ERAD_SOCKET);
	close(fd);
	pthread_mutex_lock(&lock);
	while (connections && !r)
		r = pthread_cond_timedwait(&left, &lock, &until);
	pthread_mutex_unlock(&lock);
	return !r;
}
