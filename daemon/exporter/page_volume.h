/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section of one volume in the page for people: facts, map, writers and gaps. */
#ifndef EXPORTER_PAGE_VOLUME_H
#define EXPORTER_PAGE_VOLUME_H

#include "exporter/page.h"

/* number: of the volume's row, which names the section.  status: STATUS of common/protocol.h. */
void page_volume(FILE *f, const struct page *p, size_t number, struct json_object *status);

#endif /* EXPORTER_PAGE_VOLUME_H */
