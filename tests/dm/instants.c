// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares the BPF mirror of a volume with its metadata at many moments.  Fails if the mirror
 * contains a block that the metadata does not contain.
 *
 * usage: instants NAME METADATA PIDFILE COUNT
 *
 * At each of these moments, erad is stopped or dead.  So the mirror and the metadata cannot change
 * during the comparison.  Other processes kill erad and begin eras.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"
#include "erad_maps.h"
#include "store/store.h"

static const char *name, *metadata, *pid_file;
static unsigned long alive, dead, between, marked;

static void nap_us(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

/* ---- the metadata at one of the moments ---- */

struct copy {
	struct engine e;
	uint8_t *bytes;
};

static int copy_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	memcpy(buf, ((struct copy *)e)->bytes + off, len);
	return 0;
}

static void copy_destroy(struct engine *e)
{
	free(((struct copy *)e)->bytes);
	free(e);
}

static const struct engine_ops copy_ops = { .read = copy_read, .destroy = copy_destroy };

static struct engine *copy_metadata(void)
{
	struct copy *c = calloc(1, sizeof(*c));
	int fd = open(metadata, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (!c || size < 0)
		FAIL("%s: %m", metadata);
	c->e.ops = &copy_ops;
	c->e.size = size;
	snprintf(c->e.name, sizeof(c->e.name), "%s", metadata);
	c->bytes = malloc(size);
	if (!c->bytes)
		FAIL("no memory");
	EXPECT(pread(fd, c->bytes, size, 0), size);
	close(fd);
	return &c->e;
}

/* ---- the mirror ---- */

struct mirror {
	struct erad_map_info info;
	struct erad_map_word *words;
	uint32_t nr;
};

/* Opens a pin.  Returns -1 if the pin does not exist. */
static int open_pin(const char *pin)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", ERAD_MAPS_DIR, name, pin);
	return bpf_obj_get(path);
}

/*
 * Reads the mirror.  Returns false if there is no mirror, or if the pinned writeset is not the map
 * that `info` names.
 */
static bool read_mirror(struct mirror *m)
{
	struct bpf_map_info map = { 0 };
	uint32_t key = 0, len = sizeof(map);
	int info = open_pin("info"), writeset = open_pin("writeset");
	bool there = info >= 0 && writeset >= 0;

	memset(m, 0, sizeof(*m));
	if (there) {
		if (bpf_map_lookup_elem(info, &key, &m->info) || bpf_obj_get_info_by_fd(writeset, &map, &len))
			FAIL("cannot read the pins: %m");
		EXPECT(m->info.shift, 0);
		/*
		 * Skip this moment: the era is changing.  A reader would notice this by an odd seq,
		 * and would read again.
		 */
		if (map.id != m->info.writeset_id)
			there = false;
	}
	if (there) {
		size_t size = map.max_entries * sizeof(*m->words);
		void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, writeset, 0);

		m->nr = map.max_entries;
		m->words = malloc(size);
		if (p == MAP_FAILED || !m->words)
			FAIL("cannot map the writeset: %m");
		memcpy(m->words, p, size);
		munmap(p, size);
	}
	if (info >= 0)
		close(info);
	if (writeset >= 0)
		close(writeset);
	return there;
}

static int take_off(void *ctx, uint64_t first, uint64_t len)
{
	struct mirror *m = ctx;

	for (uint64_t b = first; b < first + len; b++)
		m->words[b / 64].blocks &= ~(1ull << b % 64);
	return 0;
}

/*
 * Checks that each block in the mirror is in the metadata, in the mirror's era.  Frees the mirror
 * and the copy.
 */
static void compare(struct mirror *m, struct engine *copy)
{
	struct store *s;
	struct err err;

	for (uint32_t i = 0; i < m->nr; i++)
		marked += __builtin_popcountll(m->words[i].blocks);
	if (store_open(copy, STORE_READ, &s, &err))
		FAIL("%s", err.msg);
	if (store_diff(s, m->info.era, take_off, m, &err))
		FAIL("mirror of era %u: %s", m->info.era, err.msg);
	for (uint32_t i = 0; i < m->nr; i++)
		if (m->words[i].blocks)
			FAIL("era %u: block %llu is in the mirror and not in the metadata", m->info.era,
			     i * 64ull + __builtin_ctzll(m->words[i].blocks));
	store_close(s, false, NULL);
	free(m->words);
}

/* ---- erad ---- */

/* Returns the state of a thread, or 0 if the thread has ended. */
static char state_of(pid_t pid, const char *tid)
{
	char path[288], line[512], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	line[n] = 0;
	end = strrchr(line, ')');
	return end ? end[2] : 0;
}

enum life { RUNNING, STOPPED, DEAD };

static enum life life_of(pid_t pid)
{
	enum life life = DEAD;
	struct dirent *d;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return DEAD;
	while ((d = readdir(dir))) {
		char state = *d->d_name == '.' ? 'Z' : state_of(pid, d->d_name);

		if (state == 'T' && life == DEAD)
			life = STOPPED;
		else if (state && !strchr("TZX", state))
			life = RUNNING;
	}
	closedir(dir);
	return life;
}

static pid_t pid_of_erad(void)
{
	FILE *f = fopen(pid_file, "re");
	pid_t pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

int main(int argc, char **argv)
{
	unsigned long count, tries = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: instants NAME METADATA PIDFILE COUNT\n");
		return 2;
	}
	name = argv[1];
	metadata = argv[2];
	pid_file = argv[3];
	count = strtoul(argv[4], NULL, 10);
	while (alive + dead < count) {
		pid_t pid = pid_of_erad();
		struct mirror m;
		struct engine *copy;
		enum life life;
		bool there;

		nap_us(1000 + ++tries * 7919 % 20000);
		if (!pid)	/* the pid file is being written, so try again */
			continue;
		kill(pid, SIGSTOP);
		while ((life = life_of(pid)) == RUNNING)
			nap_us(500);
		there = read_mirror(&m);
		copy = copy_metadata();
		if (life == STOPPED)
			kill(pid, SIGCONT);
		if (pid_of_erad() != pid) {	/* the next erad runs already, so try again */
			engine_destroy(copy);
			free(m.words);
		} else if (!there) {
			engine_destroy(copy);
			between++;
		} else {
			compare(&m, copy);
			if (life == STOPPED)
				alive++;
			else
				dead++;
		}
	}
	printf("%lu instants of a living erad, %lu of a dead one, %lu between two writesets; %lu blocks compared\n", alive,
	       dead, between, marked);
	return 0;
}
