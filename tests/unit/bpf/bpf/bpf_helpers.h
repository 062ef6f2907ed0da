/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaces libbpf's header, so that a BPF program of bpf/ runs in a unit test. The test defines the
 * helpers that the program calls.
 */
#ifndef ERAD_TEST_BPF_HELPERS_H
#define ERAD_TEST_BPF_HELPERS_H

#include <linux/types.h>

#define SEC(name)
#define __uint(name, value)	int (*name)[value]
#define __type(name, value)	typeof(value) *name
#define __array(name, value)	typeof(value) *name[]
/* An attribute that compilers know only when they compile for BPF. */
#define preserve_access_index

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_probe_read_kernel_str(void *dst, __u32 size, const void *unsafe);

/* The program under test. */
struct bpf_raw_tracepoint_args;
int on_recorded(struct bpf_raw_tracepoint_args *ctx);

#endif /* ERAD_TEST_BPF_HELPERS_H */
