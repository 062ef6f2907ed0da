/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of systemd's units, made from paths and other strings as systemd.unit(5) describes. */
#ifndef ERAD_UNIT_NAME_H
#define ERAD_UNIT_NAME_H

#define UNIT_NAME_MAX	255	/* limit for a name in bytes; systemd refuses longer names */

struct unit_name {
	char text[UNIT_NAME_MAX + 1];
};

/*
 * Makes the name of the device unit for an absolute path.  EINVAL: the path contains a component
 * "..".  ENAMETOOLONG: the name has more than UNIT_NAME_MAX bytes.
 */
int unit_name_of_device(struct unit_name *out, const char *path);

/*
 * Makes the name of an instance of the template prefix@suffix.  instance must not contain a slash.
 * ENAMETOOLONG: the name has more than UNIT_NAME_MAX bytes.
 */
int unit_name_of_instance(struct unit_name *out, const char *prefix, const char *instance, const char *suffix);

#endif /* ERAD_UNIT_NAME_H */
