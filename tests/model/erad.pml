/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models erad as the owner of the instance: its volume thread, daemon/erad/volume/commit.c,
 * attach.c and rollover.c.  Each inline models the function of the same name.  A timer may expire
 * at any time after it was set.
 */

/*
 * Fields of the volume that other processes use. kernel.pml has d_fd and d_batch, which are copies
 * of v->fd and v->batch.
 */
bool d_ready;			/* stands for v->ready */
bool attention;			/* v->attention, and event_fd */
bool killed;			/* the process was killed, and a new erad process must begin */

#define IDLE		0	/* stands for CHECKPOINT_NONE; the next three for the phases of the same names */
#define WANTED		1
#define FLIP		2
#define DRAIN		3
byte phase;

/*
 * Clears v->info when it is not needed any more.  Otherwise its old content would multiply the
 * number of states.
 */
#define forget_info()	i_era = 0; i_state = 0; i_resumed = false; i_draining = false

#define kick()		attention = true; asleep = false

/* Ends the process, for any reason. */
#define die() \
	k_close(); \
	d_batch = 0; d_ready = false; attention = false; asleep = false; phase = IDLE; gen_moved = true; \
	pend_read = false; look_begins(); killed = true

/* Sets the initial state of a process. */
#define fresh() \
	fd = NONE; batch = 0; d_blocks = 0; sera = 0; d_failed = false; d_trouble = false; look = true; \
	roll = false; held = true; kicked = false; c_from = 0; c_to = 0; i_era = 0; i_state = 0; \
	i_resumed = false; i_draining = false; r = OK; pick = 0; p = IDLE; \
	status = false; digest = 0; d_degraded = false; d_serial = 0

/* stands for finish() with an error */
#define rollover_fail()	phase = IDLE; roll = false; c_from = 0; c_to = 0

/*
 * Models on_control() and volumes_changed(), in the main thread: if the instances of this volume
 * have changed, the volume's thread must look at them.  Without EXACT_LOOK, the thread must look
 * after any change, which makes fewer states.
 */
#ifdef EXACT_LOOK
#define SHOWS(i)	(inst[i].exists -> 1 + 2 * inst[i].resumed + 4 * inst[i].owned + 8 * inst[i].draining + \
			16 * inst[i].state + 128 * ERA(i) : 0)
#define DIGEST		(SHOWS(0) + 1024 * SHOWS(1))
int seen;			/* v->seen: DIGEST of the instances that the volume thread has read last */

active proctype watcher()
{
	int news;

end:	do
	:: d_step { gen_moved -> gen_moved = false; news = DIGEST };
		d_step {
			if
			:: seen != news -> kick()
			:: else
			fi;
#ifdef M_SEEN_BY_MAIN
			seen = news;
#endif
			news = 0
		}
	od
}

#ifdef M_SEEN_BY_MAIN
#define look_begins()	skip
#define look_ends()	skip
#else
#define look_begins()	seen = 0
#define look_ends()	seen = digest
#endif
#else
#define DIGEST		0
#define look_begins()	skip
#define look_ends()	skip

active proctype watcher()
{
end:	do
	:: d_step { gen_moved -> gen_moved = false; kick() }
	od
}
#endif

inline link_refresh()
{
	d_step {
		if
		:: inst[fd].dead -> r = ENODEV
		:: else ->
			r = OK;
			inst[fd].pri = false;
			i_era = ERA(fd);
			i_state = inst[fd].state;
			i_resumed = inst[fd].resumed;
			i_draining = inst[fd].draining
		fi
	}
}

inline attach_let_go()
{
	d_step {
		k_close();
		fd = NONE;
		batch = 0;
		d_batch = 0;
		d_ready = false;
		d_blocks = 0;
		d_failed = false;
		rollover_fail()
	}
}

/*
 * Models degraded_take_up(), the first step of the order in degraded.c.  The store knows the record
 * that it found at the open.  Each attach looks for a record that the module has written since.
 */
#if DEGRADES
/* stands for store_clear_degraded() */
#define clear() \
	if \
	:: d_degraded -> dserial = d_serial; d_degraded = false \
	:: else \
	fi
/* The serial in store_degrade_record(), plus 1. */
#define SERIAL		d_serial + 1

#ifdef M_LOOK_AT_OPEN
#define FIND_RECORD	false
#else
#define FIND_RECORD	IN_FORCE
#endif
inline take_up()
{
	d_step {
		if
		:: PASSING(fd) || FIND_RECORD -> d_degraded = true
		:: else
		fi;
		/*
		 * Models reach_era(): the next record gets a larger serial than each record that
		 * was found.  In the model, a second attempt uses the same serial again.
		 */
		if
		:: d_degraded -> d_serial = MAX(dserial + 1, drecord)
		:: else
		fi
	}
#ifndef M_NO_FLOOR
	if
	:: d_degraded -> store_set_floor(sera, r)
	:: else
	fi;
#endif
#ifdef M_CLEAR_EARLY
	d_step {
		if
		:: d_degraded -> dserial = MAX(dserial, drecord)
		:: else
		fi
	}
#endif
	skip
}

/* stands for degraded_step() */
inline degraded_step()
{
	d_step {
		if
		:: d_degraded && d_ready && !inst[fd].draining && !inst[fd].dead ->
			if
			:: flush_errors > 0 -> flush_errors--	/* this step fails, and erad tries it again */
			:: else -> clear()
			fi
		:: else
		fi
	}
}
#define CLEARS		(fd != NONE && d_degraded && d_ready)
#else
#define take_up()	skip
#define degraded_step()	skip
#define SERIAL		0
#define CLEARS		false
#endif

/* flip_era(): does not wait for the drain */
inline flip_era(from, to)
{
	atomic {
		/* this is not a separate step, because no other process reads this state */
		k_prepare(fd, to, r);
		if
		:: r == OK ->
			k_new_era(fd, from, to, r);
			if
			:: r == ETIMEDOUT -> r = OK
			:: else
			fi
		:: else
		fi
	}
}

inline activate_target()
{
	take_up();
	if
	:: r == OK && i_era == 0 ->
		store_append(sera + 1, 0, r);
		if
		:: r == OK ->
			sera++;
			d_trouble = false;
			flip_era(0, sera)
		:: else
		fi
	:: r == OK && i_era != 0 && sera == i_era + 1 -> flip_era(i_era, sera)
	:: r == OK && i_era != 0 && sera == i_era && PASSING(fd) ->
		store_append(sera + 1, 0, r);
		if
		:: r == OK ->
			sera++;
			flip_era(i_era, sera)
		:: else
		fi
	:: r == OK && i_era != 0 && sera != i_era + 1 && sera != i_era -> r = ESTALE; assert(sera == i_era || A_metadata_fits)
	:: else
	fi;
	d_step { forget_info() }
	if
	:: r == OK -> k_ready(fd, sera, SERIAL, r)
	:: else
	fi
}

/* models the part of store_open() that finds a record in force */
#if DEGRADES
#define find_record()	d_degraded = IN_FORCE; d_serial = dserial
#else
#define find_record()	skip
#endif

inline attach_to()
{
	r = OK;
	if
	:: sera == 0 ->		/* stands for open_store() */
		d_step {
			store_replay(sera);
			find_record()
		};
		store_take_over(r);
		if
		:: r != OK -> sera = 0
		:: else
		fi
	:: else
	fi;
	if
	:: r == OK ->
		atomic {
			k_attach(pick, r);
			if
			:: r == OK -> fd = pick; link_refresh()
			:: else
			fi
		}
		if
		:: r == OK -> activate_target()
		:: else
		fi;
		atomic {
			if
			:: r == OK -> link_refresh(); forget_info()
			:: else
			fi;
			if
			:: r != OK && fd != NONE -> attach_let_go()
			:: else
			fi
		}
	:: else
	fi
}

/* better(): prefers the instance in use, then the instance with an era, then the newer instance */
#define BETTER		(!inst[0].exists -> 1 : (!inst[1].exists -> 0 : \
			(inst[0].resumed != inst[1].resumed -> (inst[1].resumed -> 1 : 0) : \
			((ERA(0) == 0) != (ERA(1) == 0) -> (ERA(1) != 0 -> 1 : 0) : 1))))
#define CURRENT		(fd != NONE && inst[fd].exists)
#ifdef M_MOVE_EARLY
#define STAY		(CURRENT && pick == fd)
#else
#define STAY		((CURRENT && (pick == fd || inst[fd].resumed || !inst[pick].resumed)) || \
			(ERA(pick) == 0 && !inst[pick].resumed))
#endif
#ifdef M_MOVE_EARLY
#define PICK		(inst[1].exists -> 1 : 0)
#else
#define PICK		BETTER
#endif

inline attach_look()
{
	look_begins();
	d_step {
		look = false;
		digest = DIGEST;
		pick = PICK;
		if
		:: STAY -> pick = NONE
		:: else
		fi
	}
	d_step { look_ends(); digest = 0 }
	if
	:: pick != NONE ->
		if
		:: fd != NONE -> attach_let_go()
		:: else
		fi;
		attach_to();
		d_step {	/* stands for settle() */
			look = (r != OK);
			d_ready = (r == OK);
			r = OK;
			pick = 0
		}
	:: else -> pick = 0
	fi
}

/* mark_batch(): step 1 of the order in commit_batches() */
inline mark_batch()
{
#ifdef M_RELEASE_EARLY
	store_write(sera, d_blocks);
	r = OK;
#else
	store_append(sera, d_blocks, r);
#endif
#ifdef M_IGNORE_ERROR
	r = OK;
#endif
	d_trouble = (r != OK)
}

#ifdef M_RELEASE_EARLY
#define late_flush()	store_flush(r)
#else
#define late_flush()	skip
#endif

/* Models step 2 of the order in commit_batches(), and erad's reaction to the result. */
inline commit_batches()
{
	r = OK;
	do
	:: batch == 0 && attention -> break
	:: batch != 0 || !attention ->
		if
		:: batch != 0 ->
			mark_batch();
			if
			:: r != OK -> r = EAGAIN; break
			:: r != OK && policy_fail -> status = true	/* stands for held_must_fail_at() */
			:: r == OK
			fi
		:: else
		fi;
		atomic {
			k_commit_fetch(fd, batch, status, !attention && !status, r);
			assert(r != EBUSY || A_no_batch_is_out);
			if
			:: r == ESTALE -> batch = 0; d_batch = 0; d_blocks = 0; r = OK
			:: r != OK && r != ESTALE -> break
			:: r == OK && status -> batch = 0; d_batch = 0; r = EIO; break
			:: r == OK && !status ->
				batch = x_id;
				d_batch = x_id;
				d_blocks = x_blocks;
				x_id = 0; x_blocks = 0; x_era = 0;
				if
				:: batch == 0 -> break
				:: else
				fi
			fi
		}
		late_flush()
	od;
	status = false
}

inline recover_failed()
{
	if
	:: !d_failed ->
		d_failed = true;
		link_refresh();
		d_step { forget_info(); rollover_fail() }
	:: else
	fi;
	if
	:: d_trouble -> mark_batch()
	:: else
	fi;
	if
	:: !d_trouble -> attach_let_go(); look = true
	:: else
	fi
}

inline serve_batches()
{
	commit_batches();
	if
	:: r == OK || r == EAGAIN
	:: r == EIO -> recover_failed()
	:: else -> attach_let_go(); look = true
	fi;
	r = OK
}

/* Models begin_checkpoint(). r is EBUSY if an earlier drain must end first. */
inline begin_checkpoint()
{
	atomic {
		if
		:: d_trouble -> r = EIO
		:: else -> link_refresh()
		fi;
		if
		:: r == OK && (i_state != ACTIVE || !i_resumed) -> r = EINVAL
		:: r == OK && i_state == ACTIVE && i_resumed && i_draining -> r = EBUSY
		:: r == OK && i_state == ACTIVE && i_resumed && !i_draining ->
			c_from = i_era;
			c_to = (sera > c_from -> sera : sera + 1);
			k_prepare(fd, c_to, r)
		:: r != OK
		fi;
		forget_info()
	}
#ifndef M_FLIP_EARLY
	if
	:: r == OK && c_to != sera -> store_append(c_to, 0, r)
	:: else
	fi;
	if
	:: r == OK -> sera = c_to
	:: else
	fi
#endif
}

/* While a record is in force, a diff of the running erad must have all writes that have passed. */
#if DEGRADES
#define KNOWN		(!IN_FORCE || d_degraded || BUSY(0) || BUSY(1) || PASSING(0) || PASSING(1))
#else
#define KNOWN		true
#endif

/*
 * If DEGRADE fails while erad is active, the record may still be durable.  If so, the next reader
 * of the metadata finds the record, and wakes erad.  Only the searches that need this event enable
 * it.
 */
#ifndef RECORD_UNKNOWN
#define RECORD_UNKNOWN	false
#endif

/* finish(): from now on the requester may rely on the answer */
#define IN_FLIGHT_RECORDED(w)	(!IN_FLIGHT(w) || RECORDED(w))
#define acknowledge() \
	acked = c_to; \
	assert(dera >= acked || D_acked_is_durable); \
	assert(ALL(IN_FLIGHT_RECORDED) || I4_drained); \
	assert(KNOWN || RECORD_UNKNOWN || G_degrade_is_known); \
	rollover_fail()

inline rollover_step()
{
	d_step { p = phase; roll = false; r = OK }
	if
	:: p == WANTED ->
		begin_checkpoint();
		if
		:: r == OK -> phase = FLIP; p = FLIP
		:: r == EBUSY -> roll = true
		:: r != OK && r != EBUSY -> d_step { rollover_fail() }
		fi
	:: else
	fi;
	if
	:: p == FLIP || p == DRAIN ->
		k_new_era(fd, c_from, c_to, r);
#ifdef M_FLIP_EARLY
		if
		:: (r == OK || r == ETIMEDOUT) && c_to != sera -> store_append(c_to, 0, r); sera = c_to
		:: else
		fi;
#endif
		if
		:: r == OK -> atomic { link_refresh(); forget_info(); acknowledge() }
#ifdef M_ACK_EARLY
		:: r == ETIMEDOUT -> d_step { acknowledge() }
#else
		:: r == ETIMEDOUT -> d_step { phase = DRAIN; roll = true }
#endif
		:: r == EBUSY -> roll = true
		:: else -> d_step { rollover_fail() }
		fi
	:: else
	fi;
	d_step { p = IDLE; r = OK }
}

/* stands for owner_poll() */
#define POLLIN		(inst[fd].state == ACTIVE && QUEUE(fd) && inst[fd].batch_id == 0)
#define WANTS_IN	(batch == 0 && !d_failed)
#define TIMER		(look || roll || CLEARS || (fd != NONE && (batch != 0 || (d_failed && d_trouble))))

#define REVENTS		(fd != NONE && !inst[fd].dead && WANTS_IN && POLLIN)
#define HUP		(fd != NONE && inst[fd].dead)
#define PRI		(fd != NONE && !inst[fd].dead && inst[fd].pri)

inline wait_for_work()
{
	do
	:: atomic { HUP -> held = false };
		attach_let_go();
		look = true;
		break
	:: atomic { PRI -> held = REVENTS };
		link_refresh();
		if
		:: r != OK -> look = true
		:: else
		fi;
		roll = true;
		if
		:: i_state == FAILED && !d_failed -> recover_failed()
		:: i_state == DEGRADED -> attach_let_go(); look = true
		:: else
		fi;
		d_step { forget_info(); r = OK };
		break
	:: atomic { !HUP && !PRI && (attention || REVENTS) -> held = REVENTS }; break
	:: atomic { TIMER -> held = false }; break
	:: atomic { !HUP && !PRI && !attention && !REVENTS -> asleep = true };
end:		if
		:: !asleep
		:: TIMER -> asleep = false
		fi
	od
}

/* stands for volume_thread() */
proctype erad()
{
	byte fd = NONE;			/* v->fd; d_fd is a copy for other processes */
	byte batch;			/* v->batch; d_batch is a copy for other processes */
	byte d_blocks;			/* stands for v->range */
	byte sera;			/* store->era; 0: the store is not open */
	bool d_failed;			/* stands for v->failed */
	bool d_trouble;			/* stands for v->mark_trouble */
	byte d_serial;			/* stands for store->degrade.serial */
	bool d_degraded;		/* stands for store_degraded() */
	bool look, roll;		/* v->look_at, v->roll_at are set */
	bool kicked, held;
	byte c_from, c_to;		/* stands for v->checkpoint */
	byte i_era, i_state;		/* stands for v->info */
	bool i_resumed, i_draining;
	byte r;				/* result of a call */
	byte p;				/* stands for v->checkpoint.phase */
	/* status of the instances as the volume thread has read it */
	int digest;
	byte pick;			/* the instance to attach to */
	bool status;			/* xfer.commit_status */

start:	{
		d_step { fresh() }
		do
		:: true ->
			d_step {
				kicked = attention;
				attention = false
			}
			if
			:: kicked || look -> attach_look(); held = true
			:: else
			fi;
			if
			:: fd != NONE && d_failed -> recover_failed()
			:: fd != NONE && !d_failed && (batch != 0 || held) -> serve_batches()
			:: else
			fi;
			if
			:: fd != NONE && (kicked || roll) -> rollover_step()
			:: else
			fi;
			kicked = false;
			if
			:: fd != NONE -> degraded_step()
			:: else
			fi;
			wait_for_work()
		od
	} unless {
		d_step {
			killed ->
				killed = false;
				fresh()
		}
		goto start
	}
}

#define OWNER_OVER	(checkpoints == 0 && phase == IDLE)
#define OWNER_SERVES	(d_ready && d_fd == live && inst[live].state == ACTIVE)

/* volume_checkpoint(), in the thread of a request */
proctype requester()
{
	do
	:: d_step { checkpoints > 0 && d_ready && phase == IDLE -> checkpoints--; phase = WANTED; kick() }
	:: OWNER_OVER -> break
	od
}
