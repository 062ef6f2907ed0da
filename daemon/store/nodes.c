// SPDX-License-Identifier: GPL-2.0-or-later
/* Pools of the nodes of trees: see nodes.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/nodes.h"

static void *unlink_first(struct nodes *n)
{
	void *node = n->first;

	if (!node)
		return NULL;
	memcpy(&n->first, node, sizeof(n->first));
	if (!n->first)
		n->last = NULL;
	n->nr--;
	return node;
}

void *nodes_take(struct nodes *n)
{
	void *node = unlink_first(n);

	return node ? memset(node, 0, NODE_BYTES) : NULL;
}

void nodes_put(struct nodes *n, void *node)
{
	memcpy(node, &n->first, sizeof(n->first));
	n->first = node;
	if (!n->last)
		n->last = node;
	n->nr++;
}

void nodes_move(struct nodes *to, struct nodes *from, size_t nr)
{
	if (nr < from->nr) {
		for (; nr; nr--)
			nodes_put(to, unlink_first(from));
		return;
	}
	if (!from->nr)
		return;
	memcpy(from->last, &to->first, sizeof(to->first));
	to->first = from->first;
	if (!to->last)
		to->last = from->last;
	to->nr += from->nr;
	*from = (struct nodes){ 0 };
}

int nodes_fill(struct nodes *n, size_t nr)
{
	while (n->nr < nr) {
		void *node = malloc(NODE_BYTES);

		if (!node)
			return -ENOMEM;
		nodes_put(n, node);
	}
	return 0;
}

void nodes_free(struct nodes *n)
{
	void *node;

	while ((node = unlink_first(n)))
		free(node);
}
