/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models any owner that include/erad_uapi.h allows, instead of erad. Several threads fetch, record
 * and commit batches and begin eras at the same time, and do not remember the results of their
 * calls.  The owner keeps these rules:
 *
 * 	an era is durable before NEW_ERA begins it;
 * 	a batch is durable, in the newest era begun, before it is committed;
 * 	a checkpoint is acknowledged when NEW_ERA has returned 0.
 *
 * All other events happen in any order.  So this model also checks promises of the module on which
 * erad does not rely.
 */

byte s_blocks[2];		/* blocks of the fetched batches */
bool s_recorded[2];		/* whether each batch is durable */
byte sera;			/* newest era that the metadata has begun */
byte flipped;			/* newest era that a target has begun */
byte io;			/* a batch or an era that is written and not yet flushed */
#define IO_ERA		3
byte r;				/* result of a call */
bool killed;			/* never true: see die() */

#if POWER_CUTS || ERRORS || DEGRADES
#error any owner: power cuts, failing metadata and degrades are for erad alone
#endif

#define kick()		skip

/* Ends the process.  The next process has opened the metadata. */
#define die() \
	k_close(); \
	drop(0); \
	drop(1); \
	io = 0; \
	if \
	:: pend_era != 0 -> became_durable() \
	:: else \
	fi; \
	sera = dera

#define OWNER_OVER	(checkpoints == 0 && sera == flipped && acked == flipped)
#define OWNER_SERVES	(d_fd == live && inst[live].state == ACTIVE)

/* Records a fetched batch.  Other events can happen at the same time. */
#define record(n) \
	:: d_step { \
		io == 0 && s_id[n] != 0 && !s_recorded[n] -> \
			pend_era = sera; \
			pend_blocks = s_blocks[n]; \
			io = n + 1 \
	} \
	:: d_step { io == n + 1 -> became_durable(); s_recorded[n] = true; io = 0 }

#define acknowledge() \
	acked = sera; \
	assert(dera >= acked || D_acked_is_durable); \
	assert(ALL(IN_FLIGHT_RECORDED) || I4_drained)
#define IN_FLIGHT_RECORDED(w)	(!IN_FLIGHT(w) || RECORDED(w))

#define drop(n)		s_id[n] = 0; s_blocks[n] = 0; s_recorded[n] = false

#define FETCHES		(inst[d_fd].state == ACTIVE && (s_id[0] == 0 || s_id[1] == 0) && inst[d_fd].batch_id == 0 && QUEUE(d_fd))

active proctype watcher()
{
end:	do
	:: d_step { gen_moved -> gen_moved = false }
	od
}

#define ATTACHED	(d_fd != NONE && inst[d_fd].exists)

proctype owner()
{
	byte id;			/* id of the batch to commit */

end:	do
	:: atomic { d_fd == NONE -> k_attach(live, r); r = OK }
	/* Attach again if another table is in use, or if the target has failed. */
	:: d_step { d_fd != NONE && ((d_fd != live && inst[live].resumed) || inst[d_fd].state == FAILED) -> die() }
	:: atomic { ATTACHED && inst[d_fd].state == LOADING && ERA(d_fd) == sera && sera != 0 -> k_ready(d_fd, sera, 0, r); r = OK }
	record(0)
	record(1)
	/* Commits any batch, or no batch, and fetches. */
	:: atomic {
		ATTACHED && (s_recorded[0] || s_recorded[1] || FETCHES) ->
			if
			:: s_recorded[0] -> id = s_id[0]; drop(0)
			:: s_recorded[1] -> id = s_id[1]; drop(1)
			:: FETCHES
			fi;
			k_commit_fetch(d_fd, id, false, true, r);
			if
			:: x_id != 0 && s_id[0] == 0 -> s_id[0] = x_id; s_blocks[0] = x_blocks
			:: x_id != 0 && s_id[0] != 0 -> s_id[1] = x_id; s_blocks[1] = x_blocks
			:: else
			fi;
			id = 0; x_id = 0; x_era = 0; x_blocks = 0; r = OK
	}
	/* Begins the first era of a target, or a checkpoint. */
	:: d_step {
		ATTACHED && io == 0 && sera == flipped && (ERA(d_fd) == 0 || checkpoints > 0) ->
			if
			:: ERA(d_fd) != 0 -> checkpoints--
			:: else
			fi;
			pend_era = sera + 1;
			io = IO_ERA
	}
	:: d_step { io == IO_ERA -> became_durable(); sera = dera; io = 0 }
	:: atomic {
		ATTACHED && inst[d_fd].state != FAILED && ERA(d_fd) < sera && !inst[d_fd].draining ->
			k_prepare(d_fd, sera, r);
			k_new_era(d_fd, ERA(d_fd), sera, r);
			flipped = MAX(flipped, ERA(d_fd));
			if
			:: r == OK -> acknowledge()
			:: else
			fi;
			r = OK
	}
	/* Calls NEW_ERA again, to see whether the drain has ended. */
	:: atomic {
		ATTACHED && inst[d_fd].state != FAILED && ERA(d_fd) == sera && sera > acked && !inst[d_fd].draining ->
			acknowledge()
	}
	od
}
