// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: wrong ioctls and wrong tables. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol.h"

struct sized {
	const char *name;
	unsigned long cmd;
	size_t size;
	bool on_owner;
};

static const struct sized calls[] = {
	{ "VERSION", ERAD_IOC_VERSION, sizeof(struct erad_version), false },
	{ "LIST", ERAD_IOC_LIST, sizeof(struct erad_list), false },
	{ "ATTACH", ERAD_IOC_ATTACH, sizeof(struct erad_attach), false },
	{ "ABORT", ERAD_IOC_ABORT, sizeof(struct erad_abort), false },
	{ "DEGRADE", ERAD_IOC_DEGRADE, sizeof(struct erad_degrade), false },
	{ "INFO", ERAD_IOC_INFO, sizeof(struct erad_info), true },
	{ "READY", ERAD_IOC_READY, sizeof(struct erad_ready), true },
	{ "COMMIT_FETCH", ERAD_IOC_COMMIT_FETCH, sizeof(struct erad_xfer), true },
	{ "PREPARE_ERA", ERAD_IOC_PREPARE_ERA, sizeof(struct erad_prepare), true },
	{ "NEW_ERA", ERAD_IOC_NEW_ERA, sizeof(struct erad_newera), true },
	{ "USAGE", ERAD_IOC_USAGE, sizeof(struct erad_usage), true },
	{ "STATS", ERAD_IOC_STATS, sizeof(struct erad_stats), true },
	{ "MESSAGE_GET", ERAD_IOC_MESSAGE_GET, sizeof(struct erad_message), true },
	{ "MESSAGE_REPLY", ERAD_IOC_MESSAGE_REPLY, sizeof(struct erad_reply), true },
};

void wrong_headers(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *m = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(m != MAP_FAILED);
	EXPECT(mprotect(m + page, page, PROT_NONE), 0);
	setup();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct sized *c = &calls[i];
		int fd = c->on_owner ? owner : control;
		struct erad_hdr *h = (void *)m;

		fprintf(stderr, "%s\n", c->name);
		EXPECT(call(c->on_owner ? control : owner, c->cmd, m), ENOTTY);
		for (uint32_t size = 0; size < c->size; size++) {
			memset(m, 0, page);
			h->size = size;
			EXPECT(call(fd, c->cmd, m), EINVAL);
		}
		memset(m, 0, page);
		h->size = page + 1;
		EXPECT(call(fd, c->cmd, m), E2BIG);
		h->size = UINT32_MAX;
		EXPECT(call(fd, c->cmd, m), E2BIG);
		for (int bit = 0; bit < 32; bit++) {
			memset(m, 0, page);
			h->size = c->size;
			h->flags = 1u << bit;
			EXPECT(call(fd, c->cmd, m), EINVAL);
		}
		/* flags and fields that only a newer version of the ABI defines */
		memset(m, 0, page);
		h->size = c->size + 8;
		m[c->size + 7] = 1;
		EXPECT(call(fd, c->cmd, m), E2BIG);
		/* memory that is not mapped, in full or in part */
		EXPECT(call(fd, c->cmd, NULL), EFAULT);
		EXPECT(call(fd, c->cmd, m + page), EFAULT);
		h = (void *)(m + page - 8);
		h->size = c->size;
		h->flags = 0;
		EXPECT(call(fd, c->cmd, h), EFAULT);
		EXPECT(call(fd, c->cmd, (void *)-4096ul), EFAULT);
	}
	EXPECT(call(control, _IOWR(ERAD_IOC_MAGIC, 0xff, struct erad_hdr), m), ENOTTY);
	EXPECT(call(owner, _IOWR(ERAD_IOC_MAGIC, 0xff, struct erad_hdr), m), ENOTTY);
	EXPECT(call(control, _IOWR('x', 0, struct erad_version), m), ENOTTY);
	EXPECT(info().state, ERAD_ACTIVE);
	munmap(m, 2 * page);
}

void wrong_fields(void)
{
	struct erad_attach at = { .instance_id = id, .pad = 1 };
	struct erad_newera ne = { .from = 1, .to = 2, .pad = 1 };
	struct erad_prepare pr = { .to = 2, .pad = 1 };
	struct erad_ready re = { .era = 1, .pad = 1 };
	struct erad_list li = { .cap = 4, .entry_size = sizeof(struct erad_info), .buf = 8 };
	struct erad_xfer x;

	setup();
	HDR(at);
	EXPECT(call(control, ERAD_IOC_ATTACH, &at), EINVAL);
	HDR(ne);
	EXPECT(call(owner, ERAD_IOC_NEW_ERA, &ne), EINVAL);
	EXPECT(new_era(1, 0, 0), EINVAL);
	HDR(pr);
	EXPECT(call(owner, ERAD_IOC_PREPARE_ERA, &pr), EINVAL);
	EXPECT(prepare(0), EINVAL);
	EXPECT(prepare(1), 0);
	EXPECT(new_era(2, 1, 0), 0);		/* begin an era for the second time */
	HDR(re);
	EXPECT(call(owner, ERAD_IOC_READY, &re), EINVAL);
	HDR(li);
	EXPECT(call(control, ERAD_IOC_LIST, &li), EFAULT);
	li.cap = UINT32_MAX;
	EXPECT(call(control, ERAD_IOC_LIST, &li), EFAULT);
	li.entry_size = 4;
	EXPECT(call(control, ERAD_IOC_LIST, &li), EINVAL);
	li.entry_size = 64;
	li.pad = 1;
	EXPECT(call(control, ERAD_IOC_LIST, &li), EINVAL);
	EXPECT(xfer(0, 0, ERAD_MAX_RANGES + 1, &x), EINVAL);
	EXPECT(xfer(0, 0, UINT32_MAX, &x), EINVAL);
	EXPECT(xfer(0, EIO, 0, &x), EINVAL);
	EXPECT(xfer(1, 4096, 0, &x), EINVAL);
	EXPECT(xfer(UINT64_MAX, 0, 1, &x), ESTALE);
	EXPECT(xfer(0, 0, 0, &x), 0);
	EXPECT(x.batch, 0);
	EXPECT(info().state, ERAD_ACTIVE);
}

/*
 * LIST sets every byte of an entry, also those that have no meaning yet.  Otherwise LIST would copy
 * bytes of the kernel's stack to user space.  The stack contains other bytes than zeros if the
 * module is built with -ftrivial-auto-var-init=pattern, as for the kernel `debug`.
 */
void list_fills_in_all_bytes(void)
{
	struct erad_list li = { .cap = 8, .entry_size = sizeof(struct erad_info) };
	struct erad_info infos[8], expected;

	setup();
	EXPECT(run("dmsetup create other --table '0 8 zero'"), 0);
	EXPECT(run("dmsetup create second --table '0 8 erad - /dev/mapper/other 8 2 uuid 7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e002'"), 0);
	memset(infos, 0xa5, sizeof(infos));
	li.buf = (uintptr_t)infos;
	HDR(li);
	EXPECT(call(control, ERAD_IOC_LIST, &li), 0);
	CHECK(li.nr >= 2 && li.nr <= li.cap);
	for (uint32_t i = 0; i < li.nr; i++) {
		EXPECT(infos[i].h.size, sizeof(infos[i]));
		EXPECT(infos[i].h.flags, 0);
		EXPECT(infos[i].pad, 0);
		if (infos[i].instance_id != id)
			continue;
		expected = info();
		EXPECT(memcmp(&infos[i], &expected, sizeof(expected)), 0);
	}
	EXPECT(run("dmsetup remove second"), 0);
	EXPECT(run("dmsetup remove other"), 0);
}

void bad_tables(void)
{
	static const char *const lines[] = {
		"", "-", "- %o", "- %o 0", "- %o 7", "- %o 12", "- %o -8", "- %o 8x", "- %o 4294967296",
		"- %o 128", "- %o 128 0", "- %o 128 1 uuid", "- %o 128 2 uuid nonsense",
		"- %o 128 2 uuid 00000000-0000-0000-0000-000000000000",
		"- %o 128 2 uuid " UUID " more", "- %o 128 2 uuid " UUID "x", "- %o 128 4 uuid " UUID, "- %o 128 -2 uuid " UUID,
		"- %o 128 4 uuid " UUID " detach_policy maybe",
		"- %o 128 4 uuid " UUID " detach_timeout 0",
		"- %o 128 4 uuid " UUID " detach_timeout 99999999999",
		"- %o 128 4 uuid " UUID " what ever", "/dev/nonexistent %o 128", "- /dev/nonexistent 128",
		"%o %o 128",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[512];
		char *at;

		snprintf(line, sizeof(line), "%s", lines[i]);
		while ((at = strstr(line, "%o"))) {
			char rest[512];

			strcpy(rest, at + 2);
			snprintf(at, sizeof(line) - (at - line), "%s%s", origin, rest);
		}
		if (!run("dmsetup create " NAME " --table '0 %d erad %s' 2>/dev/null", SECTORS, line))
			FAIL("accepted: %s", line);
	}
}

void metadata_is_not_shared(void)
{
	setup();
	CHECK(run("dmsetup create other --table '0 8 erad - %s 8 2 uuid " UUID "' 2>/dev/null",
		  slow));
	EXPECT(run("dmesg | tail -n 4 | grep -q 'UUID is in use by another erad target'"), 0);
	CHECK(run("dmsetup create other --table '0 8 erad %s %s 8' 2>/dev/null", slow, slow));
	CHECK(run("dmsetup create other --table '0 8 erad %s %s 8' 2>/dev/null", origin, slow));
	EXPECT(run("dmesg | tail -n 4 | grep -q 'Metadata device is the data device of another erad target'"), 0);
	/* Refuse two targets of one table with the same metadata, and metadata to which another target writes. */
	EXPECT(run("dmsetup remove " NAME), 0);
	CHECK(run("printf '0 8 erad - %s 8 2 uuid " UUID "\\n8 8 erad - %s 8 2 uuid " UUID
		  "\\n' | dmsetup create other 2>/dev/null", slow, slow));
	CHECK(run("printf '0 8 erad %s %s 8\\n8 8 erad %s %s 8\\n' | dmsetup create other 2>/dev/null",
		  origin, slow, origin, slow));
	EXPECT(run("dmsetup create free --table '0 8192 error'"), 0);
	EXPECT(run("dmsetup create " NAME " --table '0 8 erad %s /dev/mapper/free 8'", slow), 0);
	CHECK(run("dmsetup create other --table '0 8 erad - %s 8 2 uuid " UUID "' 2>/dev/null", slow));
}

/*
 * Refuse two targets with the same origin, even with different metadata, because each would miss
 * the writes of the other.
 */
void origin_is_not_shared(void)
{
	static const char other_uuid[] = "7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e002";

	setup();
	CHECK(run("dmsetup create other --table '0 8 erad - %s 8 2 uuid %s' 2>/dev/null", origin, other_uuid));
	EXPECT(run("dmesg | tail -n 4 | grep -q 'Data device is the data device of another erad target'"), 0);
	/* Accept the same origin in another table of the same device: this is a reload. */
	EXPECT(run("dmsetup load " NAME " --table '0 8 erad - %s 8 2 uuid %s'", origin, other_uuid), 0);
	EXPECT(run("dmsetup clear " NAME), 0);
	/* Refuse two targets of one table with the same origin, too. */
	EXPECT(run("dmsetup remove " NAME), 0);
	CHECK(run("printf '0 8 erad - %s 8 2 uuid " UUID "\\n8 8 erad - %s 8 2 uuid %s\\n' | "
		  "dmsetup create other 2>/dev/null", origin, origin, other_uuid));
	/* The refused tables must not keep the origin in use. */
	EXPECT(run("dmsetup create " NAME " --table '0 8 erad - %s 8 2 uuid %s'", origin, other_uuid), 0);
}
