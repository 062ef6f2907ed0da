/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol between eractl and erad on the unix socket.
 *
 * A connection carries one request and its answer.  Both are JSON objects, one a line.  A request
 * is {"op": …, arguments …}.  An answer is any number of progress and part lines, and exactly one
 * last line:
 *
 *	{"progress": {"what": "writing metadata", "done": 4096, "total": 16777216}}
 *	{"part": …}				as the operation below says
 *	{"result": …}				last line after a success
 *	{"error": {"code": "EBUSY", "message": "volume data: …"}}	last line after a failure
 *
 * If a connection ends without a last line, erad has stopped.  erad may have carried out the
 * request or not, and the caller can make the request again.  If the caller closes the connection,
 * diff, dump and check stop, and erad goes on with all other operations.  Sizes are in bytes and
 * times in seconds.  In paths and sentences, a ? stands for each byte that is not UTF-8.
 *
 * Only root may connect to ERAD_SOCKET.  ERAD_STATUS_SOCKET exists if there is a group erad.  On
 * this socket, members of the group may request ping, list, status and map, and writers of one
 * volume at a time; other requests get EPERM.
 *
 * A ? marks an argument that may be missing, and a member of the result that may be missing.
 *
 * op		arguments			result
 * ping		-				{"version", "pid", "heap_bytes"}; heap_bytes: bytes
 *						that are allocated on the heap
 * create	volume, origin, metadata?,	{"volume", "uuid", "origin", "metadata", "era",
 *		block_size?,			"token", "device", "origin_given"?}; origin_given:
 *		overwrite_metadata?		the path in the request, if eratab got another path
 *						of the same device
 * attach	as for create, lvm_rejects?,	as for create, and {"stood_still_seconds",
 *		write_lvm_filter?: booleans,	"logical_volumes"}: the time for which I/O waited,
 *		vg_name?, vg_uuid?		and the number of LVM's devices on the volume.  vg_name
 *						and vg_uuid: the volume group of the physical
 *						volume; vg_uuid has 32 characters without dashes
 * detach	volume				{"volume", "uuid", "same_uuid", "not_removed",
 *						"stood_still_seconds"}: uuid, same_uuid and not_removed
 *						as for forget
 * open		volume, origin_replaced?,	as for create, without origin_given
 *		accept_gap?: booleans
 * close	volume				{"volume"}
 * forget	volume				{"volume", "uuid", "same_uuid", "not_removed",
 *						"metadata"}: uuid and metadata are null if not known;
 *						same_uuid is another volume in eratab whose metadata has
 *						the same UUID or cannot be read, or null; not_removed
 *						says why the file that create made is left, if its file
 *						system does not answer, or is null
 * resize	volume, size?: bytes, default	{"volume", "old_size", "size", "era"}
 *		the origin's
 * image_create	volume, store?: a path,		{"volume", "device", "dm_uuid", "era", "token",
 *		store_size?: bytes, backup?:	"stood_still_seconds", "store_size", "gaps": as for
 *		NUMBER				checkpoint}.  All writes of eras before the token's are
 *						in the image.  store is the block device or file of the
 *						copy-on-write store; without it, erad makes a file.
 *						backup: the image is for eractl backup, which has drawn
 *						the NUMBER, a text of 16 hexadecimal digits.  The
 *						NUMBER becomes a part of dm_uuid.  EEXIST: the volume
 *						has an image
 * image_create_together				{"volumes": [as for image_create]}, in the order of
 *		volumes: two or more,		the request.  The images are of one moment: see
 *		store_size?: bytes of each	image_together.h.  An error says which volume was
 *						the reason, and no volume has an image.  EDEADLK:
 *						a volume or its metadata lies on another one
 * image_drop	volume, backup?: NUMBER		{"volume", "stood_still_seconds"}.  backup: only if the
 *						image has this NUMBER.  ENOENT: the volume has no
 *						image, or the image has another NUMBER or none
 * list		-				{"volumes": [{"volume", "origin", "metadata",
 *						"state", "device"}]}; device is null if closed
 * status	volumes: [] for all volumes	{"volumes": [STATUS]}
 *		that are in eratab or live
 * writers	volumes: as for status		{"volumes": [WRITERS]}
 * map		volume				MAP; open volumes only
 * checkpoint	volume				{"volume", "era", "token"} of the new era, and "gaps":
 *						the gaps noticed since the previous era began
 * checkpoint_together				{"volumes": [as for checkpoint]}, in the order of the
 *		volumes: two or more		request.  The eras begin at one moment: see
 *						together.h.  An error says which volume was the
 *						reason.  EDEADLK: the metadata of a volume lies on
 *						another one.  ETIMEDOUT: a volume was too slow
 * snapshot_take volume				as for checkpoint; the
 *						snapshot shows all eras before this one.  EEXIST: the
 *						volume has a snapshot
 * snapshot_drop volume				{"volume"}.  ENOENT: the volume has no snapshot
 * bookmarks	volume				{"volume", "bookmarks": [{"name", "token", "era",
 *						"time"}]}, in the order of the names
 * bookmark_set	volume, bookmark, token		as for bookmarks, after the change; live volumes
 *						only
 * bookmark_delete volume, bookmark		as for bookmark_set
 * witness	volume, token?, witness?	{"size", "origin_dev"}: the size of the volume, and
 *						MAJOR:MINOR of its origin.  Keeps the witness, a text
 *						in hexadecimal, in the metadata: see witness.h.  The
 *						token is of the era of the witness.  A request
 *						has both arguments or none of them
 * diff		volume, since or token,		First the part {"volume", "block_size", "since",
 *		snapshot?			"era", "size", "token", "gaps": [GAP]}: gaps are the
 *						gaps because of which every block is listed.  Then
 *						parts [offset, length, offset, length, …] in bytes,
 *						ascending, with adjacent extents joined; the last
 *						extent may end at size, inside a block.  The result
 *						is {"changed_bytes"}.  If the metadata does not know
 *						the token, or writes to the closed volume may have
 *						gone past erad, there is no part, and the result is
 *						{"volume", "full_copy_due": the reason}
 * dump		volume, snapshot?, loose?	First the part HEAD, then parts [[first, number,
 *						era], …] in blocks, ascending.  The result is
 *						{"runs"}.  A dump of a live volume begins an era, so
 *						that it shows one moment; a loose dump does not.
 * check	volume				HEAD and "damaged_blocks"; live volumes only
 * abort	volume				{"volume"}; its held writes have failed
 *
 * STATUS	{"volume", "uuid", "state", "state_changes", "suspended", "era", "era_time",
 *		"checkpoint_time", "noauto", "detaching", "device", "origin", "size",
 *		"block_size", "blocks", "metadata", "metadata_size", "metadata_used",
 *		"journal_pages", "journal_used", "held", "oldest_held_seconds", "bitmap_bytes",
 *		"passed", "released", "commits", "commit_pages", "folds", "over_marked",
 *		"changed_bytes", "changed_before_bytes", "mirror", "mirror_error", "events",
 *		"events_error", "standby", "snapshot_era", "floor_era", "image": IMAGE,
 *		"timelines_since", "token", "gaps": [GAP], "gaps_total": {kind: number}, "error"}
 *		A number that is not known while the volume is closed is null.
 *		state_changes	how often the state has changed since the volume was opened
 *		era_time	when the era began, in seconds since 1970; null if not known
 *		checkpoint_time	the same for the newest era that a checkpoint has requested
 *		noauto		the option in eratab; null if the volume is not in eratab
 *		detaching	the option in eratab: erad detaches the volume at its next start;
 *				null if the volume is not in eratab
 *		changed_bytes	bytes written in this era; null if the mirror missed a part
 *		changed_before_bytes	the same for the era before
 *		snapshot_era	the newest era that the snapshot shows; null if there is no snapshot
 *		floor_era	every block counts as written in this era or later; null: no floor
 *		timelines_since	the first era whose timeline the metadata knows; null if not known
 *		token		token of the current era; null if its timeline is not known
 *		events		null, or the counts of the BPF programs: {"held", "released",
 *				"failed", "commits", "rollovers", "hold_ns", "batch_writes",
 *				"hold": [{"below_ns", "count"}],
 *				"batch": [{"below_writes", "count"}]}.  hold and batch are
 *				histograms; the upper limit of the last slot is null
 *		error		a sentence, or null
 *
 * IMAGE	null if the volume has no image; or {"device", "state", "backup", "store_device",
 *		"store_size", "store_used"}
 *		state is "valid"; or "invalid": the copy-on-write store is full, or a write to the
 *		store has failed; or "interrupted": a create or a drop was interrupted, and has left
 *		devices.  device is null if NAME-image does not exist.  backup is true if eractl
 *		backup has made the image.  store_device is MAJOR:MINOR of the device on which the
 *		store lies, or null.  store_used is null if the image is not valid
 *
 * GAP		{"era", "time", "kind", "detail"}: writes may have gone past erad before this era.
 *		time is in seconds since 1970, or null.  kind is a name from store_gap_name()
 *
 * WRITERS	{"volume", "state", "era", "block_size", "writers": [{"era", "others", "command",
 *		"cgroup", "blocks"}], "error"}
 *		blocks is the number of the writer's first writes in that era.  cgroup is an id, or
 *		null if it is not known.  others is true in the entry that is the sum of all writers
 *		for which the map had no space; its command and cgroup are null.  An era without an
 *		entry was not counted.  If writers are not counted, writers is null, and error is
 *		the reason
 *
 * MAP		{"volume", "uuid", "era", "time", "size", "columns", "cells", "ages": [{"newest",
 *		"oldest", "bytes"}]}
 *		A picture of the volume, which erad keeps for at least a minute.  time is when the
 *		metadata was read, in seconds since 1970.  cells is a string with a character for
 *		each cell of the picture, line by line: '-' if no block of the cell was ever
 *		written, or else the index, in ages, of the newest era of its blocks.  An element of
 *		ages says how many bytes were last written in the eras oldest to newest
 *
 * HEAD		{"volume", "uuid", "era", "sectors", "block_sectors", "journal_pages",
 *		"array_chunk", "out_of_table"?, "origin_used_by"?, "notes"?}.  out_of_table is true if the
 *		volume is closed, and its target was taken out of its table, so that later writes may
 *		be missing.  origin_used_by names another device that was on the origin at erad's
 *		last look before the close, or a user of the origin because of which an open was
 *		refused, so that their writes may be missing.  notes is what the metadata of a closed
 *		volume notes of the origin, as the text of store/era_notes.h.  A dump or check of a
 *		live volume reads a snapshot.  If the request does not name the volume's own
 *		snapshot, erad takes one for this connection.
 *		EEXIST: the volume has a snapshot.  EBUSY: another dump or check is under way
 *
 * state	"closed", "loading", "active", "failed", "detached" (the target is live, but erad
 *		could not attach to it; error is the reason), "degraded" (all writes pass
 *		unrecorded)
 */
#ifndef ERAD_PROTOCOL_H
#define ERAD_PROTOCOL_H

#define ERAD_RUN_DIR		"/run/erad"
#define ERAD_SOCKET		"/run/erad/erad.sock"		/* socket for root */
#define ERAD_STATUS_SOCKET	"/run/erad/status.sock"		/* socket for the group erad */
#define ERAD_LIB_DIR		"/var/lib/erad"
#define ERAD_TAB		"/etc/eratab"

#define ERAD_REQUEST_MAX	65536		/* longest line of a request in bytes */
#define ERAD_NAME_MAX		100		/* longest name of a volume in bytes */
#define ERAD_BLOCK_SIZE_DEFAULT	65536		/* in bytes */

#endif /* ERAD_PROTOCOL_H */
