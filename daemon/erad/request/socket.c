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
#define GUESTS_MAX	16	/* limit of connections of guests: callers other than root */
/* Limit for each user, so that no user occupies all guests' connections. */
#define GUESTS_OF_ONE	4
#define TIMEOUT_MS	30000
#define NAP_US		100000	/* pause after turn_away() could not accept a caller */
#define GROUP_MS	2000	/* how often to check whether the guests' group exists */

struct connection {
	int fd;
	bool root;		/* true: the caller is root; false: a guest at the guests' socket */
	uid_t uid;		/* user id of a guest */
	socket_serve_fn serve;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t connection_ended;
static unsigned int connections, guests;	/* lock; numbers of connections */
/* lock; the user of each guest's connection, in the first `guests` entries */
static uid_t guest_uid[GUESTS_MAX];
/* For the main loop: a descriptor to close in turn_away(). */
static int spare_fd = -1;
/* Set under `lock`.  -1: the guests' group does not exist yet. */
static int guests_fd = -1;
static bool stopping;				/* lock; socket_stop() was called */

/*
 * Creates a socket and begins to listen.  Sets the mode and the group of the socket first, so that
 * nobody can connect too early.
 */
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
 * Counts a guest.  Returns false if the user already has GUESTS_OF_ONE connections.  Call this only
 * if guests < GUESTS_MAX.
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

/* send() does not wait here, because the answer fits into the buffer of a new socket. */
static void refuse_caller(int fd, const char *answer)
{
	if (send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a caller was refused, but the answer could not be sent");
	close(fd);
}

/*
 * Refuses a caller when erad has no free file descriptor.  If the connection were not accepted,
 * poll() would return at once again and again.  So this function closes spare_fd, accepts the
 * connection with the free descriptor, refuses the caller, and opens spare_fd again.  If accept()
 * fails for another reason, for example because there is no memory, waits for NAP_US, because this
 * reason does not last.
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
		refuse_caller(fd, "{\"error\":{\"code\":\"ENOMEM\",\"message\":\"erad cannot start a thread for this request; try again later\"}}\n");
		leave_connection(true, 0);
	}
}

/*
 * Creates the guests' socket if their group exists.  If there is no such group, returns 0 without a
 * socket.
 */
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
 * Waits until the guests' socket exists.  The package manager may create the guests' group after
 * the start of erad.  Returns false after socket_stop().
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
 * The thread that accepts guests.  The main loop does not accept guests, because close() of a
 * connection may wait: its peer may have sent another socket with SO_LINGER through the connection.
 * If there are GUESTS_MAX guests, further guests wait.
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
			sleep(1);	/* no memory or no free file descriptor: try again later */
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
	/* Start the thread also after an error, because the thread tries again. */
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
	/*
	 * Do not wait for guests, because a guest may be silent for long, and first writes are held
	 * while erad is down.
	 */
	while (connections && !r)
		r = pthread_cond_timedwait(&connection_ended, &lock, &until);
	all_gone = !connections && !guests;
	pthread_mutex_unlock(&lock);
	return all_gone;
}
