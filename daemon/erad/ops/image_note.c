// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes the notes of images of several volumes: see image_note.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "erad/ops/image_note.h"

#define DIR_PATH	ERAD_RUN_DIR "/"

#define LINE_MAX_SIZE	(ERAD_NAME_MAX + sizeof(" 4294967295:4294967295\n"))

_Static_assert(ERAD_NAME_MAX == 100, "the width in parse() is right");
_Static_assert(sizeof(DIR_PATH "." IMAGE_NOTE_PREFIX) + IMAGE_NUMBER_SIZE <= FS_TOGETHER_NOTE, "the path of a note fits");

/* The notes that requests of this process have made and not ended. */
static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;
static struct image_note *made;

static int write_note(int fd, const struct image_noted *v, unsigned int nr)
{
	FILE *f = fdopen(dup(fd), "w");
	int r;

	if (!f)
		return -errno;
	fputs(FS_TOGETHER_NEW, f);
	for (unsigned int i = 0; i < nr; i++)
		fputc(FS_TOGETHER_FREE, f);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(f, "\n%s %u:%u", v[i].name, major(v[i].dev), minor(v[i].dev));
	fputc('\n', f);
	r = ferror(f) ? -EIO : 0;
	return fclose(f) ? -errno : r;
}

int image_note_make(struct image_note *n, const struct image_noted *v, unsigned int nr, struct err *err)
{
	char hidden[FS_TOGETHER_NOTE];
	int r = image_draw_number(n->number);

	if (r)
		return err_set(err, r, "cannot draw a random number: %s", strerror(-r));
	snprintf(n->path, sizeof(n->path), DIR_PATH IMAGE_NOTE_PREFIX "%s", n->number);
	/* Until the note is locked, it has a name that all other functions ignore. */
	snprintf(hidden, sizeof(hidden), DIR_PATH "." IMAGE_NOTE_PREFIX "%s", n->number);
	n->fd = open(hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (n->fd < 0)
		return err_set(err, -errno, "cannot make %s: %m", hidden);
	r = write_note(n->fd, v, nr);
	if (!r && (flock(n->fd, LOCK_SH | LOCK_NB) || rename(hidden, n->path)))
		r = -errno;
	if (!r) {
		pthread_mutex_lock(&made_lock);
		n->next = made;
		made = n;
		pthread_mutex_unlock(&made_lock);
		return 0;
	}
	unlink(hidden);
	close(n->fd);
	return err_set(err, r, "cannot write %s: %s", n->path, strerror(-r));
}

int image_note_open(struct image_note *n, const char *file, struct err *err)
{
	const size_t prefix = strlen(IMAGE_NOTE_PREFIX);

	if (strncmp(file, IMAGE_NOTE_PREFIX, prefix) || !image_is_number(file + prefix))
		return -ENOENT;
	snprintf(n->number, sizeof(n->number), "%s", file + prefix);
	snprintf(n->path, sizeof(n->path), DIR_PATH IMAGE_NOTE_PREFIX "%s", n->number);
	n->fd = open(n->path, O_RDWR | O_CLOEXEC);
	return n->fd < 0 ? err_set(err, -errno, "cannot open %s: %m", n->path) : 0;
}

/* Returns the number of volumes, or 0 if the text is not a complete note. */
static unsigned int parse(const char *text, struct image_noted v[FS_TOGETHER_MAX])
{
	static const char marks[] = { FS_TOGETHER_FREE, FS_TOGETHER_HELD, FS_TOGETHER_ENDED, 0 };
	const char *mark = text + FS_TOGETHER_MARKS, *at;
	const unsigned int nr = strlen(text) < FS_TOGETHER_MARKS ? 0 : strspn(mark, marks);

	if (!nr || nr > FS_TOGETHER_MAX || mark[nr] != '\n')
		return 0;
	at = mark + nr + 1;
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int ma, mi;
		int len = 0;

		v[i] = (struct image_noted){ .held = mark[i] == FS_TOGETHER_HELD, .ended = mark[i] == FS_TOGETHER_ENDED };
		if (sscanf(at, "%100s %u:%u%n", v[i].name, &ma, &mi, &len) != 3 || at[len] != '\n')
			return 0;
		v[i].dev = makedev(ma, mi);
		at += len + 1;
	}
	return *at ? 0 : nr;
}

int image_note_read(const struct image_note *n, struct image_noted v[FS_TOGETHER_MAX], struct err *err)
{
	char text[FS_TOGETHER_MARKS + FS_TOGETHER_MAX + 1 + FS_TOGETHER_MAX * LINE_MAX_SIZE + 1];
	const ssize_t len = pread(n->fd, text, sizeof(text) - 1, 0);
	unsigned int nr;

	if (len < 0)
		return err_set(err, -errno, "cannot read %s: %m", n->path);
	text[len] = 0;
	nr = parse(text, v);
	return nr ? (int)nr : err_set(err, -EBADMSG, "%s is damaged, so erad cannot undo what an interrupted 'eractl image create --together' has left; resume the devices that 'dmsetup info' shows as suspended, run 'eractl image drop' for the volumes, and remove the file",
				      n->path);
}

void image_note_ended(const struct image_note *n, unsigned int i)
{
	const char mark = FS_TOGETHER_ENDED;

	if (pwrite(n->fd, &mark, 1, FS_TOGETHER_MARKS + i) != 1)
		return;
}

void image_note_end(struct image_note *n, bool done)
{
	pthread_mutex_lock(&made_lock);
	for (struct image_note **p = &made; *p; p = &(*p)->next)
		if (*p == n) {
			*p = n->next;
			break;
		}
	pthread_mutex_unlock(&made_lock);
	if (done)
		unlink(n->path);
	close(n->fd);
}

void image_note_unlock_all(void)
{
	pthread_mutex_lock(&made_lock);
	for (struct image_note *n = made; n; n = n->next)
		flock(n->fd, LOCK_UN);
	pthread_mutex_unlock(&made_lock);
}

/* Returns a volume of the note that is not undone yet, or `volume`. */
static const char *find_left(const struct image_note *n, const struct image_noted *v, unsigned int nr, const char *volume)
{
	struct image image;

	for (unsigned int i = 0; i < nr; i++) {
		image_look(v[i].name, v[i].dev, &image);
		if (v[i].held || !strcmp(image.together, n->number))
			return v[i].name;
	}
	return volume;
}

static int refuse_noted(const struct image_note *n, const char *volume, bool in_use, struct err *err)
{
	struct image_noted v[FS_TOGETHER_MAX];
	int nr;

	if (in_use && !flock(n->fd, LOCK_EX | LOCK_NB))
		return 0;
	nr = image_note_read(n, v, err);
	for (int i = 0; i < nr; i++)
		if (!strcmp(v[i].name, volume) && !(in_use && v[i].ended))
			return err_set(err, -EBUSY, "an 'eractl image create --together' of this volume was interrupted, and volume %s is not undone yet; erad tries again every few seconds, and its log says why it cannot",
				       find_left(n, v, nr, volume));
	return nr < 0 ? nr : 0;
}

int image_note_refuse(const char *volume, bool in_use, struct err *err)
{
	DIR *dir = opendir(ERAD_RUN_DIR);
	const struct dirent *d;
	struct image_note n;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_set(err, -errno, "cannot read %s: %m", ERAD_RUN_DIR);
	while (!r && (d = readdir(dir))) {
		r = image_note_open(&n, d->d_name, err);
		if (r) {
			r = r == -ENOENT ? 0 : r;
			continue;
		}
		r = refuse_noted(&n, volume, in_use, err);
		close(n.fd);
	}
	closedir(dir);
	return r;
}
