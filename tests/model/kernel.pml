/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models the module, kmod/: the ioctls of an instance, and the path of a write.
 *
 * A section of the code under ei->mutex, or under ei->lock, is one step here. ->map is three steps,
 * because it takes no lock until it holds a write: first it reads the bits, then it counts the
 * write or decides to hold it, and then it holds the write.  Other events can happen between these
 * steps. end_io is two steps: it reads `draining`, and then it counts.
 */

#define DETACHED	1	/* enum erad_state */
#define LOADING		2
#define ACTIVE		3
#define FAILED		4
#define DEGRADED	5

typedef writeset {
	byte era;		/* era of the writeset; 0: this memory is free */
	byte bits;		/* bitmap of blocks */
	byte count;		/* begun minus ended writes, on all CPUs */
	bool draining;
	bool summed;		/* whether the drain has added up the counts in `left` */
	short left;
}

typedef instance {
	/* the instance exists: ctr was called, and dtr was not called yet */
	bool exists;
	bool dead;
	bool owned;
	bool resumed;
	bool pushback;
	bool draining;		/* ws[1 - cur] is the writeset that is draining */
	bool pri;		/* whether there were events since the owner's last INFO */
	byte state;
	byte cur;		/* current_ws, or NONE */
	byte prepared;		/* era of the prepared writeset; 0: there is none */
	byte batch_id;		/* id of the batch; 0: no batch is outstanding */
	byte batch_era;
#if DEGRADES
	byte record;		/* the serial of the record that READY has passed, plus 1; 0: there is no record */
	byte busy;		/* the write of the record: 0, IN_FLIGHT_YET or LANDED */
	byte writing;		/* the value of `record` that is being written */
	bool passing;
#endif
	writeset ws[2];
}
#define IN_FLIGHT_YET	1
#define LANDED		2	/* the record is durable, but the module does not know this yet */
#if DEGRADES
#define PASSING(i)	inst[i].passing
#define BUSY(i)		(inst[i].busy != 0)
#else
#define PASSING(i)	false
#define BUSY(i)		false
#endif
instance inst[2];		/* the instances before and after the reload of the table */

/* The states of a write: where the write is. */
#define NEW		0	/* not submitted */
#define DEFERRED	1	/* dm keeps the write until the device is resumed */
#define MAP_COUNT	3	/* in ->map: all bits are set; the next step counts the write */
/* in ->map: a bit is not set; the next step holds the write */
#define MAP_HOLD	4
#define QUEUED		5	/* stands for ei->queue */
#define BATCH		6	/* stands for ei->batch */
#define FLIGHT		7	/* passed on, or ei->release: on its way to the origin */
#define END_COUNT	8	/* in end_io: the writeset was not draining; the next step counts in `out` */
#define END_LEFT	9	/* in end_io: the writeset was draining; the next step counts `left` down */
#define DONE		10	/* completed */
#define ERROR		11	/* ended with EIO */
#define LOST		12	/* lost in a power cut before the write ended */

byte st[WRITES];
byte blk[WRITES];		/* bitmap of the blocks that the write touches */
byte at[WRITES];		/* the instance that has the write */
/*
 * in ->map: the writeset in which the bits of the write were looked up; in flight: the writeset that
 * counts the write
 */
byte slot[WRITES];

#define HELD(w, i)	((st[w] == QUEUED || st[w] == BATCH) && at[w] == i)
#define IN_MAP(w)	(st[w] >= MAP_COUNT && st[w] <= MAP_HOLD)
#define PENDING(w)	(st[w] >= MAP_COUNT && st[w] <= END_LEFT)
#define IN_FLIGHT(w)	(st[w] >= FLIGHT && st[w] <= END_LEFT)
#define OVER(w)		(st[w] >= DONE)

#define CUR(i)		inst[i].ws[inst[i].cur]
#define OLD(i)		inst[i].ws[1 - inst[i].cur]
#define ERA(i)		(inst[i].cur == NONE -> 0 : CUR(i).era)

/* The state around the module. */
byte d_fd = NONE;		/* the instance that belongs to the owner's fd */
#ifdef ANY_OWNER
byte s_id[2];			/* the batches that the owner has fetched */
#define OWNER_HAS(n)	(s_id[0] == (n) || s_id[1] == (n))
#else
byte d_batch;			/* v->batch: the batch that erad has fetched */
#define OWNER_HAS(n)	(d_batch == (n))
#endif
bool asleep;			/* the owner is in poll(), and no event has woken it */
bool gen_moved;			/* whether the instances have changed since erad's last LIST */
byte live;			/* the instance of dm's live table */
bool noflush;			/* DMF_NOFLUSH_SUSPENDING */
bool blocked;			/* DMF_BLOCK_IO_FOR_SUSPEND */

byte x_id, x_era, x_blocks;	/* what COMMIT_FETCH has fetched */
bool nomem;			/* whether there is no memory for the next page of a bitmap */

/* Runs a statement for every write. */
#if WRITES == 1
#define EACH(f, a)	f(0, a)
#define ALL(f)		(f(0))
#define ANY(f, a)	(f(0, a))
#elif WRITES == 2
#define EACH(f, a)	f(0, a); f(1, a)
#define ALL(f)		(f(0) && f(1))
#define ANY(f, a)	(f(0, a) || f(1, a))
#else
#define EACH(f, a)	f(0, a); f(1, a); f(2, a)
#define ALL(f)		(f(0) && f(1) && f(2))
#define ANY(f, a)	(f(0, a) || f(1, a) || f(2, a))
#endif

/* ---- wake-ups ---- */

#define IS_QUEUED(w, i)	(st[w] == QUEUED && at[w] == i)
#define QUEUE(i)	ANY(IS_QUEUED, i)

/* wake_up on ei->wait */
#define wake(i)		if :: d_fd == i -> asleep = false :: else fi

/* erad_instances_changed(): LIST's gen grows */
#define changed()	gen_moved = true

/* stands for erad_instance_event() */
#define event(i)	inst[i].pri = true; wake(i); changed()

/* ---- batches ---- */

#define unbatch(w, i)	if :: st[w] == BATCH && at[w] == i -> st[w] = QUEUED :: else fi

/* stands for erad_batch_return() */
#define batch_return(i)	EACH(unbatch, i); inst[i].batch_id = 0; inst[i].batch_era = 0; wake(i)

#define fail_held(w, i)	if :: HELD(w, i) -> st[w] = ERROR; at[w] = 0 :: else fi

/* stands for erad_instance_set_state() */
#define set_state(i, new) \
	if \
	:: new == FAILED -> inst[i].batch_id = 0; inst[i].batch_era = 0; EACH(fail_held, i) \
	:: else \
	fi; \
	if \
	:: inst[i].state != new -> inst[i].state = new; event(i) \
	:: else \
	fi

/* The range that a fetch returns for a write: from the first block that is missing in `bits` to the last block of the write. */
#define missing(b, bits) \
	(((b) & ~(bits)) == 0 -> 0 : (((b) & 1) && !((bits) & 1) -> (b) : ((b) & 2)))

/*
 * Models erad_fetch(): fetches one write, or releases the write if its blocks have been recorded
 * since it was held.
 */
#ifdef M_BITS_AT_FETCH
#define mark_early(w, i)	CUR(i).bits = CUR(i).bits | blk[w]
#else
#define mark_early(w, i)	skip
#endif

#define fetch_one(w, i) \
	if \
	:: IS_QUEUED(w, i) && missing(blk[w], CUR(i).bits) == 0 -> release(w, i) \
	:: IS_QUEUED(w, i) && missing(blk[w], CUR(i).bits) != 0 -> \
		x_blocks = x_blocks | RECORDS(missing(blk[w], CUR(i).bits)); \
		st[w] = BATCH \
	:: else \
	fi
#define fetch_mark(w, i) \
	if \
	:: st[w] == BATCH && at[w] == i -> mark_early(w, i) \
	:: else \
	fi

#ifdef M_FIRST_BLOCK
#define RECORDS(b)	((b) & 1 -> 1 : (b))	/* the fault: only the first block is recorded */
#else
#define RECORDS(b)	(b)
#endif

/* A new id for ++last_batch_id: any number that is not in use, because ids are only compared. */
#define FRESH(n)	(inst[0].batch_id != n && inst[1].batch_id != n && !OWNER_HAS(n))
#define fresh_id	(FRESH(1) -> 1 : (FRESH(2) -> 2 : (FRESH(3) -> 3 : (FRESH(4) -> 4 : 5))))

/*
 * Models release(): counts the write, and then passes it on.  The caller holds ei->mutex, so that
 * the writeset stays current.
 */
#ifdef M_RELEASE_NO_COUNT
#define release_enter(w, i)	slot[w] = NONE
#else
#define release_enter(w, i)	CUR(i).count++; slot[w] = inst[i].cur
#endif
#define release(w, i) \
	release_enter(w, i); \
	assert((slot[w] == inst[i].cur && !CUR(i).draining) || I3_released_is_counted); \
	assert(RECORDED(w) || P_submitted_is_recorded); \
	st[w] = FLIGHT

/* erad_commit(): first sets the bits of the whole batch, and then releases the writes. */
#define set_bits(w, i) \
	if \
	:: st[w] == BATCH && at[w] == i -> \
		assert(DURABLE(blk[w], CUR(i).era) || I2_bit_is_durable); \
		CUR(i).bits = CUR(i).bits | blk[w] \
	:: else \
	fi
#define release_batch(w, i) \
	if \
	:: st[w] == BATCH && at[w] == i -> \
		assert((nomem || (blk[w] & ~CUR(i).bits) == 0) || I3_bits_before_release); \
		release(w, i) \
	:: else \
	fi

#ifdef M_NO_BATCH_CHECK
#define STALE_BATCH(i, id)	(inst[i].batch_id == 0)
#else
#define STALE_BATCH(i, id)	(inst[i].batch_id != (id))
#endif
#ifdef M_NO_ERA_CHECK
#define STALE_ERA(i)	false
#else
#define STALE_ERA(i)	(inst[i].batch_era != CUR(i).era)
#endif
inline commit(i, id, status, r)
{
	if
	:: STALE_BATCH(i, id) -> r = ESTALE
	:: !STALE_BATCH(i, id) && (status) -> set_state(i, FAILED)
	:: !STALE_BATCH(i, id) && !(status) && STALE_ERA(i) -> batch_return(i); r = ESTALE
	:: else ->
		if
		:: !nomem -> EACH(set_bits, i)
		:: else		/* models erad_writeset_set() when there is no memory for a page */
		fi;
		EACH(release_batch, i);
		nomem = false;
		inst[i].batch_id = 0;
		inst[i].batch_era = 0;
		if
		:: QUEUE(i) -> wake(i)
		:: else
		fi
	fi
}

/*
 * owner_commit_fetch(). id 0: commits nothing. max: whether to fetch.  Sets r, and for a fetched
 * batch x_id, x_era and x_blocks.
 */
inline k_commit_fetch(i, id, status, max, r)
{
	d_step {
		r = OK;
		x_id = 0;
		x_blocks = 0;
		x_era = 0;
		if
		:: inst[i].dead -> r = ENODEV
		:: !inst[i].dead && inst[i].state == FAILED -> r = EIO
		:: !inst[i].dead && inst[i].state == DEGRADED -> r = ENOTCONN
		:: !inst[i].dead && inst[i].state < ACTIVE -> r = EINVAL
		:: !inst[i].dead && inst[i].state == ACTIVE ->
			if
			:: (id) != 0 -> commit(i, id, status, r)
			:: (id) == 0 && (max) && inst[i].batch_id != 0 -> r = EBUSY
			:: else
			fi
		fi;
		if
		:: r == OK && (max) && inst[i].state == ACTIVE ->
			EACH(fetch_one, i);
			EACH(fetch_mark, i);
			if
			:: x_blocks != 0 ->
				x_id = fresh_id;
				x_era = CUR(i).era;
				inst[i].batch_id = x_id;
				inst[i].batch_era = x_era
			:: else
			fi
		:: else
		fi
	}
}

/* ---- the other ioctls ---- */

#ifdef M_ATTACH_BUSY
#define ATTACH_WAITS(i)	false
#else
#define ATTACH_WAITS(i)	BUSY(i)
#endif

/* stands for control_attach() */
inline k_attach(i, r)
{
	d_step {
		if
		:: !inst[i].exists || inst[i].dead -> r = ENODEV
		:: inst[i].exists && !inst[i].dead && inst[i].owned -> r = EBUSY
		:: inst[i].exists && !inst[i].dead && !inst[i].owned && ATTACH_WAITS(i) -> r = EBUSY
		:: else ->
			r = OK;
			d_fd = i;
			inst[i].owned = true;
			inst[i].pri = true;
			set_state(i, LOADING)
		fi
	}
}

/* owner_release(): the last reference to the fd is dropped, by close() or by the end of the process. */
#ifdef M_LOSE_BATCH
#define give_back(i)	skip
#else
#define give_back(i)	batch_return(i)
#endif
#define k_close() \
	if \
	:: d_fd != NONE -> \
		inst[d_fd].owned = false; \
		if \
		:: !inst[d_fd].dead -> \
			give_back(d_fd); \
			if \
			:: inst[d_fd].state != FAILED && !PASSING(d_fd) -> set_state(d_fd, DETACHED) \
			:: inst[d_fd].state != FAILED && PASSING(d_fd) -> set_state(d_fd, DEGRADED) \
			:: else \
			fi \
		:: else \
		fi; \
		changed(); \
		d_fd = NONE; \
		asleep = false \
	:: else \
	fi

/* stands for owner_ready() */
#if DEGRADES
#define brings(i, new)	inst[i].record = new
#else
#define brings(i, new)	skip
#endif
inline k_ready(i, e, new, r)
{
	d_step {
		if
		:: inst[i].dead -> r = ENODEV
		:: !inst[i].dead && (inst[i].state != LOADING || inst[i].cur == NONE || ERA(i) != (e) || PASSING(i)) ->
			r = EINVAL
		:: else -> r = OK; brings(i, new); set_state(i, ACTIVE)
		fi
	}
}

/* stands for owner_prepare_era() */
inline k_prepare(i, to, r)
{
	d_step {
		if
		:: inst[i].dead -> r = ENODEV
		:: else -> r = OK; inst[i].prepared = to
		fi
	}
}

#if DEGRADES && !defined(M_STAY_PASSING)
#define passing_ends(i)	inst[i].passing = false
#else
#define passing_ends(i)	skip
#endif

/* erad_era_begin(), and owner_new_era() with drain_ms 0 */
#ifdef M_NO_DRAIN
#define drained(i)	true
#else
#define drained(i)	(!inst[i].draining)
#endif
inline k_new_era(i, from, to, r)
{
	d_step {
		if
		:: inst[i].dead -> r = ENODEV
		:: !inst[i].dead && inst[i].state == FAILED -> r = EIO
		:: !inst[i].dead && (inst[i].state == DETACHED || inst[i].state == DEGRADED) -> r = EINVAL
		:: else ->
			if
			:: ERA(i) == (to) -> r = OK
			:: ERA(i) != (to) && (ERA(i) != (from) || (to) <= (from) || inst[i].prepared != (to)) -> r = EINVAL
			:: ERA(i) != (to) && !(ERA(i) != (from) || (to) <= (from) || inst[i].prepared != (to)) ->
				if
				:: inst[i].draining -> r = EBUSY
				:: else ->
					r = OK;
					if
					:: inst[i].cur == NONE -> inst[i].cur = 0
					:: else ->
						CUR(i).draining = true;	/* stands for erad_writeset_retire() */
						inst[i].draining = true;
						inst[i].cur = 1 - inst[i].cur
					fi;
					CUR(i).era = to;
					passing_ends(i);
					inst[i].prepared = 0;
					event(i)
				fi
			fi
		fi;
		if
		:: r == OK && !drained(i) -> r = ETIMEDOUT
		:: else
		fi
	}
}

/* control_abort(), and erad_detach_work() */
#define k_abort(i) \
	if \
	:: !PASSING(i) -> set_state(i, FAILED) \
	:: else \
	fi

/* ---- the degrade record, degrade.c ---- */

#if DEGRADES
/* The module may degrade at any time, by the timer of detach_policy or by the ioctl DEGRADE. */
#define MAY_DEGRADE(i)	(inst[i].exists && !inst[i].dead && inst[i].record != 0 && !BUSY(i) && !PASSING(i) && \
			inst[i].state != LOADING && inst[i].state != FAILED)
#ifdef M_PASS_EARLY
#define PASSES(i)	(inst[i].busy != 0)
#define lands(i)	skip
#elif POWER_CUTS
#define PASSES(i)	(inst[i].busy == LANDED)
#define lands(i)	skip
#else
#define PASSES(i)	(inst[i].busy != 0)
/* without power cuts, the record becomes durable in the step in which the module learns this */
#define lands(i)	drecord = inst[i].writing
#endif

#define pass(w, i)	if :: HELD(w, i) -> release(w, i) :: else fi

/* stands for pass_all() */
#define pass_all(i) \
	assert(DURABLE(3, CUR(i).era) || I2_bit_is_durable); \
	CUR(i).bits = 3; \
	inst[i].passing = true; \
	inst[i].batch_id = 0; \
	inst[i].batch_era = 0; \
	EACH(pass, i); \
	set_state(i, DEGRADED)

#define degrade(i) \
	:: d_step { degrades > 0 && MAY_DEGRADE(i) -> degrades--; inst[i].busy = IN_FLIGHT_YET; inst[i].writing = inst[i].record } \
	:: d_step { POWER_CUTS && inst[i].busy == IN_FLIGHT_YET -> drecord = inst[i].writing; inst[i].busy = LANDED } \
	:: d_step { \
		PASSES(i) -> \
			lands(i); \
			if \
			:: !inst[i].dead && inst[i].state != FAILED -> pass_all(i) \
			:: else \
			fi; \
			inst[i].busy = 0; \
			inst[i].writing = 0 \
	} \
	:: atomic { \
		inst[i].busy == IN_FLIGHT_YET && flush_errors > 0 -> \
			flush_errors--; \
			if \
			:: drecord = inst[i].writing \
			:: skip \
			fi; \
			inst[i].busy = 0; \
			inst[i].writing = 0 \
	}

active proctype degrader()
{
end:	do
	degrade(0)
	degrade(1)
	od
}

/* The power can fail while the record is written. */
#define record_lands() \
	if \
	:: inst[0].busy == IN_FLIGHT_YET -> drecord = inst[0].writing \
	:: inst[1].busy == IN_FLIGHT_YET -> drecord = inst[1].writing \
	:: skip \
	fi

#define forget_record(i) \
	inst[i].record = 0; \
	inst[i].busy = 0; \
	inst[i].writing = 0; \
	inst[i].passing = false
#else
#define record_lands()	skip
#define forget_record(i)	skip
#endif

/* ---- the workqueue ---- */

/*
 * Models erad_writeset_add_remaining(), and reap_draining() if no write is in flight.  The grace
 * period ends only after every ->map that has read current_ws before the era began, and after every
 * end_io that has seen the writeset as not retired.
 */
#define READS(w, i)	(at[w] == i && slot[w] == 1 - inst[i].cur && (MAP_READS(w) || END_READS(w)))
#define READERS(i)	ANY(READS, i)
#ifdef M_NO_GRACE
#define MAP_READS(w)	false
#else
#define MAP_READS(w)	(st[w] == MAP_COUNT)
#endif
#ifdef M_NO_GRACE_END
#define END_READS(w)	false
#else
#define END_READS(w)	(st[w] == END_COUNT)
#endif
#define free_writeset(i, n) \
	inst[i].ws[n].era = 0; \
	inst[i].ws[n].bits = 0; \
	inst[i].ws[n].count = 0; \
	inst[i].ws[n].draining = false; \
	inst[i].ws[n].summed = false; \
	inst[i].ws[n].left = 0
#define drain(i) \
	inst[i].draining && !OLD(i).summed && !READERS(i) -> \
		OLD(i).left = OLD(i).left + OLD(i).count; \
		OLD(i).summed = true
#define reap(i) \
	inst[i].draining && OLD(i).summed && OLD(i).left == 0 -> \
		inst[i].draining = false; \
		free_writeset(i, 1 - inst[i].cur); \
		event(i)

active proctype reaper()
{
end:	do
	:: d_step { drain(0) }
	:: d_step { drain(1) }
	:: d_step { reap(0) }
	:: d_step { reap(1) }
	od
}

/* ---- a write ---- */

#ifdef M_TWO_LOOKS
#define look_again(w)	slot[w] = inst[at[w]].cur	/* the writeset that counts the write is not the writeset that has its bits */
#else
#define look_again(w)	skip
#endif
#ifdef M_FIRST_BLOCK
#define TESTS(b)	((b) & 1 -> 1 : (b))
#else
#define TESTS(b)	(b)
#endif
#ifdef M_REQUEUE_ALWAYS
#define NOFLUSH		true
#else
#define NOFLUSH		noflush
#endif

#ifdef M_NO_LEFT
#define LEAVES_LATE(w)	false
#else
#define LEAVES_LATE(w)	inst[at[w]].ws[slot[w]].draining
#endif
#define completed(w) \
	assert(RECORDED(w) || I4_completed_is_recorded); \
	slot[w] = NONE; \
	at[w] = 0; \
	st[w] = DONE

#ifdef M_NO_WAKE
#define HOLD_WAKE(i)	skip
#else
#define HOLD_WAKE(i)	wake(i)
#endif

proctype writer(byte w)
{
	do
	/*
	 * Models dm_submit_bio() and erad_map(): they choose the live target and its writeset, and
	 * call erad_writeset_next_missing().  This is one step, for two reasons.  If bits are set
	 * between two looks, they could have been set before the first look.  And no bits are set
	 * in a writeset that is not current any more.
	 */
	:: d_step {
		(st[w] == NEW || st[w] == DEFERRED) && !blocked ->
			at[w] = live;
			slot[w] = inst[live].cur;
			if
			:: slot[w] != NONE && (TESTS(blk[w]) & ~CUR(live).bits) == 0 ->
				st[w] = MAP_COUNT
			:: else ->
				slot[w] = NONE;
				st[w] = MAP_HOLD
			fi
	}
	/* stands for erad_writeset_begin_write(), remap_device(), remap_sector() */
	:: d_step {
		st[w] == MAP_COUNT ->
			look_again(w);
			assert(inst[at[w]].ws[slot[w]].era != 0 || I1_writeset_is_there);
			assert(!inst[at[w]].ws[slot[w]].summed || I1_bits_and_count);
			assert((TESTS(blk[w]) & ~inst[at[w]].ws[slot[w]].bits) == 0 || I1_bits_and_count);
			assert(RECORDED(w) || P_submitted_is_recorded);
			inst[at[w]].ws[slot[w]].count++;
			st[w] = FLIGHT
	}
	/* stands for hold_write() */
	:: d_step {
		st[w] == MAP_HOLD ->
			if
			:: inst[at[w]].state == FAILED -> st[w] = ERROR; at[w] = 0
			:: inst[at[w]].state != FAILED && PASSING(at[w]) -> slot[w] = inst[at[w]].cur; st[w] = MAP_COUNT
			:: inst[at[w]].state != FAILED && !PASSING(at[w]) && inst[at[w]].pushback && NOFLUSH ->
				assert(noflush || R_requeue_only_in_noflush);
				at[w] = 0;
				st[w] = DEFERRED
			:: else ->
				if
				:: !QUEUE(at[w]) -> HOLD_WAKE(at[w])
				:: else
				fi;
				st[w] = QUEUED
			fi
	}
	/* The write completes at the origin: erad_end_io(), erad_writeset_end_write(). */
	:: d_step {
		st[w] == FLIGHT ->
			if
			:: slot[w] == NONE -> completed(w)
			:: slot[w] != NONE && !LEAVES_LATE(w) -> st[w] = END_COUNT
			:: slot[w] != NONE && LEAVES_LATE(w) -> st[w] = END_LEFT
			fi
	}
	:: d_step {
		st[w] == END_COUNT || st[w] == END_LEFT ->
			assert(inst[at[w]].ws[slot[w]].era != 0 || I1_writeset_is_there);
			if
			:: st[w] == END_COUNT -> inst[at[w]].ws[slot[w]].count--
			:: st[w] == END_LEFT -> inst[at[w]].ws[slot[w]].left--
			fi;
			completed(w)
	}
	:: OVER(w) -> break
	od
}
