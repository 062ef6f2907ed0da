/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What erad answers, as metrics in Prometheus' text format. */
#ifndef EXPORTER_METRICS_H
#define EXPORTER_METRICS_H

#include <json-c/json.h>
#include <stdio.h>

#include "common/err.h"

#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

/*
 * Whether status, the result of a request for it, can be made metrics of: a list of
 * volumes, each with a name of its own.  EBADMSG if not, ENOMEM.
 */
int metrics_check(struct json_object *status, struct err *err);

/*
 * Writes the metrics of the results of ping and status, which stay the caller's.  What they do not
 * tell, or not as a value that it can have, is left out.  status, if not NULL, has passed
 * metrics_check().  NULL for status: erad has not answered; for ping: it has not
 * told its version.
 */
void metrics_print(FILE *f, struct json_object *ping, struct json_object *status);

#endif /* EXPORTER_METRICS_H */
