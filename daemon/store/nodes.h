/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes of trees, 4 KiB each, and pools of unused nodes.  A node is a block of the heap.  Only
 * nodes_fill() and nodes_free() call the heap: taking a node from a pool, and returning it, cannot
 * wait for memory.  Nothing here locks.
 */
#ifndef ERAD_NODES_H
#define ERAD_NODES_H

#include <stddef.h>

#define NODE_BYTES	4096u

/* { 0 } is an empty pool. */
struct nodes {
	void *first, *last;	/* each node begins with a pointer to the next; NULL in an empty pool */
	size_t nr;
};

/* Returns a node that is full of zeros, or NULL if the pool is empty. */
void *nodes_take(struct nodes *n);
void nodes_put(struct nodes *n, void *node);

/*
 * Moves nr nodes to another pool, or all if there are fewer.  Takes constant time if all are moved
 * to an empty pool.
 */
void nodes_move(struct nodes *to, struct nodes *from, size_t nr);

/* Gets nodes from the heap until the pool has nr.  Returns 0, or ENOMEM, when some may have been added. */
int nodes_fill(struct nodes *n, size_t nr);

/* Returns all nodes to the heap. */
void nodes_free(struct nodes *n);

#endif /* ERAD_NODES_H */
