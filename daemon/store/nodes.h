/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes of trees, 4 KiB each, and pools of unused nodes.  Nodes come from the heap.  Only
 * nodes_fill() and nodes_free() call the heap, so taking a node from a pool, and returning a node,
 * never waits for memory.  The functions take no locks.
 */
#ifndef ERAD_NODES_H
#define ERAD_NODES_H

#include <stddef.h>

#define NODE_BYTES	4096u

/* A pool of unused nodes.  { 0 } is an empty pool. */
struct nodes {
	/* A list: each node begins with a pointer to the next node.  NULL in an empty pool. */
	void *first, *last;
	size_t nr;
};

/* Takes a node from the pool, and fills it with zeros.  Returns NULL if the pool is empty. */
void *nodes_take(struct nodes *n);
void nodes_put(struct nodes *n, void *node);

/*
 * Moves nr nodes to another pool, or all nodes if there are fewer.  Moving all nodes to an empty
 * pool takes constant time.
 */
void nodes_move(struct nodes *to, struct nodes *from, size_t nr);

/*
 * Gets nodes from the heap until the pool has nr nodes.  Returns 0, or ENOMEM; after ENOMEM, some
 * nodes may have been added.
 */
int nodes_fill(struct nodes *n, size_t nr);

/* Returns all nodes to the heap. */
void nodes_free(struct nodes *n);

#endif /* ERAD_NODES_H */
