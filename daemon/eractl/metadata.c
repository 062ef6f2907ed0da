// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens metadata without erad: see metadata.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/size.h"
#include "common/table_state.h"
#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/live.h"
#include "eractl/metadata.h"
#include "eractl/watched.h"
#include "store/history.h"

#define SECTOR	((uint64_t)ERAD_SECTOR)

/*
 * Returns EBUSY for a device that is mounted, or that the kernel has claimed for a live volume.
 * This works without erad.
 */
static int check_unclaimed(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == EBUSY)
		return err_set(err, -EBUSY, "%s: it is in use by another program or device", path);
	if (fd >= 0)
		close(fd);
	/* Ignore other errors: the caller opens the device next, and reports them. */
	return 0;
}

int metadata_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err)
{
	struct err why;
	int ret;

	*out = NULL;
	watched_begin(path);
	ret = check_unclaimed(path, &why);
	if (!ret)
		ret = engine_open(path, mode, out, &why);
	/* From here on, the lock prevents erad from opening the metadata. */
	if (!ret)
		ret = live_check_unused(path, &why);
	watched_end();
	if (!ret) {
		watched_engine(*out);
		return 0;
	}
	engine_destroy(*out);
	*out = NULL;
	return err_set(err, ret, "%s%s", why.msg,
		       ret == -EBUSY ? ": close the volume first" : "");
}

const struct eratab_entry *metadata_volume(const char *operand, struct eratab *tab)
{
	const struct eratab_entry *e;

	*tab = (struct eratab){ };
	if (strchr(operand, '/') || eratab_check_name(operand, NULL) ||
	    eratab_read(ERAD_TAB, tab, NULL) || eratab_find(tab, operand, &e, NULL))
		return NULL;
	return e;
}

bool metadata_is_out(struct store *s)
{
	uint8_t note[ERAD_HISTORY_ITEM];

	store_item(s, STORE_TABLE_NOTE, note);
	return table_state_is_out(note);
}

bool metadata_past(struct store *s, char text[PAST_NOTE_TEXT])
{
	struct past_note note;

	store_item(s, STORE_PAST, (uint8_t *)&note);
	return past_note_is_set(&note, text);
}

void metadata_print(const struct store_info *info)
{
	char size[SIZE_TEXT], block[SIZE_TEXT], uuid[UUID_TEXT_SIZE];

	printf("%s: era %" PRIu32 ", %s in blocks of %s", uuid_text(info->uuid, uuid), info->era,
	       size_format(size, info->nr_sectors * SECTOR),
	       size_format(block, info->block_sectors * SECTOR));
}

void metadata_add(struct json_object *o, const struct store_info *info)
{
	char uuid[UUID_TEXT_SIZE];

	json_object_object_add(o, "uuid", json_object_new_string(uuid_text(info->uuid, uuid)));
	json_object_object_add(o, "era", json_object_new_int64(info->era));
	json_object_object_add(o, "size", json_object_new_int64(info->nr_sectors * SECTOR));
	json_object_object_add(o, "block_size",
			       json_object_new_int64(info->block_sectors * SECTOR));
}
