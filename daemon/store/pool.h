/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool of nodes of a store, which is the memory for marks.  For the files of the store.
 *
 * Writes wait for store_mark() and for each fold, and the heap may have no free memory until these
 * writes have completed.  So marks and folds do not call the heap.  They take nodes from the pool,
 * which store_fill_pool() has filled before, and return nodes to the pool.
 *
 * A mark that finds too few nodes waits for a fold, and the fold empties the overlays.  Nodes leave
 * the pool and the overlays only in two cases: they return to the heap, or they become part of the
 * snapshot's set of saved pages.  In both cases, POOL_MIN nodes stay in the pool.  So after a fold
 * of all marks, the pool has enough nodes for a run.
 */
#ifndef ERAD_STORE_POOL_H
#define ERAD_STORE_POOL_H

#include "store/state.h"

#define POOL_MIN	32u	/* number of nodes, 128 KiB: at least twice what a run needs */
#define POOL_MAX	256u	/* number of nodes, 1 MiB */

/*
 * Fills the pool up to POOL_MIN from the heap.  Called at open, after replay.  ENOMEM: err has a
 * message.
 */
int store_init_pool(struct store *s, struct err *err);

/*
 * store_borrow_nodes() moves at most 64 of the nodes that are not reserved for marks to another
 * pool.  store_return_nodes() moves all nodes of a pool back.  Both take s->lock.
 */
void store_borrow_nodes(struct store *s, struct nodes *to);
void store_return_nodes(struct store *s, struct nodes *from);

#endif /* ERAD_STORE_POOL_H */
