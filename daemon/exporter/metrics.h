/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes erad's answers as metrics in Prometheus' text format. */
#ifndef EXPORTER_METRICS_H
#define EXPORTER_METRICS_H

#include <json-c/json.h>
#include <stdio.h>

#include "common/err.h"

#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

/*
 * Checks the answer to a status request: it must be a list of volumes with different names.
 * Returns EBADMSG if it is not, or ENOMEM.
 */
int metrics_check(struct json_object *status, struct err *err);

/*
 * Writes the metrics of the answers to ping and status.  Both stay the caller's.  A metric is left
 * out if its value is missing or impossible.  status must have passed metrics_check(), or is NULL
 * if erad has not answered.  ping NULL: erad's version is not known.
 */
void metrics_print(FILE *f, struct json_object *ping, struct json_object *status);

#endif /* EXPORTER_METRICS_H */
