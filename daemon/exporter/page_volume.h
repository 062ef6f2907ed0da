/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section of one volume in the status page: facts, map, writers and gaps. */
#ifndef EXPORTER_PAGE_VOLUME_H
#define EXPORTER_PAGE_VOLUME_H

#include "exporter/page.h"

/*
 * Writes the section of a volume.  number: index of the volume, for the id of the section.  status:
 * the volume's STATUS, see common/protocol.h.
 */
void page_volume(FILE *f, const struct page *p, size_t number, struct json_object *status);

#endif /* EXPORTER_PAGE_VOLUME_H */
