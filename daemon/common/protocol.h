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
 * operation goes on when its caller goes away, except diff, dump and check, which stop.
 * Bytes and seconds are plain numbers everywhere.  Bytes of a path or a
 * sentence that are not UTF-8 are given as ?.
 *
 * Root may connect to ERAD_SOCKET.  At ERAD_STATUS_SOCKET, which is there if there is a
 * group erad, its members may ask for ping, list and status, and get EPERM for all else.
 *
 * op		arguments			result
 * ping		-				{"version", "pid", "heap_bytes"}: allocated, of the heap
 * create	volume, origin, metadata?,	{"volume", "uuid", "metadata", "era", "device"}
 *		block_size?, overwrite_metadata?
 * open		volume				the same
 * close	volume				{"volume"}
 * forget	volume				{"volume", "metadata"}
 * resize	volume, size?: bytes, default	{"volume", "old_size", "size", "era"}
 *		the origin's
 * list		-				{"volumes": [{"volume", "origin", "metadata",
 *						"state", "device"}]}	device null if closed
 * status	volumes: [] for all that are in	{"volumes": [STATUS]}
 *		eratab or live
 * writers	volumes: as for status		{"volumes": [WRITERS]}
 * checkpoint	volume				{"volume", "era"}: the new era
 * snapshot_take volume				{"volume", "era"}: the new era; the snapshot
 *						shows all before.  EEXIST: one is held
 * snapshot_drop volume				{"volume"}.  ENOENT: none is held
 * diff		volume, since, snapshot?	part {"volume", "block_size", "since", "era",
 *						"size"} first; then parts
 *						[offset, length, offset, length, …], bytes,
 *						ascending, merged; the last extent may end at
 *						size, inside a block.  result {"changed_bytes"}
 * dump		volume, snapshot?, loose?	part HEAD first; then parts [[first, number,
 *						era], …], blocks, ascending.  result {"runs"}.
 *						Of a live volume, begins an era, to be of one
 *						moment, unless it is loose.
 * check	volume				HEAD and "damaged_blocks"; live volumes only
 * abort	volume				{"volume"}: held writes failed
 *
 * STATUS	{"volume", "uuid", "state", "suspended", "era", "device", "origin", "size",
 *		"block_size", "blocks", "metadata", "metadata_size", "metadata_used",
 *		"journal_pages", "journal_used", "held", "oldest_held_seconds", "bitmap_bytes",
 *		"passed", "released", "commits", "commit_pages", "folds", "over_marked",
 *		"changed_bytes", "changed_before_bytes", "mirror", "mirror_error", "events",
 *		"events_error", "snapshot_era", "error"}
 *		error null or a sentence; numbers that are not known while the volume is
 *		closed are null; floor_era, every block counts as written in it or later, null if
 *		there is no such era; snapshot_era, the newest that it shows, null if none is held;
 *		changed_bytes of this era and changed_before_bytes of the one before it
 *		are as the mirror has them, null if it missed some
 *
 * WRITERS	{"volume", "state", "era", "block_size", "writers": [{"era", "others", "command",
 *		"cgroup", "blocks"}], "error"}
 *		for each, the blocks that nobody had written before in that era; the cgroup's id,
 *		null if it is not known; others: all that found no room, the rest null.  An era
 *		that is not there has not been counted.  writers null, and why in error, if none
 *		are counted
 *
 * HEAD	{"volume", "uuid", "era", "sectors", "block_sectors", "journal_pages",
 *		"array_chunk"}: of a live volume's snapshot, which ends with the connection
 *		if it is not the one that was asked for.  EEXIST: one is held.  EBUSY
 *
 * state	"closed", "loading", "active", "failed", "detached" (the target is live but
 *		erad could not attach to it: error says why), "degraded" (the target lets all
 *		writes pass, and none is recorded)
 */
#ifndef ERAD_PROTOCOL_H
#define ERAD_PROTOCOL_H

#define ERAD_RUN_DIR		"/run/erad"
#define ERAD_SOCKET		"/run/erad/erad.sock"		/* root's */
#define ERAD_STATUS_SOCKET	"/run/erad/status.sock"		/* the group erad's */
#define ERAD_LIB_DIR		"/var/lib/erad"
#define ERAD_TAB		"/etc/eratab"

#define ERAD_REQUEST_MAX	65536		/* bytes of a request line */
#define ERAD_NAME_MAX		100		/* of a volume */
#define ERAD_BLOCK_SIZE_DEFAULT	65536		/* bytes */

#endif /* ERAD_PROTOCOL_H */
