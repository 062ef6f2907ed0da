/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Draws a map as text, JSON or SVG. */
#ifndef ERACTL_MAP_DRAW_H
#define ERACTL_MAP_DRAW_H

#include <stdio.h>

#include "store/map.h"

enum map_colour { MAP_PLAIN, MAP_256, MAP_TRUE };

/*
 * These print the map, to stdout or to the stream f.  After the call, ferror(3) says whether a
 * write to the stream has failed.
 */
void map_print(const struct map *m, enum map_colour colour);
void map_print_json(const struct map *m);
void map_print_svg(const struct map *m, FILE *f);

#endif /* ERACTL_MAP_DRAW_H */
