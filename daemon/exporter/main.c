// SPDX-License-Identifier: GPL-2.0-or-later
/* erad-exporter: metrics of erad's volumes for Prometheus, over HTTP or in a file. */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/stdfds.h"
#include "exporter/backups.h"
#include "exporter/http.h"
#include "exporter/textfile.h"

#define EXIT_USAGE	2

struct options {
	const char *listen, *textfile;
	struct scrape_from from;
};

static void print_usage(FILE *f)
{
	fputs("usage: erad-exporter [--listen ADDRESS:PORT | --textfile FILE] [--socket PATH]\n"
	      "                     [--backups DIR]\n"
	      "\n"
	      "Serves metrics of erad's volumes for Prometheus over HTTP at /metrics, and a status\n"
	      "page at /.\n"
	      "\n"
	      "  -l, --listen ADDRESS:PORT  where to serve; default: at systemd's socket, or " HTTP_ADDRESS "\n"
	      "  -t, --textfile FILE        write the metrics into FILE, for node_exporter, and end\n"
	      "  -s, --socket PATH          where erad takes requests; default: " ERAD_SOCKET "\n"
	      "  -b, --backups DIR          where the reports of eractl backup are; default: " BACKUPS_DIR "\n"
	      "  -h, --help                 print this\n"
	      "  -V, --version              print the version\n", f);
}

/* Prints the error, and returns EXIT_FAILURE. */
static int print_error(const struct err *err)
{
	char what[sizeof(err->msg)];

	strcpy(what, err->msg);
	fprintf(stderr, "erad-exporter: %s\n", printable(what));
	return EXIT_FAILURE;
}

/* Parses the command line.  Exits after --help, --version and a wrong command line. */
static void parse_args(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "textfile", required_argument, NULL, 't' },
		{ "socket", required_argument, NULL, 's' },
		{ "backups", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "l:t:s:b:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
			o->listen = optarg;
			break;
		case 't':
			o->textfile = optarg;
			break;
		case 's':
			o->from.socket = optarg;
			break;
		case 'b':
			o->from.backups = optarg;
			break;
		case 'h':
			print_usage(stdout);
			exit(stdfds_end("erad-exporter"));
		case 'V':
			puts("erad-exporter " ERAD_VERSION);
			exit(stdfds_end("erad-exporter"));
		default:
			print_usage(stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "erad-exporter: got operand %s, expected none\n", argv[optind]);
		exit(EXIT_USAGE);
	}
	if (o->listen && o->textfile) {
		fputs("erad-exporter: got both --listen and --textfile, expected one\n", stderr);
		exit(EXIT_USAGE);
	}
}

/* Gets the socket from systemd, or makes one.  EINVAL: the command line is wrong. */
static int get_socket(const char *address, int *fd, struct err *err)
{
	const int nr = sd_listen_fds(1);

	if (nr <= 0)
		return http_listen(address ? address : HTTP_ADDRESS, fd, err);
	if (nr > 1)
		return err_set(err, -E2BIG, "got %d sockets from systemd, expected one", nr);
	if (address)
		return err_set(err, -EINVAL, "got both --listen and a socket from systemd, expected one: remove --listen from the service, or do not use erad-exporter.socket");
	if (sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
		return err_set(err, -ENOTSOCK, "file descriptor %d from systemd is not a TCP socket that listens", SD_LISTEN_FDS_START);
	*fd = SD_LISTEN_FDS_START;
	return 0;
}

/* Prints the address, because if the user has requested port 0, only the kernel knows the port. */
static void tell_address(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	char host[64], port[16];

	if (!getsockname(fd, (struct sockaddr *)&a, &len) &&
	    !getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port),
			 NI_NUMERICHOST | NI_NUMERICSERV))
		fprintf(stderr, "erad-exporter: serving at %s port %s\n", host, port);
}

static int serve_http(const struct options *o)
{
	struct err err;
	sigset_t set;
	int fd, r;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Block the signals before any thread is created, because threads inherit the mask. */
	sigprocmask(SIG_BLOCK, &set, NULL);

	r = get_socket(o->listen, &fd, &err);
	if (r) {
		print_error(&err);
		return r == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
	}
	r = http_start(fd, &o->from, &err);
	if (r) {
		close(fd);
		return print_error(&err);
	}
	tell_address(fd);
	sd_notify(0, "READY=1");
	while (sigwaitinfo(&set, NULL) < 0 && errno == EINTR)
		;
	sd_notify(0, "STOPPING=1");
	http_stop();
	return EXIT_SUCCESS;
}

static int write_textfile(const struct options *o)
{
	struct err down, err;
	const int r = textfile_write(o->textfile, &o->from, &down, &err);

	if (*down.msg)
		print_error(&down);
	return r ? print_error(&err) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = { .from = { ERAD_SOCKET, BACKUPS_DIR } };

	stdfds_open();
	parse_args(argc, argv, &o);
	return o.textfile ? write_textfile(&o) : serve_http(&o);
}
