// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads origins in other processes: see origin_reader.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/dm_tables.h"
#include "common/seen.h"
#include "common/sysfs.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/device/fs_sync.h"
#include "erad/device/origin_reader.h"

#define CHILDREN	256u		/* limit of the children of the reader */
#define CHILD_END_MS	100		/* how long the reader waits for the end of a child that has answered */
#define LOOK_MS		100		/* how often origin_ask() calls ends() */
#define REST_MS		1000		/* how long origin_ask() waits for the rest of an answer */

static atomic_int reader_fd = -1;	/* the socket to the reader; -1: there is no reader */

/* ---- what a child does, or the calling thread without a reader ---- */

static int open_origin(const struct origin_question *q, struct err *err)
{
	char node[NODE_PATH_SIZE];
	struct stat st;
	int fd, r;

	r = dm_node(q->dev, node);
	if (r)
		return err_set(err, r, "cannot find the origin %u:%u: %s", major(q->dev), minor(q->dev), strerror(-r));
	fd = seal_open(node, q->what == ORIGIN_READ_UNUSED, err);
	if (fd < 0 || fstat(fd, &st) || !S_ISBLK(st.st_mode) || st.st_rdev == (dev_t)q->dev)
		return fd;
	close(fd);
	return err_set(err, -ENODEV, "%s is not the origin %u:%u", node, major(q->dev), minor(q->dev));
}

static void read_origin(const struct origin_question *q, struct origin_answer *a)
{
	int fd;

	if (q->what == ORIGIN_READ_IDENTITY) {
		identity_of(q->dev, q->size / 512, &a->identity);
		return;
	}
	fd = open_origin(q, &a->err);
	if (fd < 0) {
		a->code = fd;
		return;
	}
	/*
	 * Flush the origin, so that the counters include what other programs have written to it.
	 * seal_take() and witness_take() flush the origin themselves.
	 */
	if ((q->what == ORIGIN_READ_SEAL_DIFFERENCE || q->what == ORIGIN_READ_WITNESS_DIFFERENCE || q->what == ORIGIN_FLUSH) &&
	    fsync(fd))
		a->code = err_set(&a->err, -errno, "cannot flush the origin: %m");
	else if (q->what == ORIGIN_READ_SEAL)
		a->code = seal_take(fd, q->size, q->seed, &a->seal, &a->err);
	else if (q->what == ORIGIN_READ_SEAL_DIFFERENCE)
		a->code = seal_compare(fd, q->size, &q->seal, &a->err);
	else if (q->what == ORIGIN_READ_WITNESS)
		a->code = witness_take(fd, q->size, q->era, &a->witness, &a->err);
	else if (q->what == ORIGIN_READ_WITNESS_DIFFERENCE)
		a->code = witness_difference(fd, &q->witness, &a->err);
	else if (q->what == ORIGIN_READ_PV_LABEL)
		a->code = pv_label_uuid(fd, a->pv_uuid, &a->err);
	close(fd);
}

/*
 * Without an inactive table, the kernel would do nothing and return no error.  origin_ask() asks again after
 * a child was killed, and this child may have used the table.
 */
static void swap_table(const struct origin_question *q, struct origin_answer *a)
{
	struct dm_device d = { .dev = q->dev };
	bool suspended, loaded;

	snprintf(d.name, sizeof(d.name), "%.*s", (int)sizeof(d.name) - 1, q->path);
	a->code = dm_tables_state(d.dev, &suspended, &loaded, &a->err);
	if (!a->code && !loaded)
		a->code = err_set(&a->err, -EINPROGRESS, "the table that was loaded for /dev/mapper/%s is gone, and may be in use; try again",
				  d.name);
	if (!a->code)
		a->code = dm_tables_swap(&d, &a->us, &a->err);
}

/* pipe_fd: the pipe of the answer, or -1 if the calling thread has asked the question itself. */
static void answer(const struct origin_question *q, int pipe_fd, struct origin_answer *a)
{
	memset(a, 0, sizeof(*a));
	switch (q->what) {
	case ORIGIN_EXAMINE_STORE:
		a->code = store_examine(q->path, &a->store, &a->err);
		break;
	case ORIGIN_EXAMINE_HELD_STORE:
		a->code = store_examine_held(q->path, q->dev, &a->err);
		break;
	case ORIGIN_DISCARD_STORE:
		a->code = store_discard(q->dev, pipe_fd, &a->err);
		break;
	case ORIGIN_REMOVE_DEVICE:
		a->code = dm_remove(q->path, &a->err);
		break;
	case ORIGIN_SWAP:
		swap_table(q, a);
		break;
	case ORIGIN_RESUME_OLD:
		a->code = dm_tables_resume_old(q->dev, &a->err);
		break;
	case ORIGIN_SYNC:
		fs_sync(q->dev);
		break;
	case ORIGIN_SWAP_FROZEN:
		a->code = fs_swap_frozen(q->dev, &a->err);
		break;
	case ORIGIN_SWAP_TOGETHER:
		/* In erad itself, the processes would keep erad's files open. */
		a->code = pipe_fd >= 0 ? fs_swap_together(&q->together, &a->err) :
			  err_set(&a->err, -EOPNOTSUPP, "the process that reads origins has ended; restart erad");
		break;
	case ORIGIN_PEEK:
		place_peek(q->path, q->depth, &a->peek);
		break;
	case ORIGIN_READ_NOTE:
		a->code = seen_read(ERAD_SEEN_DIR, q->uuid, &a->token);
		break;
	default:
		read_origin(q, a);
	}
}

/* ---- the reader ---- */

/* A child.  fd: its pidfd; -1: the entry is free. */
struct child {
	uint64_t dev;		/* the result of child_key() */
	int fd;
	bool waited;		/* the reader has waited for the end of this child once */
};

/*
 * Returns the number that no two children share.  A sync that hangs must not delay the freeze of the same
 * device, because an image is made without the sync, too.  No number of a device has this bit.
 */
static uint64_t child_key(const struct origin_question *q)
{
	return q->what == ORIGIN_SYNC ? q->dev | 1ull << 62 : q->dev;
}

static bool has_ended(const struct child *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/*
 * Finds a free entry for a child that reads dev.  Returns NULL if there is none, and sets *why: EBUSY:
 * another child reads dev.  EUSERS: there are too many children.
 */
static struct child *find_free(struct child *all, uint64_t dev, int *why)
{
	struct child *found = NULL;
	bool busy = false;

	for (struct child *c = all; c < all + CHILDREN; c++) {
		const bool waits = c->fd >= 0 && c->dev == dev && !c->waited;

		if (c->fd >= 0 && has_ended(c, waits ? CHILD_END_MS : 0)) {
			close(c->fd);
			c->fd = -1;
		}
		/* Wait only once, because other origins wait during this time. */
		c->waited |= waits;
		if (c->fd < 0)
			found = c;
		else if (c->dev == dev)
			busy = true;
	}
	*why = busy ? -EBUSY : -EUSERS;
	return busy ? NULL : found;
}

_Static_assert(offsetof(struct origin_answer, code) == 0, "a refusal is the first member of an answer");

static void send_bytes(int fd, const void *bytes, size_t left)
{
	const char *at = bytes;

	while (left) {
		const ssize_t n = write(fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		left -= n;
	}
}

static void interrupt(int sig)
{
	(void)sig;
}

/*
 * Runs in a child.  The signal comes again each second, because the first one may come just before the
 * child calls the system call that waits.
 */
static void set_limit(unsigned int seconds)
{
	const struct itimerval limit = { .it_value.tv_sec = seconds, .it_interval.tv_sec = 1 };
	const struct sigaction sa = { .sa_handler = interrupt };	/* without SA_RESTART */

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

/*
 * Runs in a child: closes all files but the pipe, because a child that hangs must keep no other
 * file open.
 */
static void run_child(int pipe_fd, const struct origin_question *q)
{
	struct origin_answer a;

	if (dup2(pipe_fd, 3) < 0)
		_exit(EXIT_FAILURE);
	close_range(4, ~0u, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	/* The child has its own copy of libdevmapper's state. */
	if (q->what == ORIGIN_REMOVE_DEVICE)
		dm_setup();
	if (q->what == ORIGIN_SWAP || q->what == ORIGIN_RESUME_OLD)
		set_limit(q->seconds);
	answer(q, 3, &a);
	send_bytes(3, &a, sizeof(a));
	_exit(EXIT_SUCCESS);
}

/*
 * Receives a question and its pipe.  Returns 0, ESHUTDOWN if all askers have ended, or another negative
 * errno if this question is lost.
 */
static int receive(int fd, struct origin_question *q, int *pipe_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = q, .iov_len = sizeof(*q) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -ESHUTDOWN;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EMFILE;
	memcpy(pipe_fd, CMSG_DATA(c), sizeof(*pipe_fd));
	if (n == sizeof(*q))
		return 0;
	close(*pipe_fd);
	return -EBADMSG;
}

static void run_reader(int fd)
{
	static struct child children[CHILDREN];
	static struct origin_question q;
	struct child *c;
	int pipe_fd = -1, why, r;
	pid_t pid;

	prctl(PR_SET_NAME, "erad-reader");
	/* The kernel reaps the children.  SIGINT comes from the terminal, and erad handles it. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* The asker may have closed its end of the pipe. */
	signal(SIGPIPE, SIG_IGN);
	close_range(0, fd - 1, 0);
	close_range(fd + 1, ~0u, 0);
	if (open("/dev/null", O_RDWR) || dup(0) != 1 || dup(0) != 2 || chdir("/"))
		_exit(EXIT_FAILURE);
	for (unsigned int i = 0; i < CHILDREN; i++)
		children[i].fd = -1;
	while ((r = receive(fd, &q, &pipe_fd)) != -ESHUTDOWN) {
		if (r) {
			poll(NULL, 0, LOOK_MS);
			continue;
		}
		c = find_free(children, child_key(&q), &why);
		pid = c ? fork() : -1;
		if (!pid)
			run_child(pipe_fd, &q);
		if (c && pid < 0)
			why = -errno;
		/*
		 * Refuse the question: write only the member `code` of an answer, and close the
		 * pipe.  The asker then asks again.  The pipe is empty, so this write does not
		 * wait.
		 */
		if (pid < 0)
			send_bytes(pipe_fd, &why, sizeof(why));
		if (pid > 0) {
			c->dev = child_key(&q);
			c->waited = false;
			c->fd = pidfd_open(pid, 0);
		}
		close(pipe_fd);
	}
	_exit(EXIT_SUCCESS);
}

int origin_reader_start(struct err *err)
{
	int ends[2];
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return err_set(err, -errno, "cannot make a socket for the process that reads origins: %m");
	pid = fork();
	if (!pid)
		run_reader(ends[1]);
	r = pid < 0 ? err_set(err, -errno, "cannot fork the process that reads origins: %m") : 0;
	close(ends[1]);
	if (r)
		close(ends[0]);
	else
		reader_fd = ends[0];
	return r;
}

/* ---- for erad ---- */

uint64_t origin_store_key(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325u;	/* FNV-1a */

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
	/* No number of a device has this bit. */
	return hash | 1ull << 63;
}

void origin_drop(struct origin_asked *asked)
{
	if (asked->fd >= 0)
		close(asked->fd);
	asked->fd = -1;
}

/* Sends the question and the writing end of a pipe to the reader. */
static int send_question(int reader, const struct origin_question *q, int pipe_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)q, .iov_len = sizeof(*q) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pipe_fd, sizeof(pipe_fd));
	return sendmsg(reader, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*q) ? 0 : -errno;
}

static int ask(int reader, struct origin_asked *asked, const struct origin_question *q)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	r = send_question(reader, q, ends[1]);
	close(ends[1]);
	if (r) {
		close(ends[0]);
		return r;
	}
	asked->fd = ends[0];
	asked->question = *q;
	return 0;
}

/*
 * Reads what has arrived of the answer.  Returns 0 when the answer is complete, EAGAIN if more will
 * come, or EPIPE if the pipe has ended without an answer.  After EPIPE, a->code says why: it is an
 * error of the reader, or 0 if the child has died.
 */
static int read_answer(int fd, struct origin_answer *a, size_t *got)
{
	while (*got < sizeof(*a)) {
		const ssize_t n = read(fd, (char *)a + *got, sizeof(*a) - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n <= 0) {
			if (*got != sizeof(a->code))
				a->code = 0;
			return -EPIPE;
		}
		*got += n;
	}
	return 0;
}

/*
 * Waits for the answer until `until`.  Returns 0, EPIPE, ESHUTDOWN or ETIMEDOUT.  When a part of the
 * answer has come, waits at least REST_MS for the rest, because a return drops this part.  A
 * process can stop between two parts, for example after SIGSTOP.
 */
static int await(struct origin_asked *asked, uint64_t until, bool (*ends)(void *ctx), void *ctx, struct origin_answer *a)
{
	uint64_t rest_until = 0;
	size_t got = 0;
	int r;

	while ((r = read_answer(asked->fd, a, &got)) == -EAGAIN) {
		struct pollfd p = { .fd = asked->fd, .events = POLLIN };
		const uint64_t now = thread_now_ms();

		if (got && !rest_until)
			rest_until = now + REST_MS;
		if (now >= rest_until && ends && ends(ctx))
			r = -ESHUTDOWN;
		else if (now >= rest_until && now >= until)
			r = -ETIMEDOUT;
		if (r != -EAGAIN)
			break;
		poll(&p, 1, LOOK_MS);
	}
	if (!got || (r != -ETIMEDOUT && r != -ESHUTDOWN))
		return r;
	origin_drop(asked);
	/* The answer is a refusal, but the reader has not closed the pipe yet. */
	return got == sizeof(a->code) && a->code && r == -ETIMEDOUT ? -EPIPE : r;
}

/*
 * Asks the question, unless *asked keeps this question already, and waits for the answer until
 * `until`.  Returns 0, or EPIPE if the reader could not start a child, or another negative errno.
 * EAGAIN, ENOBUFS and ENOMEM: the question could not be asked now.
 */
static int ask_once(struct origin_asked *asked, const struct origin_question *q, uint64_t until,
		    bool (*ends)(void *ctx), void *ctx, struct origin_answer *a)
{
	const int reader = reader_fd;
	int r = 0;

	if (asked->fd < 0 && reader >= 0)
		r = ask(reader, asked, q);
	if (r == -EPIPE || r == -ECONNRESET || r == -ECONNREFUSED) {
		/* erad must open the volumes even if there is no reader. */
		log_warn("the process that reads origins has ended; until erad is started again, erad waits for each origin that hangs");
		reader_fd = -1;
		r = 0;
	}
	if (!r && asked->fd < 0) {
		answer(q, -1, a);
		return 0;
	}
	if (!r)
		r = await(asked, until, ends, ctx, a);
	if (r != -ETIMEDOUT && r != -ESHUTDOWN)
		origin_drop(asked);
	return r;
}

/* The words of a message about a question. */
struct words {
	char device[300];		/* the device with its kind */
	const char *base, *past;	/* forms of a verb: what the child does */
	const char *cause;		/* what may be the cause if the child does not end */
};

static void find_words(const struct origin_question *q, struct words *w)
{
	const dev_t dev = q->dev;

	*w = (struct words){ .base = "read", .past = "read", .cause = "the device hangs" };
	switch (q->what) {
	case ORIGIN_EXAMINE_STORE:
	case ORIGIN_EXAMINE_HELD_STORE:
		w->base = "examine";
		w->past = "examined";
		snprintf(w->device, sizeof(w->device), "the copy-on-write store at %.250s", q->path);
		break;
	case ORIGIN_DISCARD_STORE:
		w->base = "discard";
		w->past = "discarded";
		snprintf(w->device, sizeof(w->device), "the copy-on-write store %u:%u", major(dev), minor(dev));
		break;
	case ORIGIN_REMOVE_DEVICE:
		w->base = "remove";
		w->past = "removed";
		w->cause = "a device below it hangs or udev is slow";
		snprintf(w->device, sizeof(w->device), "/dev/mapper/%.128s", q->path);
		break;
	case ORIGIN_SWAP:
		w->base = "replace";
		w->past = "replaced";
		w->cause = "a device below it hangs";
		snprintf(w->device, sizeof(w->device), "the table of /dev/mapper/%.128s", q->path);
		break;
	case ORIGIN_RESUME_OLD:
		w->base = "resume";
		w->past = "resumed";
		snprintf(w->device, sizeof(w->device), "mapped device %u:%u", major(dev), minor(dev));
		break;
	case ORIGIN_SYNC:
	case ORIGIN_SWAP_FROZEN:
		w->base = q->what == ORIGIN_SYNC ? "sync" : "freeze";
		w->past = q->what == ORIGIN_SYNC ? "synced" : "frozen";
		w->cause = "the origin of the volume hangs";
		snprintf(w->device, sizeof(w->device), "the file system on /dev/mapper/%.128s", q->path);
		break;
	case ORIGIN_SWAP_TOGETHER:
		w->base = "suspend";
		w->past = "suspended";
		w->cause = "the origin of a volume hangs";
		snprintf(w->device, sizeof(w->device), "the set of volumes");
		break;
	case ORIGIN_PEEK:
		w->base = "examine";
		w->past = "examined";
		w->cause = "the device or its file system hangs";
		snprintf(w->device, sizeof(w->device), "%.250s", q->path);
		break;
	case ORIGIN_READ_NOTE:
		w->cause = "its file system hangs";
		snprintf(w->device, sizeof(w->device), "the newest token in " ERAD_SEEN_DIR);
		break;
	default:
		snprintf(w->device, sizeof(w->device), "the origin %u:%u", major(dev), minor(dev));
	}
}

/* Makes the error of a question that was refused until the time was over.  why: the last refusal. */
static int refused_error(const struct words *w, int why, struct err *err)
{
	if (!why)
		return err_set(err, -ETIMEDOUT, "%s cannot be %s, because the process that %s it has died",
			       w->device, w->past, w->past);
	if (why == -EBUSY)
		return err_set(err, -ETIMEDOUT, "%s cannot be %s, because an attempt to %s it has not ended; check whether %s",
			       w->device, w->past, w->base, w->cause);
	return err_set(err, -ETIMEDOUT, "%s cannot be %s, because erad cannot start a process that %ss it: %s",
		       w->device, w->past, w->base, strerror(-why));
}

/* Makes the error of a question that has no answer.  again: the question was asked by an earlier call. */
static int unanswered_error(const struct origin_question *q, int r, bool again, unsigned int ms, struct err *err)
{
	struct words w;

	find_words(q, &w);
	if (r == -ETIMEDOUT && again)
		return err_set(err, r, "%s has not been %s yet; check whether %s", w.device, w.past, w.cause);
	if (r == -ETIMEDOUT)
		return err_set(err, r, "%s was not %s within %u seconds; check whether %s", w.device, w.past, ms / 1000,
			       w.cause);
	if (r == -ESHUTDOWN)
		return err_set(err, r, "erad is stopping");
	return err_set(err, r, "cannot %s %s in another process: %s", w.base, w.device, strerror(-r));
}

int origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
	       bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *err)
{
	const uint64_t until = thread_now_ms() + ms;
	bool refused = false, again;
	int r, why = 0;
	struct words w;

	if (asked->fd >= 0 && memcmp(&asked->question, q, sizeof(*q)))
		origin_drop(asked);
	again = asked->fd >= 0;
	for (;;) {
		r = ask_once(asked, q, until, ends, ctx, a);
		if (r != -EPIPE && r != -EAGAIN && r != -ENOBUFS && r != -ENOMEM)
			break;
		refused = true;
		why = r == -EPIPE ? a->code : r;
		if (ends && ends(ctx)) {
			r = -ESHUTDOWN;
			break;
		}
		if (thread_now_ms() >= until) {
			r = -ETIMEDOUT;
			break;
		}
		poll(NULL, 0, LOOK_MS);
	}
	if (!r)
		return 0;
	a->code = 0;
	if (r != -ETIMEDOUT || !refused)
		return unanswered_error(q, r, again, ms, err);
	a->code = why ? why : -ECHILD;
	find_words(q, &w);
	return refused_error(&w, why, err);
}
