/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models the metadata, daemon/store/, as a journal.  Only its newest group can be unflushed,
 * because every append ends with a flush, and only one append runs at a time.  A replay finds the
 * newest era of each block, and the newest era that was begun.  Folds do not change this result, so
 * they are not modelled.  The crash simulator of tests/unit tests folds.
 */

byte dmark[BLOCKS];		/* durable: the newest era that the block is recorded in; 0: none */
byte dera;			/* durable: the newest era begun */

/* The last written group, which may not be durable. After a kill of the daemon, it remains in the page cache. */
byte pend_era;			/* era of the group; 0: there is no group */
byte pend_blocks;		/* blocks of the group; 0: the group begins an era (ERA_BEGIN) */
/* a replay has read the group, so the next group is written after it and does not overwrite it */
bool pend_read;

byte acked;			/* the newest acknowledged era */

#define MAX(a, b)	((a) > (b) -> (a) : (b))

#if DEGRADES
byte dfloor;			/* durable: every block counts as written in this era or later */
byte drecord;			/* durable: the serial of the degrade record, plus 1; 0: there is none */
byte dserial;			/* durable: records with a smaller serial are not in force */

/* While a record is in force, every block counts as written in the current era. */
#define IN_FORCE	(drecord > dserial)
#define ALL_DURABLE(e)	(dfloor >= (e) || (IN_FORCE && dera >= (e)))
#else
#define ALL_DURABLE(e)	false
#endif

/* The blocks b are durable in era e or a later one. */
#define DURABLE(b, e)	(ALL_DURABLE(e) || ((!((b) & 1) || dmark[0] >= (e)) && (!((b) & 2) || dmark[1] >= (e))))

/*
 * erad's promise for a write that was passed on: after a crash, all its blocks are found, in the
 * last acknowledged era or a later one.
 */
#define RECORDED(w)	DURABLE(blk[w], (acked == 0 -> 1 : acked))

#define became_durable() \
	if \
	:: pend_blocks & 1 -> dmark[0] = MAX(dmark[0], pend_era) \
	:: else \
	fi; \
	if \
	:: pend_blocks & 2 -> dmark[1] = MAX(dmark[1], pend_era) \
	:: else \
	fi; \
	dera = MAX(dera, pend_era); \
	no_pend()

#define no_pend() \
	pend_era = 0; \
	pend_blocks = 0; \
	pend_read = false

/* append_group(): the write. If the last write has failed, the same pages are written again. */
inline store_write(e, b)
{
	d_step {
		assert(!pend_read || D_what_is_before_is_durable);
		pend_era = e;
		pend_blocks = b
	}
}

/* append_group(): the flush */
inline store_flush(r)
{
	atomic {
		if
		:: r = OK; became_durable()
		:: flush_errors > 0 -> flush_errors--; r = EIO
		fi
	}
}

inline store_append(e, b, r)
{
#if CRASHES + POWER_CUTS > 0
	store_write(e, b);
	store_flush(r)
#else
	/* without kills and power cuts, the write and the flush are one step */
	atomic { store_write(e, b); store_flush(r) }
#endif
}

/* store_open(): replay */
inline store_replay(e)
{
	e = MAX(dera, pend_era);
	pend_read = (pend_era != 0)
}

/* models take_over(): makes durable the group that the previous process has left, before anything relies on it */
inline store_take_over(r)
{
#ifdef M_NO_TAKE_OVER
	r = OK
#else
	store_flush(r)
#endif
}

#if DEGRADES
/* stands for store_set_floor() */
inline store_set_floor(e, r)
{
	atomic {
		if
		:: r = OK; dfloor = MAX(dfloor, e)
		:: flush_errors > 0 -> flush_errors--; r = EIO
		fi
	}
}
#endif
