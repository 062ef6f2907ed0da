// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes witnesses of origins in a child process: see witness_note.h. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/client.h"
#include "common/members.h"
#include "common/protocol.h"
#include "common/sysfs.h"
#include "common/token.h"
#include "common/witness.h"
#include "eractl/child.h"
#include "eractl/witness_note.h"

struct checkpointed {
	const char *volume, *token;
	uint32_t era;
};

/* Asks erad for the number of the origin, and for the size of the volume in bytes. */
static int find_origin(const char *volume, dev_t *dev, uint64_t *size, struct err *err)
{
	unsigned int major_nr, minor_nr;
	struct json_object *result;
	const char *text;
	int r;

	r = client_call(client_request("witness", volume), NULL, NULL, &result, err);
	if (r)
		return r;
	text = json_text(result, "origin_dev");
	if (!text || sscanf(text, "%u:%u", &major_nr, &minor_nr) != 2 || !json_number(result, "size", size))
		r = err_set(err, -EBADMSG, "volume %s: the answer of erad to witness cannot be understood", volume);
	else
		*dev = makedev(major_nr, minor_nr);
	json_object_put(result);
	return r;
}

static int open_origin(dev_t dev, struct err *err)
{
	char node[NODE_PATH_SIZE];
	struct stat st;
	int fd, r;

	r = dm_node(dev, node);
	fd = r ? r : seal_open(node, false, err);
	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && st.st_rdev == dev)
		return fd;
	close(fd);
	return err_set(err, -ENODEV, "%s is another device", node);
}

static int take(const void *arg)
{
	const struct checkpointed *c = arg;
	char text[WITNESS_TEXT_SIZE];
	struct json_object *request, *result;
	struct witness w;
	uint64_t size = 0;
	struct err err;
	dev_t dev = 0;
	int fd, r;

	r = find_origin(c->volume, &dev, &size, &err);
	if (r)
		return r;
	fd = open_origin(dev, &err);
	if (fd < 0)
		return fd;
	r = witness_take(fd, size, c->era, &w, &err);
	close(fd);
	if (r)
		return r;
	request = client_request("witness", c->volume);
	json_object_object_add(request, "token", json_object_new_string(c->token));
	json_object_object_add(request, "witness", json_object_new_string(witness_text(&w, text)));
	r = client_call(request, NULL, NULL, &result, &err);
	if (!r)
		json_object_put(result);
	return r;
}

void witness_note(const char *volume, const char *token)
{
	struct checkpointed c = { .volume = volume, .token = token };
	char lock[ERAD_NAME_MAX + 16];
	struct token t;

	if (!volume || !token || !token_from_text(token, &t))
		return;
	c.era = t.era;
	snprintf(lock, sizeof(lock), "witness.%s", volume);
	child_call(lock, take, &c);
}
