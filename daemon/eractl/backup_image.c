// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the image for a backup, and drops it in every case: see backup_image.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/dm_tables.h"
#include "common/image.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "eractl/backup_image.h"
#include "eractl/eractl.h"
#include "eractl/image.h"
#include "eractl/seen_note.h"

#define TRIES		5		/* how often the guardian tries to drop an image that is not there */
#define GUARD_MS	3600000		/* for how long the guardian tries to drop an image that is there */
#define PAUSE_S		3		/* pause between two tries, in seconds */

/* A byte from the caller to the guardian: the caller has dropped the image, or has none. */
#define REQUEST_END	1

/* Drops the image with this number, and no other. */
static int drop(const char *volume, const char *number, struct err *err)
{
	struct json_object *request = client_request("image_drop", volume), *result;
	int r;

	json_object_object_add(request, "backup", json_object_new_string(number));
	r = client_call(request, NULL, NULL, &result, err);
	if (!r)
		json_object_put(result);
	return r;
}

/*
 * Returns whether the image with this number is there, or devices of an image without NAME-image,
 * whose number is not known.
 */
static bool is_left(const char *volume, const char *number)
{
	struct image image;

	image_look(volume, dm_tables_find(volume), &image);
	return image.state != IMAGE_NONE && (!image.image || !strcmp(image.number, number));
}

/*
 * Waits for REQUEST_END, or for the end of the caller.  If the caller has ended, drops the image.
 * erad may still be making the image, or may be restarted at the moment.  So this function tries
 * again for 15 seconds even if erad does not answer or says that there is no image, and for an hour
 * as long as the image is there.  A later backup may have made another image of the volume
 * meanwhile.  That image has another number, and stays.
 */
static void guard(int socket, const char *volume, const char *number)
{
	long long until;
	struct err err;
	char request;
	ssize_t n;

	do {
		n = recv(socket, &request, sizeof(request), 0);
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(request))
		return;
	until = jsonl_now_ms() + GUARD_MS;
	for (int i = 0; drop(volume, number, &err) && jsonl_now_ms() < until; i++) {
		if (i >= TRIES && !is_left(volume, number))
			return;
		sleep(PAUSE_S);
	}
}

/*
 * Becomes the guardian.  Ignores signals to the caller's terminal, process group or service.  It has
 * its own name, so that "killall -KILL eractl" does not end it.
 */
static _Noreturn void become_guardian(int socket, const char *volume, const char *number)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "erad-guardian");
	setsid();
	/*
	 * Close all other files of the caller, so that the guardian keeps neither the lock of the
	 * directory nor a device.
	 */
	socket = dup2(socket, STDIN_FILENO);
	close_range(STDOUT_FILENO, ~0U, 0);
	if (socket >= 0)
		guard(socket, volume, number);
	_exit(0);
}

static int start_guardian(struct backup_image *b, const char *volume, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	b->guardian = fork();
	if (!b->guardian) {
		close(pair[0]);
		become_guardian(pair[1], volume, b->number);
	}
	close(pair[1]);
	b->socket = pair[0];
	if (b->guardian > 0)
		return 0;
	b->guardian = 0;
	return err_set(err, -errno, "cannot start a process: %s", strerror(errno));
}

/* Leaves it to the guardian to drop the image: it takes the closed socket for the end of the caller. */
static void leave_to_guardian(struct backup_image *b)
{
	if (b->socket >= 0)
		close(b->socket);
	b->socket = -1;
	b->guardian = 0;
}

static void end_guardian(struct backup_image *b)
{
	const char request = REQUEST_END;

	if (b->socket >= 0) {
		send(b->socket, &request, sizeof(request), MSG_NOSIGNAL);
		close(b->socket);
	}
	b->socket = -1;
	if (b->guardian)
		waitpid(b->guardian, NULL, 0);
	b->guardian = 0;
}

int backup_image_make(struct backup_image *b, const char *volume, struct json_object *request, struct err *err)
{
	int r = image_draw_number(b->number);

	if (r)
		r = err_set(err, r, "cannot draw a random number for the image: %s", strerror(-r));
	else
		r = start_guardian(b, volume, err);
	if (r) {
		json_object_put(request);
		return r;
	}
	json_object_object_add(request, "backup", json_object_new_string(b->number));
	r = client_call(request, NULL, NULL, &b->made, err);
	if (r) {
		b->made = NULL;
		/*
		 * EREMOTEIO: erad has answered that it could not make the image, but parts of the
		 * image may be left.  After any other error, erad may still be making the image.
		 */
		if (r == -EREMOTEIO && !is_left(volume, b->number))
			end_guardian(b);
		else
			leave_to_guardian(b);
		return r;
	}
	b->there = true;
	b->device = json_text(b->made, "device");
	b->dm_uuid = json_text(b->made, "dm_uuid");
	b->token = json_text(b->made, "token");
	b->stood_still = json_object_get_double(json_object_object_get(b->made, "stood_still_seconds"));
	seen_note(b->token);
	if (!b->device || !b->dm_uuid || !b->token)
		return err_set(err, -EBADMSG, "volume %s: the answer of erad to image_create has no device, dm_uuid or token", volume);
	return 0;
}

int backup_image_check(const struct backup_image *b, const char *volume, dev_t dev, struct err *err)
{
	char uuid[DM_UUID_LEN];
	struct image image;

	if (blockdev_attribute(dev, "dm/uuid", uuid, sizeof(uuid)) || strcmp(uuid, b->dm_uuid))
		return err_set(err, -ENXIO, "%s is not the image that was made for this copy, because another command has dropped the image; this copy does not count, so run the backup again",
			       b->device);
	image_look(volume, dm_tables_find(volume), &image);
	if (image.image != dev)
		return err_set(err, -ENXIO, "the image %s was dropped before it was copied completely; this copy does not count, so run the backup again",
			       b->device);
	if (image.state == IMAGE_INVALID)
		return err_set(err, -EIO, "the image %s has become invalid while it was copied, because its copy-on-write store is full or has failed; this copy does not count, so name a larger or another store with --cow",
			       b->device);
	if (image.state != IMAGE_VALID)
		return err_set(err, -EIO, "the image %s is %s, expected valid: volume %s does not lie on /dev/mapper/%s" IMAGE_ORIGIN_SUFFIX " any more, so its writes change the image; this copy does not count, so run the backup again",
			       b->device, image_state_name(image.state), volume, volume);
	return 0;
}

int backup_image_drop(struct backup_image *b, const char *volume, struct err *err)
{
	int r;

	if (!b->there)
		return 0;
	r = drop(volume, b->number, err);
	b->there = false;
	b->left = r && is_left(volume, b->number);
	if (!b->left) {
		end_guardian(b);
		return 0;
	}
	leave_to_guardian(b);
	return err_prefix(err, r, "volume %s: the image is not dropped yet; a process in the background tries again for an hour; if the image is still there then, run 'eractl image drop %s'",
			  volume, volume);
}
