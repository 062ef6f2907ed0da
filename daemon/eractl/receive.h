/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings a copy up to date from a stream: see eractl(8), receive.
 *
 * The steps: receive_target.h opens the copy and checks that the stream fits the copy,
 * receive_data.h writes the data and reads them back, and receive.c notes in the state of the copy
 * whether the copy is complete.
 */
#ifndef ERACTL_RECEIVE_H
#define ERACTL_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "eractl/standing.h"
#include "eractl/stream.h"

struct receive {
	const char *path, *state;	/* the copy; the operand of --state, or NULL */
	bool overwrite;
	struct stream_in *in;
	const struct stream_head *head;
	struct standing_place place;
	struct standing standing;	/* state of the copy before this stream */
	int signals;		/* see receive_catch_signals() */
	bool has_standing;
	bool block_device, created;
	FILE *written;		/* temporary file, an array of struct written of receive_data.c */
	uint64_t written_bytes;	/* sum of the lengths in `written` */
	uint8_t *buf;		/* buffer of STREAM_GROUP bytes */
	/* Number of bytes of data, and of zeros, that receive_apply() has received. */
	uint64_t data_bytes, zero_bytes;
	bool full_copy_due, already;
	/* receive has printed that it waits for the end of standard input. */
	bool told_of_eof;
};

/*
 * Receives rc->in.  The caller has set path, state, overwrite, in, head, signals, place.path and
 * place.file, and place.fd to -1; the rest is zero.  Sets already if the copy already has the
 * content of the stream, and full_copy_due if a failure is a reason for a full copy.
 */
int receive(struct receive *rc, struct err *err);

/* Closes the copy and frees what receive() has allocated, also after a failure. */
void receive_free(struct receive *rc);

#endif /* ERACTL_RECEIVE_H */
