// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * erad-generator: writes units for the volumes in /etc/eratab when systemd starts or reloads its
 * configuration.
 *
 * erad-volume@.service opens a volume.  The drop-ins that this program writes add three
 * dependencies.  First, the service waits for the volume's origin and metadata.  Second, the boot
 * starts the service, unless the volume is noauto.  Third, the volume's device unit, for which a
 * mount may wait, requires the service.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/eratab.h"
#include "common/stdfds.h"
#include "generator/unit_name.h"

#define EXIT_USAGE	2

static bool troubled;

__attribute__((format(printf, 1, 2)))
static void log_to_kernel(const char *fmt, ...)
{
	struct err e;
	va_list args;

	va_start(args, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, args);
	va_end(args);
	/*
	 * Print the message by one call, because the kernel makes a message of each write to
	 * /dev/kmsg.
	 */
	fprintf(stderr, "%serad-generator: %s\n", getenv("SYSTEMD_SCOPE") ? "<3>" : "", printable(e.msg));
	troubled = true;
}

/* Opens the drop-in of a unit for writing.  On failure, prints an error and returns NULL. */
static FILE *dropin_open(const char *dir, const char *unit)
{
	char *path;
	FILE *f = NULL;

	if (asprintf(&path, "%s/%s.d", dir, unit) < 0) {
		log_to_kernel("out of memory");
		return NULL;
	}
	if (mkdir(path, 0755) && errno != EEXIST) {
		log_to_kernel("cannot make %s: %m", path);
		free(path);
		return NULL;
	}
	free(path);
	if (asprintf(&path, "%s/%s.d/50-eratab.conf", dir, unit) < 0) {
		log_to_kernel("out of memory");
		return NULL;
	}
	f = fopen(path, "we");
	if (f)
		fprintf(f, "# Made by erad-generator from " ERAD_TAB ".\n[Unit]\n");
	else
		log_to_kernel("cannot write %s: %m", path);
	free(path);
	return f;
}

static void dropin_close(FILE *f, const char *unit)
{
	bool failed = ferror(f);

	if (fclose(f) || failed)
		log_to_kernel("cannot write the drop-in of %s: %m", unit);
}

/* Prints path, escaped for a value in double quotes. */
static void print_quoted(FILE *f, const char *path)
{
	for (; *path; path++) {
		if (strchr("\"\\", *path))
			putc('\\', f);
		else if (*path == '%')
			putc('%', f);
		putc(*path, f);
	}
}

/*
 * Makes the unit wait for path: for a device, or for the file system of a file.  If systemd cannot
 * express the path, the unit does not wait for it, and `eractl open` reports what is missing.
 */
static void print_needs(FILE *f, const struct eratab_entry *e, const char *path)
{
	struct unit_name device;
	const char *c;
	int r;

	if (!strncmp(path, "/dev/", 5)) {
		r = unit_name_of_device(&device, path);
		if (r)
			log_to_kernel("volume %s: systemd cannot have a unit for the device %.200s: %s; the service of the volume starts without waiting for the device", e->name, path, strerror(-r));
		else
			fprintf(f, "Requires=%s\nAfter=%s\n", device.text, device.text);
		return;
	}
	for (c = path; *c; c++) {
		if ((unsigned char)*c < ' ') {
			log_to_kernel("volume %s: the path %.200s contains the control character 0x%02x, which a unit cannot contain, so the service of the volume starts without waiting for the path", e->name, path,
				 (unsigned char)*c);
			return;
		}
	}
	fprintf(f, "RequiresMountsFor=\"");
	print_quoted(f, path);
	fprintf(f, "\"\n");
}

static void generate_volume(const char *dir, const struct eratab_entry *e, FILE *boot)
{
	struct unit_name service, device;
	char path[sizeof("/dev/mapper/") + ERAD_NAME_MAX];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "/dev/mapper/%s", e->name);
	r = unit_name_of_instance(&service, "erad-volume", e->name, ".service");
	if (!r)
		r = unit_name_of_device(&device, path);
	if (r) {
		log_to_kernel("volume %s: systemd cannot have a unit for a volume of this name: %s", e->name, strerror(-r));
		return;
	}

	f = dropin_open(dir, service.text);
	if (!f)
		return;
	fprintf(f, "SourcePath=" ERAD_TAB "\n");
	print_needs(f, e, e->origin);
	print_needs(f, e, e->metadata);
	dropin_close(f, service.text);

	f = dropin_open(dir, device.text);
	if (f) {
		fprintf(f, "Requires=%s\n", service.text);
		dropin_close(f, device.text);
	}
	if (!e->noauto)
		fprintf(boot, "Wants=%s\n", service.text);
}

static void generate_all(const char *dir, const struct eratab *tab)
{
	/* erad.service is wanted by the same target. */
	static const char target[] = "sysinit.target";
	FILE *boot = NULL;

	for (size_t i = 0; i < tab->nr; i++) {
		const struct eratab_line *l = &tab->line[i];

		if (l->error)
			log_to_kernel("%s", l->error);
		/*
		 * Skip a volume with the option "detaching", because erad detaches this volume when
		 * erad starts.
		 */
		if (!l->entry || l->entry->detaching)
			continue;
		if (!boot)
			boot = dropin_open(dir, target);
		if (!boot)
			return;
		generate_volume(dir, l->entry, boot);
	}
	if (boot)
		dropin_close(boot, target);
}

int main(int argc, char **argv)
{
	struct eratab tab;
	struct err err;
	int kmsg;

	stdfds_open();
	if (argc != 2 && argc != 4) {
		fputs("usage: erad-generator DIRECTORY [EARLY LATE]\n"
		      "\n"
		      "Called by systemd, see systemd.generator(7).  Writes units for the volumes in\n"
		      ERAD_TAB " into DIRECTORY.\n", stderr);
		return EXIT_USAGE;
	}
	/*
	 * systemd does not read the standard error of generators, so write messages to the kernel's
	 * log.
	 */
	if (getenv("SYSTEMD_SCOPE")) {
		kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (kmsg >= 0) {
			dup2(kmsg, STDERR_FILENO);
			close(kmsg);
		}
	}
	if (eratab_read(ERAD_TAB, &tab, &err)) {
		log_to_kernel("%s", err.msg);
		return EXIT_FAILURE;
	}
	generate_all(argv[1], &tab);
	eratab_free(&tab);
	return troubled ? EXIT_FAILURE : EXIT_SUCCESS;
}
