// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints the gaps in the answer to a request: see gaps.h. */
#include <inttypes.h>

#include "common/members.h"
#include "eractl/eractl.h"
#include "eractl/gaps.h"

void gaps_complain(const char *volume, struct json_object *gaps, const char *meaning)
{
	const size_t nr = json_object_is_type(gaps, json_type_array) ? json_object_array_length(gaps) : 0;

	for (size_t i = 0; i < nr; i++) {
		struct json_object *g = json_object_array_get_idx(gaps, i);
		const char *kind = json_text(g, "kind"), *detail = json_text(g, "detail");
		uint64_t era;

		if (kind && detail && json_number(g, "era", &era))
			complain("volume %s: writes may have gone past erad in era %" PRIu64 " (%s: %s); %s", volume, era, kind,
				 detail, meaning);
	}
}
