// SPDX-License-Identifier: GPL-2.0-or-later
/* Listens at the unix sockets, and serves each connection in a thread of its own: see socket.h. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/protocol.h"
#include "erad/base/group.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/request/socket.h"

#define CONNECTIONS_MAX	64
#define GUESTS_MAX	16	/* limit of the connections of guests, who are callers other than root */
#define GUESTS_OF_ONE	4	/* how many of these connections one user may have, so that no user occupies all of them */
#define TIMEOUT_MS	30000
#define NAP_US		100000	/* pause if a caller can neither be accepted nor refused */
#define GROUP_MS	2000	/* pause between two checks whether the guests' group exists, in ms */

struct connection {
	int fd;
	bool root;		/* whether the caller is root; false: a guest at the guests' socket */
	uid_t uid;		/* user id of a guest */
	socket_serve_fn serve;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t connection_ended;
static unsigned int connections, guests;	/* lock; numbers of connections */
static uid_t guest_uid[GUESTS_MAX];		/* lock; the users of the first `guests` entries */
static int spare_fd = -1;			/* a descriptor to close in turn_away(); only the main loop uses it */
static int guests_fd = -1;			/* the guests' socket, or -1 while their group does not exist; set under lock */
static bool stopping;				/* lock; socket_stop() was called */

/* Makes a socket and begins to listen.  Nobody can connect before the socket has its final mode and group. */
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
	thread_cond_init(&connection_ended);
	if (spare_fd < 0)
		spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return listen_at(ERAD_SOCKET, SOCK_NONBLOCK, 0, 0600, fd, err);
}

/*
 * Counts a guest.  Returns false if the user already has GUESTS_OF_ONE connections.  The caller has
 * checked that guests < GUESTS_MAX.
 */
static bool enter_guest(uid_t uid)
{
	unsigned int nr = 0;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < guests; i++)
		nr += guest_uid[i] == uid;
	if (nr < GUESTS_OF_ONE)
		guest_uid[guests++] = uid;
	pthread_mutex_unlock(&lock);
	return nr < GUESTS_OF_ONE;
}

/* Removes a guest's connection from the counts.  Context: lock. */
static void leave_guest(uid_t uid)
{
	unsigned int i = 0;

	while (guest_uid[i] != uid)
		i++;
	guest_uid[i] = guest_uid[--guests];
}

static void leave_connection(bool root, uid_t uid)
{
	pthread_mutex_lock(&lock);
	if (root)
		connections--;
	else
		leave_guest(uid);
	pthread_cond_broadcast(&connection_ended);
	pthread_mutex_unlock(&lock);
}

static void *connection_thread(void *arg)
{
	struct connection *c = arg;
	const bool root = c->root;
	const uid_t uid = c->uid;
	struct jsonl j;

	jsonl_init(&j, c->fd, ERAD_REQUEST_MAX, TIMEOUT_MS);
	c->serve(&j, root);
	jsonl_free(&j);
	close(c->fd);
	free(c);
	leave_connection(root, uid);
	return NULL;
}

static bool start_connection(int fd, bool root, uid_t uid, socket_serve_fn serve)
{
	struct connection *c = malloc(sizeof(*c));

	if (!c)
		return false;
	*c = (struct connection){ .fd = fd, .root = root, .uid = uid, .serve = serve };
	if (!thread_start_detached(connection_thread, c))
		return true;
	free(c);
	return false;
}

/* This does not wait: the answer fits into the buffer of a new socket. */
static void refuse_caller(int fd, const char *answer)
{
	if (send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a caller was refused, but the answer could not be sent");
	close(fd);
}

/*
 * Refuses a caller when erad may open no more files.  A connection that is not accepted would wake
 * the main loop again and again.  So erad closes spare_fd, accepts the connection with the free
 * descriptor, refuses the caller, and opens spare_fd again.  If accept() fails for another reason,
 * such as no memory, erad waits for NAP_US; such a reason does not last.
 */
static void turn_away(int listener)
{
	int fd;

	if (spare_fd >= 0)
		close(spare_fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		refuse_caller(fd, "{\"error\":{\"code\":\"EMFILE\",\"message\":\"erad has too many files open; try again later\"}}\n");
	else
		usleep(NAP_US);
	spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void socket_accept(int listener, socket_serve_fn serve)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	bool room;

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			turn_away(listener);
		return;
	}
	pthread_mutex_lock(&lock);
	room = connections < CONNECTIONS_MAX;
	connections += room;
	pthread_mutex_unlock(&lock);
	if (!room) {
		refuse_caller(fd, "{\"error\":{\"code\":\"EAGAIN\",\"message\":\"erad is already carrying out 64 requests; try again later\"}}\n");
	} else if (!start_connection(fd, true, 0, serve)) {
		refuse_caller(fd, "{\"error\":{\"code\":\"ENOMEM\",\"message\":\"erad cannot start a thread\"}}\n");
		leave_connection(true, 0);
	}
}

/* Makes the guests' socket if their group exists.  Returns 0, without a socket, if there is no such group. */
static int listen_for_guests(struct err *err)
{
	const gid_t group = group_id();
	int fd, r;

	if (!group)
		return 0;
	r = listen_at(ERAD_STATUS_SOCKET, 0, group, 0660, &fd, err);
	if (r)
		return r;
	pthread_mutex_lock(&lock);
	guests_fd = fd;
	if (stopping) {
		unlink(ERAD_STATUS_SOCKET);
		shutdown(fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

/*
 * Waits until the guests' socket exists: the package manager may create the group after the start
 * of erad.  Returns false after socket_stop().
 */
static bool await_group(void)
{
	struct timespec until;
	struct err err;
	bool stop;
	int r = 0;

	while (guests_fd < 0) {
		until = thread_deadline(GROUP_MS);
		pthread_mutex_lock(&lock);
		while (!stopping && r != ETIMEDOUT)
			r = pthread_cond_timedwait(&connection_ended, &lock, &until);
		stop = stopping;
		pthread_mutex_unlock(&lock);
		if (stop)
			return false;
		r = listen_for_guests(&err);
		if (r)
			log_debug("%s", err.msg);
	}
	return true;
}

/*
 * The thread that accepts guests.  The event loop does not do this, because close() of a connection
 * may wait: its peer may have sent another socket, which lingers, through the connection.  If there
 * are GUESTS_MAX guests, further guests wait.
 */
static void *guests_thread(void *arg)
{
	const socket_serve_fn serve = (socket_serve_fn)arg;

	if (!await_group())
		return NULL;
	for (;;) {
		struct ucred peer;
		socklen_t len = sizeof(peer);
		int fd;

		pthread_mutex_lock(&lock);
		while (guests == GUESTS_MAX)
			pthread_cond_wait(&connection_ended, &lock);
		pthread_mutex_unlock(&lock);
		fd = accept4(guests_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINVAL || errno == EBADF))
			return NULL;	/* socket_stop() was called */
		if (fd < 0) {
			sleep(1);	/* there is no memory or no free file descriptor, so try again later */
			continue;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
			close(fd);
		} else if (!enter_guest(peer.uid)) {
			refuse_caller(fd, "{\"error\":{\"code\":\"EAGAIN\",\"message\":\"erad is already carrying out 4 requests of this user; try again later\"}}\n");
		} else if (!start_connection(fd, false, peer.uid, serve)) {
			close(fd);
			leave_connection(false, peer.uid);
		}
	}
}

int socket_listen_guests(socket_serve_fn serve, struct err *err)
{
	int r, thread;

	unlink(ERAD_STATUS_SOCKET);
	r = listen_for_guests(err);
	/* Start the thread also after an error: it tries again. */
	thread = thread_start_detached(guests_thread, (void *)serve);
	return thread ? err_set(err, thread, "cannot start a thread: %s", strerror(-thread)) : r;
}

bool socket_stop(int fd, unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	bool all_gone;
	int r = 0;

	unlink(ERAD_SOCKET);
	close(fd);
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&connection_ended);
	unlink(ERAD_STATUS_SOCKET);
	if (guests_fd >= 0)
		shutdown(guests_fd, SHUT_RDWR);
	/* Do not wait for guests, who may be silent for long: while erad is down, new writes are held. */
	while (connections && !r)
		r = pthread_cond_timedwait(&connection_ended, &lock, &until);
	all_gone = !connections && !guests;
	pthread_mutex_unlock(&lock);
	return all_gone;
}
