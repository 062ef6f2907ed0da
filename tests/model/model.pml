/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * erad's protocol, to be searched by spin for an order of events that breaks a promise.
 *
 *	kernel.pml	the module: ioctls, the path of a write
 *	dm.pml		device-mapper around it: suspend, reload, resume
 *	store.pml	the metadata
 *	erad.pml	the daemon
 *	owner.pml	with -DANY_OWNER, in place of the daemon: any process that keeps to include/erad_uapi.h
 *
 * Each event can happen at any time, but only a limited number of times: -DCHECKPOINTS=1 and so on, below. Two blocks are
 * enough, because one look at all blocks of a write decides whether the write passes.
 *
 * The assertions, by their names (erad_uapi.h, erad_format.h):
 *	I1	a write that passes in ->map has its bits in one writeset, and the same writeset counts it; the memory of
 *		this writeset is not freed, and its counts have not been added up yet
 *	I2	a bit is set only if its block is durable in the era of the writeset, or in a later era
 *	I3	a write that is released is counted, and has its bits set unless there was no memory
 *	I4	when a checkpoint returns, no write is in flight that is recorded only in earlier eras, and no such write
 *		completes later
 *	P	a write that is passed on to the origin is recorded: a power failure now would not lose the record
 *	D	an acknowledged era is durable, and so is everything in the journal before a group that is being written
 *	R	a write goes back to dm only in a noflush suspend, because otherwise dm would make it an I/O error
 *	A	erad finds metadata in an era that fits the era of the live target, and no batch that another owner has fetched
 *	G	if a degrade record is in force, only an erad that knows it acknowledges a checkpoint
 *	E	in the end every write, suspend, reload and checkpoint has ended, and the volume is active
 *
 * -DM_… breaks the model in one place, and spin must find the error. tests/model/check does this for each of them.
 */

#ifndef WRITES
#define WRITES		2
#endif
#ifndef CHECKPOINTS
#define CHECKPOINTS	0
#endif
#ifndef CRASHES
#define CRASHES		0
#endif
#ifndef POWER_CUTS
#define POWER_CUTS	0
#endif
#ifndef SUSPENDS
#define SUSPENDS	0
#endif
#ifndef INTERRUPTS
#define INTERRUPTS	0
#endif
#ifndef LOADS
#define LOADS		0
#endif
#ifndef ERRORS
#define ERRORS		0
#endif
#ifndef ABORTS
#define ABORTS		0
#endif
#ifndef NOMEMS
#define NOMEMS		0
#endif
#ifndef DEGRADES
#define DEGRADES	0
#endif
#define BLOCKS		2

/* Limits: how often each event may still happen. */
byte checkpoints = CHECKPOINTS;
byte crashes = CRASHES;
byte power_cuts = POWER_CUTS;
byte suspends = SUSPENDS;
byte interrupts = INTERRUPTS;
byte loads = LOADS;
byte flush_errors = ERRORS;	/* how many flushes of the metadata fail */
byte aborts = ABORTS;
byte nomems = NOMEMS;
byte degrades = DEGRADES;	/* writes of the degrade record */
bool policy_fail;		/* detach_policy */

/* The names of the assertions.  These variables are always false. */
hidden byte I1_writeset_is_there, I1_bits_and_count, I2_bit_is_durable, I3_bits_before_release,
	I3_released_is_counted, I4_drained, I4_completed_is_recorded, P_submitted_is_recorded, P_completed_is_found,
	D_acked_is_durable, D_what_is_before_is_durable, A_metadata_fits, A_no_batch_is_out, E_all_ends,
	E_active_in_the_end, R_requeue_only_in_noflush, G_degrade_is_known;

/* Error codes. */
#define OK		0
#define ESTALE		1
#define EBUSY		2
#define EINVAL		3
#define EIO		4
#define ENODEV		5
#define ETIMEDOUT	6
#define ENOTCONN	7
#define EAGAIN		8

#define NONE		2	/* stands for no instance, and for no writeset */

#include "store.pml"
#include "kernel.pml"
#include "dm.pml"
#ifdef ANY_OWNER
#include "owner.pml"
#else
#include "erad.pml"
#endif

#define lose(w, i) \
	if \
	:: st[w] >= DEFERRED && !OVER(w) -> st[w] = LOST; at[w] = 0; slot[w] = NONE \
	:: else \
	fi
#define FOUND(w)	((!IN_FLIGHT(w) && st[w] != DONE) || DURABLE(blk[w], 1))

/* Crashes, power failures and aborts.  When no event can happen any more, checks that this is a valid end. */
active proctype fate()
{
end:	do
	/* SIGKILL: the process ends, and its writes remain in the page cache. */
	:: d_step { crashes > 0 && !killed -> crashes--; die() }
	/* A power failure: unflushed metadata is lost or kept.  Then the machine boots, and the table is loaded again. */
	:: atomic {
		power_cuts > 0 && !killed ->
			power_cuts--;
			die();
			if
			:: pend_era != 0 -> became_durable()
			:: no_pend()
			fi;
			record_lands();
			d_step {
				assert(ALL(FOUND) || P_completed_is_found);
				assert(dera >= acked || D_acked_is_durable);
				EACH(lose, 0);
				forget(0);
				forget(1);
				inst[0].pushback = false; inst[0].draining = false; inst[0].cur = NONE; inst[0].batch_id = 0;
				inst[1].pushback = false; inst[1].draining = false; inst[1].cur = NONE; inst[1].batch_id = 0;
				nomem = false;
				live = 0; loaded = false; blocked = false; noflush = false; dm = DM_IDLE;
				ctr(0);
				inst[1].dead = false;
				inst[0].resumed = true
			}
	}
	/* eractl abort, or detach_policy=fail and nobody attached */
	:: d_step { aborts > 0 && inst[live].exists && !inst[live].dead -> aborts--; k_abort(live) }
	:: timeout ->
		assert((ALL(OVER) && ADMIN_OVER && OWNER_OVER) || E_all_ends);
		assert(OWNER_SERVES || E_active_in_the_end);
		break
	:: d_step { nomems > 0 && !nomem -> nomems--; nomem = true }
	od
}

init {
	atomic {
		/* One write is to both blocks, one to the first, and one to the second. */
		blk[0] = 3;
		slot[0] = NONE;
		run writer(0);
#if WRITES > 1
		blk[1] = 1;
		slot[1] = NONE;
		run writer(1);
#endif
#if WRITES > 2
		if
		:: blk[2] = 1
		:: blk[2] = 2
		fi;
		slot[2] = NONE;
		run writer(2);
#endif
#if ERRORS
		if
		:: policy_fail = true
		:: policy_fail = false
		fi;
#endif
		ctr(0);
		inst[0].resumed = true;
		inst[1].cur = NONE;
#ifdef BEGINS_DEGRADED
		/*
		 * Begin after an erad has served era 1 and has ended, and the module has degraded.
		 */
		dera = 1;
		drecord = 1;
		inst[0].record = 1;
		inst[0].cur = 0;
		CUR(0).era = 1;
		CUR(0).bits = 3;
		inst[0].passing = true;
		inst[0].state = DEGRADED;
#endif
		run admin();
#ifdef ANY_OWNER
		run owner()
#else
		run erad();
		run requester()
#endif
	}
}
