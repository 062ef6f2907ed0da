// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries out requests about the witness of a volume: see witness.h. */
#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "erad/ops/open.h"
#include "erad/request/args.h"
#include "erad/request/witness.h"
#include "erad/volume/volume.h"
#include "erad/volume/witness.h"

static struct json_object *origin_json(struct volume *v)
{
	struct json_object *o = json_object_new_object();
	char dev[32];

	pthread_mutex_lock(&v->lock);
	snprintf(dev, sizeof(dev), "%u:%u", major(v->origin_dev), minor(v->origin_dev));
	json_object_object_add(o, "size", json_object_new_uint64(v->info.nr_sectors * 512));
	pthread_mutex_unlock(&v->lock);
	json_object_object_add(o, "origin_dev", json_object_new_string(dev));
	return o;
}

/* Keeps a witness as witness_keep() does.  text: the witness, in hexadecimal. */
static int keep(struct volume *v, const struct token *t, const char *text, struct err *err)
{
	struct witness w;

	if (!witness_from_text(text, &w))
		return err_set(err, -EINVAL, "\"witness\" is not in hexadecimal, or has another length than %zu",
			       WITNESS_TEXT_SIZE - 1);
	return witness_keep(v, t, &w, err);
}

int request_witness(struct json_object *arg, struct json_object **result, struct err *err)
{
	const char *name, *token, *witness;
	struct volume *v;
	struct token t;
	int r;

	r = args_volume(arg, &name, err);
	if (!r)
		r = args_token(arg, &token, &t, err);
	if (!r)
		r = args_text(arg, "witness", false, &witness, err);
	if (!r && !token != !witness)
		r = err_set(err, -EINVAL, "the request has one of \"token\" and \"witness\", expected both or none");
	if (!r)
		r = op_find(name, &v, err);
	if (r)
		return r;
	if (witness)
		r = keep(v, &t, witness, err);
	if (!r)
		*result = origin_json(v);
	volume_unref(v);
	return r;
}
