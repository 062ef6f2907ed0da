/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models device-mapper around the module: suspend with and without flush, a suspend that is
 * interrupted, a reload of the table, and resume.  The steps are those of __dm_suspend(),
 * do_resume() and __dm_resume() in drivers/md/dm.c and dm-ioctl.c.  The hooks are those of the
 * module, kmod/target.c.
 */

/* whether the device has an inactive table; its target is the instance that is not live */
bool loaded;
byte dm;			/* the next step */

#define DM_IDLE		0
#define DM_PRESUSPENDED	1
#define DM_BLOCKED	2
#define DM_SYNCED	3
#define DM_UNDO		4
#define DM_UNDO_TARGET	5
#define DM_SUSPENDED	6
#define DM_RESUMED	7
#define DM_SWAPPED	8
#define DM_DTR		9

#define NOT_IN_MAP(w)	(!IN_MAP(w))
#define NOT_PENDING(w)	(!PENDING(w))

#define push_back(w, i)	if :: HELD(w, i) -> st[w] = DEFERRED; at[w] = 0 :: else fi

/* stands for erad_ctr() */
#define ctr(i) \
	inst[i].exists = true; \
	inst[i].dead = false; \
	inst[i].state = DETACHED; \
	inst[i].cur = NONE; \
	changed()

/* stands for set_resumed() */
#define set_resumed(i, yes) \
	inst[i].resumed = yes; \
	inst[i].pushback = false; \
	event(i)

/* stands for erad_presuspend() */
#define presuspend(i) \
	if \
	:: noflush -> \
		inst[i].pushback = true; \
		inst[i].batch_id = 0; \
		inst[i].batch_era = 0; \
		EACH(push_back, i); \
		wake(i) \
	:: else \
	fi

#define forget(i) \
	inst[i].exists = false; \
	inst[i].owned = false; \
	inst[i].resumed = false; \
	inst[i].pri = false; \
	inst[i].state = 0; \
	inst[i].batch_era = 0; \
	inst[i].prepared = 0; \
	forget_record(i); \
	free_writeset(i, 0); \
	free_writeset(i, 1)

#define ADMIN_OVER	(dm == DM_IDLE && loads == 0 && suspends == 0)

proctype admin()
{
	do
	/* dmsetup load */
	:: d_step {
		dm == DM_IDLE && loads > 0 ->
			loads--;
			loaded = true;
			ctr(1 - live)
	}
	/* __dm_suspend(): sets the flag, and calls dm_table_presuspend_targets() */
	:: atomic {
		dm == DM_IDLE && suspends > 0 ->
			suspends--;
			if
			:: noflush = true
			:: noflush = false
			fi;
			presuspend(live);
			dm = DM_PRESUSPENDED
	}
	:: d_step { dm == DM_PRESUSPENDED -> blocked = true; dm = DM_BLOCKED }
	/* stands for synchronize_srcu() */
	:: d_step { dm == DM_BLOCKED && ALL(NOT_IN_MAP) -> dm = DM_SYNCED }
	/* dm_wait_for_completion() has returned, or a signal has interrupted it */
	:: d_step { dm == DM_SYNCED && ALL(NOT_PENDING) -> noflush = false; dm = DM_SUSPENDED }
	:: d_step {
		dm == DM_SYNCED && interrupts > 0 && !ALL(NOT_PENDING) ->
			interrupts--;
			noflush = false;
			dm = DM_UNDO
	}
	/* stands for dm_queue_flush() */
	:: d_step { dm == DM_UNDO -> blocked = false; dm = DM_UNDO_TARGET }
	/* stands for erad_presuspend_undo() */
	:: d_step { dm == DM_UNDO_TARGET -> inst[live].pushback = false; dm = DM_IDLE }
	/* stands for erad_postsuspend() */
	:: d_step { dm == DM_SUSPENDED -> set_resumed(live, false); dm = DM_RESUMED }
	/*
	 * If there is an inactive table, dm_swap_table() puts it into use. Then dm calls
	 * erad_resume().
	 */
	:: d_step {
		dm == DM_RESUMED ->
			if
			:: loaded -> live = 1 - live; dm = DM_DTR
			:: else -> dm = DM_SWAPPED
			fi;
			set_resumed(live, true)
	}
	/* stands for dm_queue_flush() */
	:: d_step { dm == DM_SWAPPED -> blocked = false; dm = DM_IDLE }
	:: d_step {
		dm == DM_DTR && blocked -> blocked = false
	}
	/* dm_table_destroy(), erad_dtr(): removes the instance from the list, and sets `dead` */
	:: d_step {
		dm == DM_DTR && !blocked && !inst[1 - live].dead ->
			inst[1 - live].dead = true;
			inst[1 - live].exists = false;
			wake(1 - live);
			changed()
	}
	/*
	 * erad_dtr(): waits for the drain and for the degrade record.  After that, all calls on the
	 * owner's fd fail.
	 */
	:: d_step {
		dm == DM_DTR && inst[1 - live].dead && !inst[1 - live].draining && !BUSY(1 - live) ->
			forget(1 - live);
			loaded = false;
			dm = DM_IDLE
	}
	:: ADMIN_OVER -> break
	od
}
