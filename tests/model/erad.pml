/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner of the instance, as it is: erad's volume thread, daemon/erad/commit.c, attach.c and rollover.c. Each inline
 * is the function of its name. A timer may go off at any time after it was set.
 */

/* d_fd is v->fd, d_batch is v->batch. */
byte d_blocks;			/* v->range */
byte sera;			/* store->era; 0: the store is not open */
bool d_ready;			/* v->ready */
bool d_failed;			/* v->failed */
bool d_trouble;			/* v->mark_trouble */
bool look, roll;		/* v->look_at, v->roll_at are set */
bool held;			/* the volume thread's own: writes are held */
bool attention;			/* v->attention, and event_fd */
bool killed;			/* erad is to begin anew */

#define IDLE		0	/* CHECKPOINT_… */
#define WANTED		1
#define FLIP		2
#define DRAIN		3
byte phase;
byte c_from, c_to;

/* v->info */
byte i_era, i_state;
bool i_resumed, i_draining;

byte r;				/* what a call returned */
byte pick;			/* the instance to attach to */
bool status;			/* xfer.commit_status */

#define kick()		attention = true; asleep = false

/* The end of a process, whoever ends it. */
#define die() \
	k_close(); \
	d_batch = 0; d_blocks = 0; sera = 0; d_ready = false; d_failed = false; d_trouble = false; \
	look = false; roll = false; held = false; attention = false; asleep = false; phase = IDLE; \
	c_from = 0; c_to = 0; i_era = 0; i_state = 0; i_resumed = false; i_draining = false; \
	r = OK; pick = 0; status = false; gen_moved = true; killed = true

/* finish() with an error */
#define rollover_fail()	phase = IDLE; roll = false; c_from = 0; c_to = 0

inline attach_refresh()
{
	d_step {
		if
		:: inst[d_fd].dead -> r = ENODEV
		:: else ->
			r = OK;
			inst[d_fd].pri = false;
			i_era = ERA(d_fd);
			i_state = inst[d_fd].state;
			i_resumed = inst[d_fd].resumed;
			i_draining = inst[d_fd].draining
		fi
	}
}

inline attach_let_go()
{
	d_step {
		k_close();
		d_ready = false;
		d_batch = 0;
		d_failed = false;
		rollover_fail()
	}
}

/* flip(): not waiting for the drain */
inline flip(from, to)
{
	k_prepare(d_fd, to, r);
	if
	:: r == OK ->
		k_new_era(d_fd, from, to, r);
		if
		:: r == ETIMEDOUT -> r = OK
		:: else
		fi
	:: else
	fi
}

inline activate()
{
	if
	:: i_era == 0 ->
		store_append(sera + 1, 0, r);
		if
		:: r == OK ->
			sera++;
			d_trouble = false;
			flip(0, sera)
		:: else
		fi
	:: i_era != 0 && sera == i_era + 1 -> flip(i_era, sera)
	:: i_era != 0 && sera != i_era + 1 && sera != i_era -> r = ESTALE
	:: else
	fi;
	if
	:: r == OK -> k_ready(d_fd, sera, r)
	:: else
	fi
}

inline attach()
{
	r = OK;
	if
	:: sera == 0 ->		/* open_store() */
		d_step { store_replay(sera) };
		store_take_over(r);
		if
		:: r != OK -> sera = 0
		:: else
		fi
	:: else
	fi;
	if
	:: r == OK -> k_attach(pick, r)
	:: else
	fi;
	if
	:: r == OK ->
		attach_refresh();
		if
		:: r == OK -> activate()
		:: else
		fi;
		if
		:: r == OK -> attach_refresh()
		:: else
		fi;
		if
		:: r != OK -> attach_let_go()
		:: else
		fi
	:: else
	fi
}

/* better(): of two, the one in use, then the one that was, then the newer */
#define BETTER		(!inst[0].exists -> 1 : (!inst[1].exists -> 0 : \
			(inst[0].resumed != inst[1].resumed -> (inst[1].resumed -> 1 : 0) : \
			((ERA(0) == 0) != (ERA(1) == 0) -> (ERA(1) != 0 -> 1 : 0) : 1))))
#define CURRENT		(d_fd != NONE && inst[d_fd].exists)
#ifdef M_MOVE_EARLY
#define STAY		(CURRENT && pick == d_fd)
#else
#define STAY		((CURRENT && (pick == d_fd || inst[d_fd].resumed || !inst[pick].resumed)) || \
			(ERA(pick) == 0 && !inst[pick].resumed))
#endif
#ifdef M_MOVE_EARLY
#define PICK		(inst[1].exists -> 1 : 0)
#else
#define PICK		BETTER
#endif

inline attach_look()
{
	d_step {
		look = false;
		pick = PICK;
		if
		:: STAY -> pick = NONE
		:: else
		fi
	}
	if
	:: pick != NONE ->
		if
		:: d_fd != NONE -> attach_let_go()
		:: else
		fi;
		attach();
		d_step {
			look = (r != OK);
			d_ready = (r == OK)
		}
	:: else
	fi
}

/* mark(): 1 of the order that everything rests on */
inline mark()
{
#ifdef M_RELEASE_EARLY
	store_write(sera, d_blocks);
	r = OK;
#else
	store_append(sera, d_blocks, r);
#endif
	d_trouble = (r != OK)
}

#ifdef M_RELEASE_EARLY
#define late_flush()	store_flush(r)
#else
#define late_flush()	skip
#endif

/* 2 of that order, and what the loop does with the answer */
#define call_commit_fetch() \
	atomic { \
		k_commit_fetch(d_fd, d_batch, status, !attention && !status, r); \
		if \
		:: r == ESTALE -> d_batch = 0; r = OK; skip \
		:: r != OK && r != ESTALE -> break \
		:: r == OK && status -> d_batch = 0; r = EIO; break \
		:: r == OK && !status -> \
			d_batch = x_id; \
			d_blocks = x_blocks; \
			x_id = 0; x_blocks = 0; x_era = 0; \
			if \
			:: d_batch == 0 -> break \
			:: else \
			fi \
		fi \
	} \
	late_flush()

inline commit_batches()
{
	r = OK;
	do
	:: d_batch != 0 ->
		mark();
		if
		:: r != OK -> r = EAGAIN; break
		:: r != OK && policy_fail -> status = true	/* patience() */
		:: r == OK
		fi;
		call_commit_fetch();
	:: d_batch == 0 && !attention ->
		call_commit_fetch();
	:: d_batch == 0 && attention -> break
	od;
	status = false
}

inline recover()
{
	if
	:: !d_failed ->
		d_failed = true;
		attach_refresh();
		d_step { rollover_fail() }
	:: else
	fi;
	if
	:: d_trouble -> mark()
	:: else
	fi;
	if
	:: !d_trouble -> attach_let_go(); look = true
	:: else
	fi
}

inline serve()
{
	commit_batches();
	if
	:: r == OK || r == EAGAIN
	:: r == EIO -> recover()
	:: else -> attach_let_go(); look = true
	fi
}

/* begin(): r is EBUSY where an earlier drain must end first */
inline begin()
{
	r = OK;
	if
	:: d_trouble -> r = EIO
	:: else -> attach_refresh()
	fi;
	if
	:: r == OK && (i_state != ACTIVE || !i_resumed) -> r = EINVAL
	:: r == OK && i_state == ACTIVE && i_resumed && i_draining -> r = EBUSY
	:: r == OK && i_state == ACTIVE && i_resumed && !i_draining ->
		d_step {
			c_from = i_era;
			c_to = (sera > c_from -> sera : sera + 1)
		}
		k_prepare(d_fd, c_to, r);
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
	:: r != OK
	fi
}

/* finish(): from here on the requester may act on it */
#define IN_FLIGHT_RECORDED(w)	(st[w] != FLIGHT || RECORDED(w))
#define acknowledge() \
	acked = c_to; \
	assert(dera >= acked || D_acked_is_durable); \
	assert(ALL(IN_FLIGHT_RECORDED) || I4_drained); \
	rollover_fail()

inline rollover_step()
{
	roll = false;
	r = OK;
	if
	:: phase == WANTED ->
		begin();
		if
		:: r == OK -> phase = FLIP
		:: r == EBUSY -> roll = true
		:: r != OK && r != EBUSY -> d_step { rollover_fail() }
		fi
	:: else
	fi;
	if
	:: phase == FLIP || phase == DRAIN ->
		k_new_era(d_fd, c_from, c_to, r);
#ifdef M_FLIP_EARLY
		if
		:: (r == OK || r == ETIMEDOUT) && c_to != sera -> store_append(c_to, 0, r); sera = c_to
		:: else
		fi;
#endif
		if
		:: r == OK -> attach_refresh(); d_step { acknowledge() }
		:: r == ETIMEDOUT -> d_step { phase = DRAIN; roll = true }
		:: r == EBUSY -> roll = true
		:: else -> d_step { rollover_fail() }
		fi
	:: else
	fi
}

/* owner_poll() */
#define POLLIN		(inst[d_fd].state == ACTIVE && QUEUE(d_fd) && inst[d_fd].batch_id == 0)
#define WANTS_IN	(d_batch == 0 && !d_failed)
#define TIMER		(look || roll || (d_fd != NONE && (d_batch != 0 || (d_failed && d_trouble))))

#define REVENTS		(d_fd != NONE && !inst[d_fd].dead && WANTS_IN && POLLIN)
#define HUP		(d_fd != NONE && inst[d_fd].dead)
#define PRI		(d_fd != NONE && !inst[d_fd].dead && inst[d_fd].pri)

inline wait_for_work()
{
	do
	:: atomic { HUP -> held = false };
		attach_let_go();
		look = true;
		break
	:: atomic { PRI -> held = REVENTS };
		attach_refresh();
		if
		:: r != OK -> look = true
		:: else
		fi;
		roll = true;
		if
		:: i_state == FAILED && !d_failed -> recover()
		:: else
		fi;
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

/* volume_thread() */
proctype erad()
{
	bool kicked;

start:	{
		d_step {
			look = true;
			held = true
		}
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
			:: d_fd != NONE && d_failed -> recover()
			:: d_fd != NONE && !d_failed && (d_batch != 0 || held) -> serve()
			:: else
			fi;
			if
			:: d_fd != NONE && (kicked || roll) -> rollover_step()
			:: else
			fi;
			kicked = false;
			wait_for_work()
		od
	} unless {
		d_step {
			killed ->
				killed = false;
				kicked = false
		}
		goto start
	}
}

/* on_control() and volumes_changed(), the main thread: LIST says that something has changed. */
active proctype watcher()
{
end:	do
	:: d_step { gen_moved -> gen_moved = false; kick() }
	od
}

/* volume_checkpoint(), of whoever wants one */
proctype requester()
{
	do
	:: d_step { checkpoints > 0 && d_ready && phase == IDLE -> checkpoints--; phase = WANTED; kick() }
	:: checkpoints == 0 && phase == IDLE -> break
	od
}
