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
#include "erad/group.h"
#include "erad/log.h"
#include "erad/socket.h"
#include "erad/thread.h"

#define CONNECTIONS_MAX	64
#define GUESTS_MAX	16	/* more of those who are not root */
#define TIMEOUT_MS	30000

struct connection {
	int fd;
	bool root;		/* else a guest, at the guests' socket */
	socket_serve_fn serve;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left;
static unsigned int connections, guests;	/* under lock */
static int guests_fd = -1;			/* constant after socket_listen_guests(), until socket_stop() */

/* Nobody gets in before its mode and group are what they shall be. */
static int listen_at(const char *path, int flags, gid_t group, mode_t mode, int *out, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	mode_t old;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot make a socket: %m");
	strcpy(addr.sun_path, path);
	unlink(path);
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(old);
	if (!r && (chown(path, 0, group) || chmod(path, mode) || listen(fd, 32)))
		r = -errno;
	if (r) {
		close(fd);
		return err_set(err, r, "cannot listen at %s: %s", path, strerror(-r));
	}
	*out = fd;
	return 0;
}

int socket_listen(int *fd, struct err *err)
{
	thread_cond_init(&left);
	return listen_at(ERAD_SOCKET, SOCK_NONBLOCK, 0, 0600, fd, err);
}

static void leave(bool root)
{
	pthread_mutex_lock(&lock);
	if (root)
		connections--;
	else
		guests--;
	pthread_cond_broadcast(&left);
	pthread_mutex_unlock(&lock);
}

static void *connection_thread(void *arg)
{
	struct connection *c = arg;
	const bool root = c->root;
	struct jsonl j;

	jsonl_init(&j, c->fd, ERAD_REQUEST_MAX, TIMEOUT_MS);
	c->serve(&j, root);
	jsonl_free(&j);
	close(c->fd);
	free(c);
	leave(root);
	return NULL;
}

static bool start(int fd, bool root, socket_serve_fn serve)
{
	struct connection *c = malloc(sizeof(*c));

	if (!c)
		return false;
	*c = (struct connection){ .fd = fd, .root = root, .serve = serve };
	if (!thread_start_detached(connection_thread, c))
		return true;
	free(c);
	return false;
}

/* Short enough for the buffer of a new socket: this does not wait. */
static void refuse(int fd, const char *answer)
{
	if (send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a caller was refused and did not hear it");
	close(fd);
}

void socket_accept(int listener, socket_serve_fn serve)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	bool room;

	if (fd < 0)
		return;
	pthread_mutex_lock(&lock);
	room = connections < CONNECTIONS_MAX;
	connections += room;
	pthread_mutex_unlock(&lock);
	if (!room) {
		refuse(fd, "{\"error\":{\"code\":\"EAGAIN\",\"message\":\"erad is carrying out 64 requests already\"}}\n");
	} else if (!start(fd, true, serve)) {
		refuse(fd, "{\"error\":{\"code\":\"ENOMEM\",\"message\":\"erad cannot start a thread\"}}\n");
		leave(true);
	}
}

/*
 * Not in the event loop: closing a connection may wait for what its peer has put into it,
 * such as another socket that lingers.  Where there are too many, the next ones wait.
 */
static void *guests_thread(void *arg)
{
	const socket_serve_fn serve = (socket_serve_fn)arg;

	for (;;) {
		int fd;

		pthread_mutex_lock(&lock);
		while (guests == GUESTS_MAX)
			pthread_cond_wait(&left, &lock);
		pthread_mutex_unlock(&lock);
		fd = accept4(guests_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINVAL || errno == EBADF))
			return NULL;	/* socket_stop() */
		if (fd < 0) {
			sleep(1);	/* out of memory or files */
			continue;
		}
		pthread_mutex_lock(&lock);
		guests++;
		pthread_mutex_unlock(&lock);
		if (!start(fd, false, serve)) {
			close(fd);
			leave(false);
		}
	}
}

int socket_listen_guests(socket_serve_fn serve, struct err *err)
{
	const gid_t group = group_id();
	int r;

	unlink(ERAD_STATUS_SOCKET);
	if (!group)
		return 0;
	r = listen_at(ERAD_STATUS_SOCKET, 0, group, 0660, &guests_fd, err);
	if (r)
		return r;
	r = thread_start_detached(guests_thread, (void *)serve);
	return r ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

bool socket_stop(int fd, unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	bool all_gone;
	int r = 0;

	unlink(ERAD_SOCKET);
	unlink(ERAD_STATUS_SOCKET);
	close(fd);
	if (guests_fd >= 0)
		shutdown(guests_fd, SHUT_RDWR);
	/* A guest who says nothing is not worth the time: while erad is down, writes wait. */
	pthread_mutex_lock(&lock);
	while (connections && !r)
		r = pthread_cond_timedwait(&left, &lock, &until);
	all_gone = !connections && !guests;
	pthread_mutex_unlock(&lock);
	return all_gone;
}
