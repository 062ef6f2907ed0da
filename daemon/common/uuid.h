/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UUIDs: creates random ones, and converts them to and from text. */
#ifndef ERAD_UUID_H
#define ERAD_UUID_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define UUID_TEXT_SIZE	37	/* bytes of the text, including the final 0 */

/* Converts u to text, and returns text. */
static inline char *uuid_text(const uint8_t u[16], char text[UUID_TEXT_SIZE])
{
	char *p = text;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	return text;
}

/* Parses a UUID.  Returns false if text is not a UUID as uuid_text() makes it. */
static inline bool uuid_from_text(const char *text, uint8_t u[16])
{
	char again[UUID_TEXT_SIZE];

	if (strlen(text) != UUID_TEXT_SIZE - 1)
		return false;
	for (int i = 0, at = 0; i < 16; i++, at += 2) {
		at += i == 4 || i == 6 || i == 8 || i == 10;
		if (sscanf(text + at, "%2hhx", &u[i]) != 1)
			return false;
	}
	return !strcmp(text, uuid_text(u, again));
}

/*
 * The mapped device of a volume has a UUID in device-mapper: this prefix, and the UUID of the
 * metadata as text.
 */
#define DM_UUID_PREFIX	"ERAD-"
#define DM_UUID_TEXT_SIZE	(sizeof(DM_UUID_PREFIX) - 1 + UUID_TEXT_SIZE)

/* Converts the UUID u of metadata to the UUID of the mapped device, and returns text. */
static inline char *uuid_dm_text(const uint8_t u[16], char text[DM_UUID_TEXT_SIZE])
{
	strcpy(text, DM_UUID_PREFIX);
	uuid_text(u, text + sizeof(DM_UUID_PREFIX) - 1);
	return text;
}

/*
 * Returns what follows the prefix and the UUID of metadata in the UUID of a mapped device.  Returns
 * NULL if dm_uuid does not begin with these two.
 */
static inline const char *uuid_dm_rest(const char *dm_uuid)
{
	const size_t prefix = sizeof(DM_UUID_PREFIX) - 1;
	char text[UUID_TEXT_SIZE];
	uint8_t u[16];

	if (strncmp(dm_uuid, DM_UUID_PREFIX, prefix) || strlen(dm_uuid) < DM_UUID_TEXT_SIZE - 1)
		return NULL;
	memcpy(text, dm_uuid + prefix, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	return uuid_from_text(text, u) ? dm_uuid + DM_UUID_TEXT_SIZE - 1 : NULL;
}

/*
 * Returns whether this is the UUID of the mapped device of a volume.  The devices of an image have
 * longer UUIDs: see common/image.h.
 */
static inline bool uuid_dm_is_volume(const char *dm_uuid)
{
	const char *rest = uuid_dm_rest(dm_uuid);

	return rest && !*rest;
}

/* Makes a UUID of version 4.  Returns 0 or a negative errno. */
static inline int uuid_random(uint8_t u[16])
{
	if (getrandom(u, 16, 0) < 0)
		return -errno;
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	return 0;
}

static inline bool uuid_is_zero(const uint8_t u[16])
{
	for (int i = 0; i < 16; i++)
		if (u[i])
			return false;
	return true;
}

#endif /* ERAD_UUID_H */
