/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any owner that include/erad_uapi.h allows, in place of erad: several threads that fetch, record, commit and begin eras
 * beside each other, and lose track of what became of a batch. What it keeps to:
 *
 *	an era is durable before NEW_ERA begins it;
 *	a batch is durable, in the newest era begun, before it is committed;
 *	a checkpoint is acknowledged when NEW_ERA has returned 0.
 *
 * What it does not rely on is the order of anything else. So this is what holds the module to its promises where erad
 * happens never to need them.
 */

byte s_blocks[2];		/* of the batches in hand */
bool s_recorded[2];		/* durable */
byte sera;			/* the newest era begun in the metadata */
byte flipped;			/* the newest era begun by a target */
byte io;			/* what is written and not yet flushed: a batch, an era */
#define IO_ERA		3
byte r;				/* what a call returned */
bool killed;

#if POWER_CUTS || ERRORS
#error any owner: power cuts and failing metadata are for erad alone
#endif

#define kick()		skip

/* The end of the process; the next one has taken over the metadata. */
#define die() \
	k_close(); \
	s_id[0] = 0; s_blocks[0] = 0; s_recorded[0] = false; \
	s_id[1] = 0; s_blocks[1] = 0; s_recorded[1] = false; \
	io = 0; \
	if \
	:: pend_era != 0 -> became_durable() \
	:: else \
	fi; \
	sera = dera

#define OWNER_OVER	(checkpoints == 0 && sera == flipped && acked == flipped)
#define OWNER_SERVES	(d_fd == live && inst[live].state == ACTIVE)

/* A batch in hand: recorded, and committed, while anything else happens. */
#define in_hand(n) \
	:: d_step { \
		io == 0 && s_id[n] != 0 && !s_recorded[n] -> \
			pend_era = sera; \
			pend_blocks = s_blocks[n]; \
			io = n + 1 \
	} \
	:: d_step { io == n + 1 -> became_durable(); s_recorded[n] = true; io = 0 } \
	:: atomic { \
		d_fd != NONE && s_recorded[n] -> \
			k_commit_fetch(d_fd, s_id[n], false, true, r); \
			s_id[n] = 0; \
			s_blocks[n] = 0; \
			s_recorded[n] = false; \
			took() \
	}

/* What COMMIT_FETCH has fetched. */
#define took() \
	if \
	:: r == OK && x_id != 0 && s_id[0] == 0 -> s_id[0] = x_id; s_blocks[0] = x_blocks \
	:: r == OK && x_id != 0 && s_id[0] != 0 -> s_id[1] = x_id; s_blocks[1] = x_blocks \
	:: else \
	fi; \
	x_id = 0; \
	x_era = 0; \
	x_blocks = 0; \
	r = OK

#define acknowledge() \
	acked = sera; \
	assert(dera >= acked || D_acked_is_durable); \
	assert(ALL(IN_FLIGHT_RECORDED) || I4_drained)
#define IN_FLIGHT_RECORDED(w)	(st[w] != FLIGHT || RECORDED(w))

#define ROOM		(s_id[0] == 0 || s_id[1] == 0)

active proctype watcher()
{
end:	do
	:: d_step { gen_moved -> gen_moved = false }
	od
}

#define ATTACHED	(d_fd != NONE && inst[d_fd].exists)

proctype owner()
{
end:	do
	:: atomic { d_fd == NONE -> k_attach(live, r); r = OK }
	/* The table was reloaded, the new one is in use. Or the target failed. */
	:: d_step { d_fd != NONE && ((d_fd != live && inst[live].resumed) || inst[d_fd].state == FAILED) -> die() }
	:: atomic { ATTACHED && inst[d_fd].state == LOADING && ERA(d_fd) == sera && sera != 0 -> k_ready(d_fd, sera, r); r = OK }
	:: atomic {
		ATTACHED && inst[d_fd].state == ACTIVE && ROOM && inst[d_fd].batch_id == 0 && QUEUE(d_fd) ->
			k_commit_fetch(d_fd, 0, false, true, r);
			took()
	}
	in_hand(0)
	in_hand(1)
	/* The first era of a target, or a checkpoint. */
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
	/* NEW_ERA again, to see whether the drain has ended. */
	:: atomic {
		ATTACHED && inst[d_fd].state != FAILED && ERA(d_fd) == sera && sera > acked && !inst[d_fd].draining ->
			acknowledge()
	}
	od
}
