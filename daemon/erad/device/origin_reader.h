/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads origins, copy-on-write stores of images, and other places that users have named, in other
 * processes, so that a device or a file system that hangs does not stop erad.
 *
 * If a thread reads a device that hangs, nothing can end the thread.  Its process can neither end
 * nor close its files.  If this process were erad, no other erad could attach to the volumes, so
 * first writes to all volumes would wait for this one origin.  So erad never reads an origin:
 *
 *	erad ── question, pipe ──► reader ── fork ──► child: reads the origin,
 *	     ◄────────────────── answer in the pipe ────────  writes the answer, ends
 *
 * The reader is a process that erad forks when it starts.  The reader only forks children, so it
 * does not hang.  A child that hangs keeps nothing open but the origin and the pipe, and holds no
 * lock.  There is at most one child for each origin.  erad does not fork the children itself,
 * because a fork makes all pages copy-on-write, and then the path of a commit would wait for
 * memory.
 *
 * A copy-on-write store may hang, too, because the user names its place.  So children also examine
 * and discard stores.  Children remove mapped devices, and replace their tables, because the kernel waits
 * there for I/O: see dm_child.h.  Children sync and freeze the file system on a volume, or on several
 * volumes at one moment.  Before an operation uses the path of metadata or of an origin, a child checks
 * whether the place answers.  Children also read the notes in ERAD_SEEN_DIR, because the file system of
 * this directory may hang.
 *
 * The main process and its standby share one reader.  The reader ends when both have ended.  If there
 * is no reader, for example in unit tests, the calling thread reads the origin itself.
 */
#ifndef ERAD_ORIGIN_READER_H
#define ERAD_ORIGIN_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/identity.h"
#include "common/pv_label.h"
#include "common/seal.h"
#include "common/token.h"
#include "common/witness.h"
#include "erad/device/fs_together.h"
#include "erad/device/place_peek.h"
#include "erad/device/store_examine.h"

enum origin_read {
	ORIGIN_READ_IDENTITY,		/* identity_of() */
	ORIGIN_FLUSH,			/* fsync() */
	ORIGIN_READ_UNUSED,		/* claims the origin for a moment; EBUSY: another program uses it */
	ORIGIN_READ_SEAL,		/* seal_take() */
	ORIGIN_READ_SEAL_DIFFERENCE,	/* seal_compare() */
	ORIGIN_READ_WITNESS,		/* witness_take() */
	ORIGIN_READ_WITNESS_DIFFERENCE,	/* witness_difference() */
	ORIGIN_READ_PV_LABEL,		/* pv_label_uuid() */
	ORIGIN_EXAMINE_STORE,		/* store_examine() of `path` */
	ORIGIN_EXAMINE_HELD_STORE,	/* store_examine_held() of `dev`, which the user knows as `path` */
	ORIGIN_DISCARD_STORE,		/* store_discard() */
	ORIGIN_REMOVE_DEVICE,		/* dm_remove() of the mapped device with the name `path` */
	ORIGIN_SWAP,			/* dm_tables_swap() of `dev` with the name `path`, within `seconds` */
	ORIGIN_RESUME_OLD,		/* dm_tables_resume_old() of `dev`, within `seconds` */
	/* For the mapped device `dev` of the volume with the name `path`: */
	ORIGIN_SYNC,			/* fs_sync(); delays no other question about the device */
	ORIGIN_SWAP_FROZEN,		/* fs_swap_frozen() */
	ORIGIN_SWAP_TOGETHER,		/* fs_swap_together(); `dev` is one of the devices */
	ORIGIN_PEEK,			/* place_peek() of `path`, with `depth` */
	ORIGIN_READ_NOTE,		/* seen_read() of the volume with `uuid` in ERAD_SEEN_DIR */
};

#define ORIGIN_PATH_SIZE	3072u	/* size of a path in a question, in bytes */

/*
 * A question about an origin, or about another device.  Set the members that the function of `what`
 * needs, and all others to 0.
 */
struct origin_question {
	uint32_t what;			/* a value of enum origin_read */
	union {
		uint32_t era;
		uint32_t depth;		/* a value of enum peek_depth */
		/*
		 * After so many seconds, and each second from then on, a signal ends the system call
		 * for which the child waits, if the kernel allows this.
		 */
		uint32_t seconds;
	};
	/*
	 * Number of the origin or of another device, a dev_t.  With ORIGIN_EXAMINE_STORE, the result
	 * of origin_store_key().  With ORIGIN_PEEK and ORIGIN_READ_NOTE, a number made of this result
	 * and a small number.
	 */
	uint64_t dev;
	/* id of the target; makes the same questions about two targets differ */
	uint64_t instance;
	uint64_t size;			/* bytes of the volume */
	uint64_t seed;
	union {
		struct seal seal;	/* the seal to compare */
		struct witness witness;	/* the witness to compare */
		char path[ORIGIN_PATH_SIZE];
		struct fs_together together;
		uint8_t uuid[16];
	};
};

struct origin_answer {
	/*
	 * Result of the function that `what` selects.  If the reader has no child process for the
	 * question, it refuses the question, and sends only this member.
	 */
	int code;
	struct err err;			/* the message, if code is not 0 */
	union {
		struct identity identity;
		struct seal seal;
		struct witness witness;
		char pv_uuid[PV_UUID_SIZE];
		struct store_found store;
		struct peek peek;
		struct token token;
		uint64_t us;		/* for how long I/O waited, in microseconds */
	};
};

/* A question that was asked.  fd -1: there is no such question. */
struct origin_asked {
	int fd;				/* the pipe from which the answer comes; does not block */
	struct origin_question question;
};

/*
 * Forks the reader.  Call this before any thread is created.  Call this after process_spare(),
 * because the reader inherits what process_spare() sets, and before process_setup(), so that the
 * reader has little memory.  If this fails, erad goes on without a reader.
 */
int origin_reader_start(struct err *err);

/*
 * Returns a number for the path of a store, which is no dev_t.  There is at most one child for each
 * number, as for each origin.
 */
uint64_t origin_store_key(const char *path);

/*
 * Asks a question, and waits for the answer, at most ms milliseconds.  Returns 0 if there is an
 * answer, or a negative errno with a message.  ETIMEDOUT: there is no answer yet.  ESHUTDOWN:
 * ends(ctx) has returned true; ends may be NULL.
 *
 * After ETIMEDOUT, a->code is 0 if the child has begun to read.  EBUSY: an earlier child with the same
 * number has not ended.  ECHILD: the child has died.  Another errno: no child could be started.
 *
 * After ETIMEDOUT and ESHUTDOWN, *asked keeps the question if the reader has not refused it and no
 * part of the answer has come.  If the next question is the same, its answer is the answer to the
 * kept question.  If the next question is another one, the kept question is dropped, but its child
 * goes on; a new question about the same origin waits for the end of this child.  If there is no
 * reader, the call takes as long as the origin takes.  Any thread may call this, but only one thread
 * at a time with the same *asked.
 */
int origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
	       bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *err);

/* Drops the question that *asked keeps, if there is one. */
void origin_drop(struct origin_asked *asked);

#endif /* ERAD_ORIGIN_READER_H */
