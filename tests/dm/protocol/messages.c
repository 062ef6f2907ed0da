// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: messages of device-mapper, with an owner and without one. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"

/* A running `dmsetup message`: its output and its exit code. */
struct sender {
	FILE *pipe;
	char text[256];
};

static void send_message(struct sender *s, const char *text)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "exec dmsetup message " NAME " 0 %s 2>&1", text);
	s->pipe = popen(cmd, "r");
	CHECK(s->pipe);
}

/* Waits for the command.  Returns 0 if it has succeeded. */
static int sent(struct sender *s)
{
	size_t n = fread(s->text, 1, sizeof(s->text) - 1, s->pipe);

	s->text[n] = '\0';
	return pclose(s->pipe);
}

static struct erad_message message_get(void)
{
	struct erad_message m = { 0 };

	HDR(m);
	EXPECT(call(owner, ERAD_IOC_MESSAGE_GET, &m), 0);
	return m;
}

static int message_reply(uint64_t message, uint32_t status, uint32_t era)
{
	struct erad_reply a = { .id = message, .status = status, .era = era };

	HDR(a);
	return call(owner, ERAD_IOC_MESSAGE_REPLY, &a);
}

/* Gets the next message, which must exist.  A message wakes pollers. */
static struct erad_message message_wait(void)
{
	uint64_t end = now_ms() + 10000;
	struct erad_message m;

	for (;;) {
		info();
		m = message_get();
		if (m.id)
			return m;
		if (!(owner_poll(1000) & POLLPRI) && now_ms() > end)
			FAIL("no message showed up");
	}
}

void messages(void)
{
	static const char *const wrong[] = {
		"checkpoints", "check", "checkpoint now", "take_metadata_snap 1", "drop_metadata_snap x",
	};
	struct erad_message m;
	struct sender s;
	uint64_t last;

	setup();
	EXPECT(message_get().id, 0);
	EXPECT(message_reply(1, 0, 7), ENOENT);
	EXPECT(message_reply(0, 0, 7), EINVAL);
	EXPECT(message_reply(1, 4096, 7), EINVAL);

	send_message(&s, "checkpoint");
	while (!(info().status & ERAD_MESSAGE))
		usleep(10000);
	CHECK(owner_poll(0) & POLLPRI);
	m = message_get();
	EXPECT(m.type, ERAD_MESSAGE_CHECKPOINT);
	EXPECT(message_get().id, 0);			/* each message is returned only once */
	EXPECT(owner_poll(0) & POLLPRI, 0);
	EXPECT(message_reply(m.id + 1, 0, 7), ENOENT);
	EXPECT(message_reply(m.id, 0, 7), 0);
	EXPECT(sent(&s), 0);
	EXPECT(strcmp(s.text, "7\n"), 0);
	EXPECT(message_reply(m.id, 0, 7), ENOENT);
	last = m.id;

	send_message(&s, "Take_Metadata_SNAP");
	m = message_wait();
	EXPECT(m.type, ERAD_MESSAGE_TAKE_SNAPSHOT);
	CHECK(m.id != last);
	EXPECT(message_reply(m.id, 0, 8), 0);
	EXPECT(sent(&s), 0);
	EXPECT(strcmp(s.text, ""), 0);

	send_message(&s, "DROP_METADATA_SNAP");
	m = message_wait();
	EXPECT(m.type, ERAD_MESSAGE_DROP_SNAPSHOT);
	EXPECT(message_reply(m.id, ENOSPC, 0), 0);
	CHECK(sent(&s));
	CHECK(strstr(s.text, "No space left"));

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		send_message(&s, wrong[i]);
		CHECK(sent(&s));
		CHECK(strstr(s.text, "Invalid argument"));
	}
	EXPECT(message_get().id, 0);
}

/* A sender gets an error as soon as it is certain that no owner will answer. */
void message_without_answer(void)
{
	struct erad_message m;
	struct sender s, next;

	create(origin, "2 uuid " UUID);
	send_message(&s, "checkpoint");			/* there is no owner */
	CHECK(sent(&s));
	CHECK(strstr(s.text, "not connected"));
	begin(1);

	/* the owner dies before or after MESSAGE_GET */
	for (int taken = 0; taken < 2; taken++) {
		send_message(&s, "checkpoint");
		while (!(info().status & ERAD_MESSAGE))
			usleep(10000);
		if (taken)
			m = message_get();
		close(owner);
		CHECK(sent(&s));
		CHECK(strstr(s.text, "not connected"));
		EXPECT(attach(id, &owner), 0);
		EXPECT(ready(1), 0);
	}
	EXPECT(message_reply(m.id, 0, 2), ENOENT);

	/*
	 * A suspend, with or without noflush, ends both senders with an error: the first one, and
	 * the second one, which waits for the first.
	 */
	for (int noflush = 0; noflush < 2; noflush++) {
		send_message(&s, "checkpoint");
		m = message_wait();
		send_message(&next, "checkpoint");
		usleep(100000);
		EXPECT(run("dmsetup suspend %s " NAME, noflush ? "--noflush --nolockfs" : ""), 0);
		CHECK(sent(&s));
		CHECK(strstr(s.text, "busy"));
		CHECK(sent(&next));
		CHECK(strstr(next.text, "busy"));
		EXPECT(message_reply(m.id, 0, 2), ENOENT);
		send_message(&s, "checkpoint");		/* the device is suspended */
		CHECK(sent(&s));
		CHECK(strstr(s.text, "busy"));
		EXPECT(run("timeout 5 dmsetup status " NAME " > /dev/null"), 0);
		EXPECT(run("dmsetup resume " NAME), 0);
	}

	/* the sender is killed, and the next sender does not get the answer to the killed sender */
	EXPECT(run("timeout -s KILL 1 dmsetup message " NAME " 0 checkpoint"), 137);
	EXPECT(message_get().id, 0);
	send_message(&s, "checkpoint");
	EXPECT(message_reply(message_wait().id, 0, 9), 0);
	EXPECT(sent(&s), 0);
	EXPECT(strcmp(s.text, "9\n"), 0);

	/* the instance fails */
	send_message(&s, "checkpoint");
	message_wait();
	EXPECT(do_abort(id), 0);
	CHECK(sent(&s));
	CHECK(strstr(s.text, "Input/output error"));
	send_message(&s, "checkpoint");
	CHECK(sent(&s));
	CHECK(strstr(s.text, "Input/output error"));
	close(owner);
	EXPECT(attach(id, &owner), 0);
	EXPECT(ready(1), 0);

	/* the device is removed */
	send_message(&s, "checkpoint");
	m = message_wait();
	EXPECT(run("dmsetup remove " NAME), 0);
	CHECK(sent(&s));
	EXPECT(message_reply(m.id, 0, 2), ENODEV);
}

/*
 * If the owner hangs, the sender stops waiting after a timeout. A second sender stops waiting at
 * the same time. `dmsetup clear` waits for all senders, so it ends then, too.
 */
void message_times_out(void)
{
	struct erad_message m;
	struct sender s, next;

	setup();
	send_message(&s, "checkpoint");
	m = message_wait();
	send_message(&next, "checkpoint");
	EXPECT(run("dmsetup load " NAME " --table '0 %d erad - %s %d 2 uuid " UUID "'",
		   SECTORS, origin, BLOCK / 512), 0);
	EXPECT(run("timeout 90 dmsetup clear " NAME), 0);
	CHECK(sent(&s));
	CHECK(strstr(s.text, "Timer expired"));
	CHECK(sent(&next));
	CHECK(strstr(next.text, "Timer expired"));
	EXPECT(message_reply(m.id, 0, 2), ENOENT);

	/* the next message is served as usual */
	EXPECT(message_get().id, 0);
	send_message(&s, "checkpoint");
	EXPECT(message_reply(message_wait().id, 0, 3), 0);
	EXPECT(sent(&s), 0);
	EXPECT(strcmp(s.text, "3\n"), 0);
}

/* A message to a new table waits a while, until an owner has attached. */
void message_waits_for_owner(void)
{
	struct sender s;

	create(origin, "2 uuid " UUID);
	send_message(&s, "checkpoint");
	begin(1);
	EXPECT(message_reply(message_wait().id, 0, 2), 0);
	EXPECT(sent(&s), 0);
	EXPECT(strcmp(s.text, "2\n"), 0);
}
