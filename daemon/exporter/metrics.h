/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes erad's answers as metrics in Prometheus' text format. */
#ifndef EXPORTER_METRICS_H
#define EXPORTER_METRICS_H

#include <json-c/json.h>
#include <stdio.h>

#include "common/err.h"

#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

/*
 * Checks the answer to a status request: a list of volumes with different names.  Returns 0,
 * EBADMSG if the answer has another form, or ENOMEM.
 */
int metrics_check(struct json_object *status, struct err *err);

/*
 * Writes the metrics from the answers to ping and status.  The caller keeps its references to both.
 * Leaves out a metric whose value is missing or impossible.  status: must have passed
 * metrics_check(); NULL: erad has not answered.  ping NULL: erad's version is not known.
 */
void metrics_print(FILE *f, struct json_object *ping, struct json_object *status);

/* Writes the lines HELP and TYPE of a metric. */
void metrics_print_family(FILE *f, const char *name, const char *type, const char *help);

/* Writes the value of a label, without the quotes around it. */
void metrics_print_label(FILE *f, const char *text);

#endif /* EXPORTER_METRICS_H */
