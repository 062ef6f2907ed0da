/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of systemd's units, as systemd.unit(5) has them made from paths and other strings. */
#ifndef ERAD_UNIT_NAME_H
#define ERAD_UNIT_NAME_H

#define UNIT_NAME_MAX	255	/* bytes; systemd takes no longer ones */

struct unit_name {
	char text[UNIT_NAME_MAX + 1];
};

/* The device unit of an absolute path.  EINVAL if there is a .. in it, ENAMETOOLONG. */
int unit_name_of_device(struct unit_name *out, const char *path);

/* The instance of a template that is called prefix@suffix, for a string without a /.  ENAMETOOLONG. */
int unit_name_of_instance(struct unit_name *out, const char *prefix, const char *instance, const char *suffix);

#endif /* ERAD_UNIT_NAME_H */
