/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What eractl and erad say to each other over the unix socket.
 *
 * A connection carries one request and its answer.  Both are JSON objects,
 * one to a line.  A request is {"op": …, arguments …}.  An answer is any number of
 * progress and part lines and exactly one last line:
 *
 *	{"progress": {"what": "writing metadata", "done": 4096, "total": 16777216}}
 *	{"part": …}				as the operation below says
 *	{"result": …}				last: it worked
 *	{"error": {"code": "EBUSY", "message": "volume data: …"}}	last: it did not
 *
 * A connection that ends without a last line means that erad went away; the
 * request may or may not have been carried out, and can be made again.  An
 * operation goes on when its caller goes away, except diff, which stops.
 * Bytes and seconds are plain numbers everywhere.  Bytes of a path or a
 * sentence that are not UTF-8 are given as ?.  Only root may connect.
 *
 * op		arguments			result
 * ping		-				{"version", "pid", "heap_bytes"}: allocated, of the heap
 * create	volume, origin, metadata?,	{"volume", "uuid", "metadata", "era", "device"}
 *		block_size?, force?
 * open		volume				the same
 * close	volume				{"volume"}
 * forget	volume				{"volume", "metadata"}
 * list		-				{"volumes": [{"volume", "origin", "metadata",
 *						"state", "device"}]}	device null if closed
 * status	volumes: [] for all that are in	{"volumes": [STATUS]}
 *		eratab or live
 * checkpoint	volume				{"volume", "era"}: the new era
 * diff		volume, since			part {"volume", "block_size", "since", "era",
 *						"size"} first; then parts
 *						[[offset, length], …], bytes, ascending,
 *						merged; the last extent may end at size,
 *						inside a block.  result {"changed_bytes"}
 * abort	volume				{"volume"}: held writes failed
 *
 * STATUS	{"volume", "uuid", "state", "suspended", "era", "device", "origin", "size",
 *		"block_size", "blocks", "metadata", "metadata_size", "metadata_used",
 *		"journal_pages", "journal_used", "held", "oldest_held_seconds", "released",
 *		"commits", "commit_pages", "folds", "over_marked", "error"}
 *		error null or a sentence; numbers that are not known while the volume is
 *		closed are null
 *
 * state	"closed", "loading", "active", "failed", "detached" (the target is live but
 *		erad could not attach to it: error says why)
 */
#ifndef ERAD_PROTOCOL_H
#define ERAD_PROTOCOL_H

#define ERAD_RUN_DIR		"/run/erad"
#define ERAD_SOCKET		"/run/erad/erad.sock"
#define ERAD_LIB_DIR		"/var/lib/erad"
#define ERAD_TAB		"/etc/eratab"

#define ERAD_REQUEST_MAX	65536		/* bytes of a request line */
#define ERAD_NAME_MAX		100		/* of a volume */
#define ERAD_BLOCK_SIZE_DEFAULT	65536		/* bytes */

#endif /* ERAD_PROTOCOL_H */
