/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes of trees, 4 KiB each, and pools of nodes that are not in use.
 *
 * A node is a block of the heap.  Only nodes_fill() and nodes_free() call the heap: taking a node from a pool and
 * putting one back cannot wait for memory.
 *
 * Nothing here locks.
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

/* A node full of zeros, or NULL if the pool is empty. */
void *nodes_take(struct nodes *n);
void nodes_put(struct nodes *n, void *node);

/* Moves nr of from's nodes, or all if there are fewer, to another pool.  All of them: in constant time. */
void nodes_move(struct nodes *to, struct nodes *from, size_t nr);

/* Gets nodes from the heap until there are nr.  0 or ENOMEM: then some may have been added. */
int nodes_fill(struct nodes *n, size_t nr);

/* Returns all nodes to the heap. */
void nodes_free(struct nodes *n);

#endif /* ERAD_NODES_H */
