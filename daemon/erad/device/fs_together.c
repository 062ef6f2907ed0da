// SPDX-License-Identifier: GPL-2.0-or-later
/* Puts the inactive tables of several devices into use at one moment: see fs_together.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/dm_tables.h"
#include "common/failpoint.h"
#include "common/file_lock.h"
#include "erad/base/thread.h"
#include "erad/device/fs_together.h"

#define PUSH_MS	100	/* how often a signal ends the wait of a holder that is to end */
#define KILL_MS	5000u	/* when a holder is killed that has not ended */

enum command {
	SUSPEND = 1,
	SWAP,		/* go on with the new table */
	UNDO,		/* go on with the old table, and end */
	END,
};

/* The answer of a holder to SUSPEND and SWAP. */
struct said {
	int code;
	struct err err;
};

struct holder {
	pid_t pid;
	int socket;
	dev_t dev;
	char name[DM_NAME_LEN];	/* of the device, which is the name of the volume */
	char *mark;		/* in the note */
	bool waits;	/* the holder has a command without an answer */
};

/* ---- a holder ---- */

static void interrupt(int signal)
{
	(void)signal;
}

static int suspend(const struct holder *h, struct err *err)
{
	bool suspended, loaded;
	int r;

	failpoint(FAILPOINT_TOGETHER_SUSPENDING);
	r = dm_tables_state(h->dev, &suspended, &loaded, err);
	if (!r && suspended)
		r = err_set(err, -EAGAIN, "/dev/mapper/%s is suspended; resume it first", h->name);
	if (!r && !loaded)
		r = err_set(err, -EAGAIN, "another program has dropped or used the new table of /dev/mapper/%s; try again", h->name);
	if (r)
		return r;
	*h->mark = FS_TOGETHER_HELD;
	r = dm_tables_suspend_frozen(h->dev, err);
	if (r)
		*h->mark = FS_TOGETHER_ENDED;
	failpoint(FAILPOINT_TOGETHER_FROZEN);
	return r;
}

/*
 * If the device was resumed before all devices were suspended, its image would be of another
 * moment.
 */
static int go_on(const struct holder *h, struct err *err)
{
	bool suspended, loaded;
	int r = dm_tables_state(h->dev, &suspended, &loaded, err);

	if (!r && (!suspended || !loaded))
		r = err_set(err, -EAGAIN, "another program has resumed /dev/mapper/%s, or dropped its new table; try again", h->name);
	if (!r)
		r = dm_tables_resume(h->dev, err);
	if (!r)
		*h->mark = FS_TOGETHER_ENDED;
	failpoint(FAILPOINT_TOGETHER_THAWED);
	return r;
}

/* Lets the device go on if a holder has suspended it.  After this, its holder may only end. */
static void undo(const struct holder *h)
{
	if (*h->mark != FS_TOGETHER_HELD || !dm_tables_resume_old(h->dev, NULL))
		*h->mark = FS_TOGETHER_ENDED;
}

/* until: by thread_now_ms(): when all devices must be suspended. */
static _Noreturn void hold(int socket, const struct holder *h, uint64_t until)
{
	const uint64_t limit = until + FS_TOGETHER_GRACE_MS, now = thread_now_ms(), left = limit > now ? limit - now : 1;
	const struct itimerval timer = {
		.it_value = { .tv_sec = (time_t)(left / 1000), .tv_usec = (suseconds_t)(left % 1000 * 1000) },
		.it_interval.tv_sec = 1,
	};
	const struct sigaction wake = { .sa_handler = interrupt };
	char command;

	/*
	 * Without SA_RESTART, this signal ends a system call that waits.  It comes again each
	 * second.
	 */
	sigaction(SIGALRM, &wake, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	for (;;) {
		struct said said = { 0 };
		const ssize_t n = recv(socket, &command, sizeof(command), 0);
		const bool late = thread_now_ms() >= limit;

		if (n < 0 && errno == EINTR && !late)
			continue;
		/*
		 * If the parent has been killed, nobody knows what the other holders do.  If it is
		 * late, the other holders may have let their devices go on.
		 */
		if (n <= 0 || (late && command != END))
			command = UNDO;
		if (command == SUSPEND)
			said.code = suspend(h, &said.err);
		else if (command == SWAP)
			said.code = go_on(h, &said.err);
		else if (command == UNDO)
			undo(h);
		if (said.code)
			err_prefix(&said.err, said.code, "volume %s", h->name);
		if (command == UNDO || command == END)
			_exit(EXIT_SUCCESS);
		send(socket, &said, sizeof(said), MSG_NOSIGNAL);
	}
}

/* all: the holders that exist already, and this one. */
static int start_holder(struct holder *all, unsigned int me, dev_t dev, char *mark, uint64_t until, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return err_set(err, -errno, "cannot make a socket: %m");
	all[me] = (struct holder){ .socket = ends[0], .dev = dev, .mark = mark };
	blockdev_attribute(dev, "dm/name", all[me].name, sizeof(all[me].name));
	all[me].pid = fork();
	if (!all[me].pid) {
		/*
		 * If this holder kept the sockets of others, they would not notice the end of the
		 * parent.
		 */
		for (unsigned int i = 0; i <= me; i++)
			close(all[i].socket);
		hold(ends[1], &all[me], until);
	}
	close(ends[1]);
	if (all[me].pid > 0)
		return 0;
	close(ends[0]);
	return err_set(err, -errno, "cannot fork a process: %m");
}

/* ---- the parent ---- */

static void tell(struct holder *h, char command)
{
	h->waits = send(h->socket, &command, sizeof(command), MSG_NOSIGNAL) == sizeof(command);
}

/* Receives the answer of a holder, which is there.  Returns its code. */
static int receive(struct holder *h, struct err *err)
{
	struct said said;

	h->waits = false;
	if (recv(h->socket, &said, sizeof(said), 0) != sizeof(said))
		return err_set(err, -EIO, "volume %s: the process that suspends it was killed or was late", h->name);
	if (said.code)
		*err = said.err;
	return said.code;
}

/*
 * Gives the command to all holders, and waits for their answers until `until`.  Returns the first
 * error at once, or ETIMEDOUT.
 */
static int command_all(struct holder *all, unsigned int nr, char command, uint64_t until, struct err *err)
{
	unsigned int left = nr;

	for (unsigned int i = 0; i < nr; i++) {
		tell(&all[i], command);
		if (!all[i].waits)
			return err_set(err, -EIO, "volume %s: the process that suspends it was killed or was late", all[i].name);
	}
	while (left) {
		struct pollfd p[FS_TOGETHER_MAX];
		const uint64_t now = thread_now_ms();
		unsigned int slow = nr;

		for (unsigned int i = 0; i < nr; i++) {
			p[i] = (struct pollfd){ .fd = all[i].waits ? all[i].socket : -1, .events = POLLIN };
			if (all[i].waits)
				slow = i;
		}
		if (now >= until && command == SUSPEND)
			return err_set(err, -ETIMEDOUT, "volume %s: it was not frozen and suspended within %u seconds, because its file system has many dirty data, its origin or metadata hangs, or it needs reads from or writes to another one of the volumes, so the other volumes did not wait any longer",
				       all[slow].name, FS_TOGETHER_HOLD_MS / 1000);
		if (now >= until)
			return err_set(err, -ETIMEDOUT, "volume %s: its file system was not thawed within %u seconds; run 'eractl status %s'",
				       all[slow].name, FS_TOGETHER_HOLD_MS / 1000, all[slow].name);
		if (poll(p, nr, (int)(until - now)) < 0)
			continue;
		for (unsigned int i = 0; i < nr; i++) {
			int r;

			if (p[i].fd < 0 || !p[i].revents)
				continue;
			r = receive(&all[i], err);
			if (r)
				return r;
			left--;
		}
	}
	return 0;
}

/*
 * Ends all holders.  With UNDO, lets all devices that the holders have suspended go on with their
 * old tables, each by its holder.
 */
static void end_all(struct holder *all, unsigned int nr, char command)
{
	const uint64_t kill_at = thread_now_ms() + KILL_MS;
	unsigned int left = nr;

	for (unsigned int i = 0; i < nr; i++)
		tell(&all[i], command);
	while (left) {
		left = 0;
		for (unsigned int i = 0; i < nr; i++) {
			int status;

			if (!all[i].pid)
				continue;
			if (waitpid(all[i].pid, &status, WNOHANG) != all[i].pid) {
				left++;
				continue;
			}
			all[i].pid = 0;
			/* A holder that was killed has not let its device go on. */
			if (WIFSIGNALED(status))
				undo(&all[i]);
		}
		if (!left)
			break;
		poll(NULL, 0, PUSH_MS);
		for (unsigned int i = 0; i < nr; i++)
			if (all[i].pid)
				kill(all[i].pid, thread_now_ms() < kill_at ? SIGALRM : SIGKILL);
	}
}

/* If such a signal ended all of these processes, nobody would let the devices go on. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	/* The reader ignores this signal, so that the kernel reaps its children. */
	signal(SIGCHLD, SIG_DFL);
}

/* Locks the note, and changes it.  Returns its descriptor, or a negative errno. */
static int begin_note(const char *note, struct err *err)
{
	static const char begun[] = FS_TOGETHER_BEGUN;
	char is[sizeof(begun)] = "";
	const int fd = open(note, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_SH | LOCK_NB) && file_is_at(fd, note) && pread(fd, is, sizeof(is) - 1, 0) == sizeof(is) - 1 &&
	    !strcmp(is, FS_TOGETHER_NEW) && pwrite(fd, begun, sizeof(begun) - 1, 0) == sizeof(begun) - 1)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(err, -EINTR, "erad, or the process that suspends the volumes, was killed meanwhile");
}

int fs_swap_together(const struct fs_together *t, struct err *err)
{
	struct holder all[FS_TOGETHER_MAX] = { 0 };
	unsigned int nr = 0;
	char *content;
	int note, r = 0;

	if (!t->nr || t->nr > FS_TOGETHER_MAX)
		return err_set(err, -EINVAL, "got %u devices, expected 1 to %u", t->nr, FS_TOGETHER_MAX);
	if (thread_now_ms() >= t->until_ms)
		return err_set(err, -EAGAIN, "the process that suspends the volumes began too late; try again");
	/* The holders inherit the file, and so keep the lock. */
	note = begin_note(t->note, err);
	if (note < 0)
		return note;
	/* Writing to this memory never waits, because it is locked. */
	content = mmap(NULL, FS_TOGETHER_MARKS + FS_TOGETHER_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, note, 0);
	if (content == MAP_FAILED) {
		r = err_set(err, -errno, "cannot map %s: %m", t->note);
		close(note);
		return r;
	}
	ignore_signals();
	while (nr < t->nr && !r) {
		r = start_holder(all, nr, t->dev[nr], content + FS_TOGETHER_MARKS + nr, t->until_ms, err);
		nr += !r;
	}
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (!r)
		r = command_all(all, nr, SUSPEND, t->until_ms, err);
	if (!r)
		failpoint(FAILPOINT_TOGETHER_ALL_FROZEN);
	if (!r)
		r = command_all(all, nr, SWAP, t->until_ms + FS_TOGETHER_HOLD_MS, err);
	if (!r)
		failpoint(FAILPOINT_TOGETHER_ALL_THAWED);
	end_all(all, nr, r ? UNDO : END);
	for (unsigned int i = 0; i < nr; i++)
		close(all[i].socket);
	close(note);
	return r;
}
