# SPDX-License-Identifier: GPL-2.0-or-later
# Builds, tests, demonstrates and installs erad. `make help` lists the targets and variables.
#
# All products go to build/.

VERSION	:= 0.1.0

##@ Knobs
# `make help` prints the lines that begin with ##.
## V=1                 show the commands
V	?= 0
## KERNELS="6.1 …"     the kernels to build the module for and to test on (6.1 6.12 newest): Debian's series, such as 6.1 or
##                     6.1-arm64; newest, the newest kernel of Debian's backports; or debug; see tests/vm/kernel
KERNELS	?= 6.1 6.12 newest
## ARM64_KERNELS="…"   the kernels of test-arm64: 6.1-arm64 newest-arm64-16k
ARM64_KERNELS ?= 6.1-arm64 newest-arm64-16k
## KDIR=DIR            build the module for the kernel of the build directory DIR, and not for KERNELS
KDIR	?=
## CC=gcc              compiler for user space; clang works, too
CC	:= $(if $(filter default,$(origin CC)),gcc,$(CC))
## CFLAGS="-O2 -g"     options for user space, in addition to the warnings and hardening that are always on
CFLAGS	?= -O2 -g
## TESTS=PATTERN       run only the tests whose names match
TESTS	?=
# seconds for which `make fuzz` runs each target
FUZZ_TIME ?= 60
## TARGET=PATTERN      fuzz only the targets whose names match
TARGET	?=
## BENCH=wall          measure on two devices of this machine, ORIGIN=DEVICE and METADATA=DEVICE, whose content is lost
BENCH	?=
ORIGIN	?=
METADATA ?=
## PREFIX=/usr/local   where to install, below DESTDIR
PREFIX	?= /usr/local
DESTDIR	?=
## BUILD=build         where user space is built
BUILD	?= build
## FAILPOINTS=1        for tests: build an erad that kills itself at points that a test chooses
FAILPOINTS	?=

## DEBDIR=build/deb     where `make deb` builds
DEBDIR	?= build/deb

SBINDIR		?= $(PREFIX)/sbin
LIBDIR		?= $(PREFIX)/lib
UNITDIR		?= $(LIBDIR)/systemd/system
COMPLETIONDIR	?= $(PREFIX)/share/bash-completion/completions
ZSHDIR		?= $(PREFIX)/share/zsh/site-functions
MANDIR		?= $(PREFIX)/share/man
INCLUDEDIR	?= $(PREFIX)/include
SHAREDIR	?= $(PREFIX)/share/erad
SRCDIR		?= $(PREFIX)/src/erad-$(VERSION)

ifeq ($(V),1)
Q	:=
say	= @:
else
Q	:= @
say	= @printf '  %-7s %s\n'
MAKEFLAGS += --no-print-directory
endif

.DELETE_ON_ERROR:
.SUFFIXES:

# ---- user space ------------------------------------------------------------------------------------------------------

PACKAGES_USED	:= libsystemd libgcrypt json-c smartcols blkid devmapper libisal expat libbpf libmicrohttpd
# Packages whose headers are used, and whose libraries a program loads when it needs them.
PACKAGES_LOADED	:= libnbd
# pkg-config runs when the variable is first used, and only once. So `make deps` works before the packages are installed.
PKG_CFLAGS	= $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES_USED) $(PACKAGES_LOADED)))$(PKG_CFLAGS)
# libaio has no file for pkg-config.
PKG_LIBS	= $(eval PKG_LIBS := $$(shell pkg-config --libs $(PACKAGES_USED)) -laio)$(PKG_LIBS)

WARNINGS	:= -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow
ALL_CPPFLAGS	= -D_GNU_SOURCE -DERAD_VERSION='"$(VERSION)"' -Iinclude -Idaemon -I$(BUILD)/bpf $(if $(FAILPOINTS),-DERAD_FAILPOINTS) $(CPPFLAGS)
HARDENING	:= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
ALL_CFLAGS	= -std=gnu11 $(WARNINGS) $(HARDENING) -pthread $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS	= -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread $(LDFLAGS)

sources		= $(wildcard $(1:%=daemon/%/*.c) $(1:%=daemon/%/*/*.c))
objects		= $(patsubst %.c,$(BUILD)/obj/%.o,$(sources))
archives	:= $(foreach d,store common,$(if $(call sources,$d),$(BUILD)/obj/$d.a))
program_dirs	:= erad eractl exporter generator udev
# A program has the name of its directory, except erad-exporter, erad-generator and erad-udev.
programs	:= $(foreach d,$(program_dirs),$(BUILD)/bin/$(if $(filter exporter generator udev,$d),erad-)$d)
program_dir	= $(patsubst erad-%,%,$(1))

# This file changes when the compiler or its flags change; then everything is compiled again.
flags_file	= $(BUILD)/obj/.flags
$(flags_file): FORCE
	@mkdir -p $(@D); new='$(subst ','\'',$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS))'; \
	[ "$$new" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$new" > $@

$(BUILD)/obj/%.o: %.c $(flags_file)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(archives): $(BUILD)/obj/%.a: $$(call objects,$$*)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(programs): $(BUILD)/bin/%: $$(call objects,$$(call program_dir,$$*)) $(archives)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# ---- BPF: x.bpf.c becomes x.skel.h, which the loader of x includes -----------------------------------------------------------

bpf_skeletons	:= $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))
# With -target bpf, clang does not find the C library's headers. $(CC), which may be a cross
# compiler, reports their directory.
BPF_CFLAGS	= -O2 -g -Wall -Werror -target bpf -ffile-prefix-map=$(CURDIR)=. -Iinclude -Ibpf -I$(filter-out /,$(shell $(CC) -print-sysroot 2> /dev/null))/usr/include/$(shell $(CC) -print-multiarch)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(flags_file)
	$(say) BPF $<
	@mkdir -p $(@D)
	$(Q)clang $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(bpf_skeletons): $(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(Q)PATH=$$PATH:/usr/sbin bpftool gen skeleton $< name $* > $@

# The objects of a file that includes a skeleton. The file is compiled for the daemon, for unit
# tests and for fuzz targets.
with_skeleton	= $(foreach d,obj unit/obj fuzz/obj,$(BUILD)/$d/daemon/erad/bpf/$(1).o)
$(call with_skeleton,mirror): $(BUILD)/bpf/maps.skel.h
$(call with_skeleton,events): $(BUILD)/bpf/trace.skel.h
$(call with_skeleton,writers): $(BUILD)/bpf/recorded.skel.h

# The example for other projects. It is not installed.
example		:= $(BUILD)/bpf/example
$(example): bpf/example.c $(BUILD)/bpf/example.skel.h $(flags_file)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(PKG_LIBS)

-include $(bpf_skeletons:.skel.h=.bpf.d) $(example).d
-include $(patsubst %.o,%.d,$(foreach d,store common $(program_dirs),$(call objects,$d)))

# ---- unit tests: user space compiled again, with sanitizers -------------------------------------------------------------

SANITIZE	:= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_CFLAGS	= -std=gnu11 $(WARNINGS) -O1 -g -pthread $(SANITIZE) $(PKG_CFLAGS)
unit_tests	:= $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
# The tests of the daemon's threads. They link a stand-in for the module instead of erad/module/control.c.
daemon_tests	:= $(addprefix $(BUILD)/unit/,test_volume test_volume_requests test_together test_ops test_ops_live test_ops_open test_witness)
daemon_sources	:= $(patsubst %,tests/unit/%_sim.c,instance target control writers) tests/unit/volume_fixture.c $(filter-out %/main.c %/control.c,$(call sources,erad))
# The tests of daemon/erad/device, common/blockdev.c and common/dev_links.c. They link stand-ins for sysfs, /proc and libdevmapper.
device_tests	:= $(addprefix $(BUILD)/unit/,test_blockdev test_dev_links test_devices test_dm test_exclusive test_identity)
device_sources	:= tests/unit/devices_sim.c tests/unit/dm_sim.c \
	$(patsubst %,daemon/erad/%.c,device/dm device/holders device/mounts device/probe device/stack base/log base/thread)
# The test of the processes that read origins. It links stand-ins for the functions that find and open an origin.
reader_test	:= $(BUILD)/unit/test_origin_reader
reader_sources	:= $(patsubst %,daemon/erad/%.c,device/origin_reader base/log base/thread)
reader_wraps	:= dm_node seal_open fsync fork write store_examine store_examine_held store_discard dm_remove dm_setup \
	$(patsubst %,dm_tables_%,state swap resume_old) place_peek fs_sync fs_swap_frozen fs_swap_together seen_read
# The test of hidden.c. It links stand-ins for udev and the clock.
hidden_test	:= $(BUILD)/unit/test_hidden
hidden_sources	:= $(patsubst %,daemon/erad/%.c,device/hidden base/log base/thread)
hidden_wraps	:= access stat usleep clock_gettime $(patsubst %,sd_device_%,new_from_devnum get_property_value unref)
# The test of the store of an image. It links stand-ins for the functions that look at block devices.
store_test	:= $(BUILD)/unit/test_store_examine
store_wraps	:= dm_node fstat ioctl probe_device probe_in_use loopdev_check_alone
device_wraps	:= fopen open reader_lock_owner opendir readlink access realpath stat statx statfs blkid_devno_to_wholedisk blkid_new_probe_from_filename \
	$(patsubst %,sd_device_%,new_from_devnum unref get_property_value get_devlink_first get_devlink_next) \
	dm_get_next_target dm_udev_wait_immediate dm_udev_complete usleep clock_gettime $(patsubst %,dm_task_%,create destroy set_name set_uuid add_target set_add_node \
	set_cookie set_ro run get_errno get_info get_uuid update_nodes)
# The tests of daemon/erad/ops need further stand-ins.
ops_tests	:= $(addprefix $(BUILD)/unit/,test_ops test_ops_live test_ops_open)
ops_sources	:= tests/unit/ops_fixture.c
ops_wraps	:= eratab_read stat lstat open fsync hidden_update seen_read origin_ask origin_count_read blockdev_attribute $(patsubst %,probe_%,device sector_size in_use user lasting apart) \
	$(patsubst %,dm_%,exists is_volume create remove load_size)
lock_wraps	:= mkdir open close fcntl blockdev_attribute blkid_devno_to_wholedisk file_lock_fd
below_wraps	:= nanosleep lvm_filter_has $(patsubst %,dm_tables_%,read load_linear) $(patsubst %,lvs_%,find free lock load clear swap)
# These tests fail if the heap is used in a place where it must not be used.
heap_tests	:= $(BUILD)/unit/test_pool $(daemon_tests)
heap_sources	:= tests/unit/heap.c
heap_wraps	:= malloc calloc realloc aligned_alloc strdup free
unit_helpers	:= $(filter-out tests/unit/test_% $(daemon_sources) $(ops_sources) $(device_sources) $(heap_sources),$(wildcard tests/unit/*.c))
unit_sources	:= $(unit_helpers) $(call sources,store common) $(addprefix daemon/exporter/,html.c metrics.c page.c page_volume.c) daemon/eractl/standing.c daemon/generator/unit_name.c
unit_object	= $(patsubst %.c,$(BUILD)/unit/obj/%.o,$(1))
unit_objects	:= $(call unit_object,$(unit_sources))

$(BUILD)/unit/obj/%.o: %.c $(flags_file)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit -Itests/fuzz $(OWN_CPPFLAGS) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(unit_tests): $(BUILD)/unit/%: $(BUILD)/unit/obj/tests/unit/%.o $(unit_objects)
	$(say) LD $@
	$(Q)$(CC) $(UNIT_CFLAGS) -Wl,--as-needed $(LDFLAGS) $(OWN_LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

$(daemon_tests): $(call unit_object,$(daemon_sources))
$(daemon_tests): OWN_LDFLAGS = -Wl,--wrap=poll,--wrap=thread_start_detached,--wrap=thread_usual,--wrap=seal_open,--wrap=dm_lives,--wrap=dm_node,--wrap=holders_have $(heap_wraps:%=-Wl,--wrap=%)
$(ops_tests): $(call unit_object,$(ops_sources))
$(ops_tests): OWN_LDFLAGS += $(ops_wraps:%=-Wl,--wrap=%)
$(heap_tests): $(call unit_object,$(heap_sources))
$(BUILD)/unit/test_file_lock: OWN_LDFLAGS := -Wl,--wrap=flock
$(BUILD)/unit/test_reader_lock: OWN_LDFLAGS := -Wl,--wrap=open,--wrap=mkdir
$(BUILD)/unit/test_below: OWN_LDFLAGS := $(below_wraps:%=-Wl,--wrap=%)
$(BUILD)/unit/test_device_lock: OWN_LDFLAGS := $(lock_wraps:%=-Wl,--wrap=%)
$(BUILD)/unit/test_dm_tables: OWN_LDFLAGS := -Wl,--wrap=open,--wrap=ioctl,--wrap=strdup
$(BUILD)/unit/test_lvm_filter: OWN_LDFLAGS := -Wl,--wrap=pread,--wrap=calloc,--wrap=realloc,--wrap=fopencookie
$(BUILD)/unit/test_lvs: OWN_LDFLAGS := -Wl,--wrap=dm_tables_load,--wrap=dm_tables_clear
$(BUILD)/unit/test_text_stream: OWN_LDFLAGS := -Wl,--wrap=realloc
$(BUILD)/unit/test_origin_count: OWN_LDFLAGS := -Wl,--wrap=blockdev_disk_attribute
$(BUILD)/unit/test_files: OWN_LDFLAGS := -Wl,--wrap=fsync
$(BUILD)/unit/test_pool: OWN_LDFLAGS := $(heap_wraps:%=-Wl,--wrap=%)
$(reader_test): $(call unit_object,$(reader_sources))
$(reader_test): OWN_LDFLAGS := $(reader_wraps:%=-Wl,--wrap=%)
$(BUILD)/unit/test_dm_child: $(call unit_object,daemon/erad/device/dm_child.c)
$(BUILD)/unit/test_dm_child: OWN_LDFLAGS := -Wl,--wrap=origin_ask,--wrap=origin_drop,--wrap=origin_store_key,--wrap=dm_tables_clear
$(hidden_test): $(call unit_object,$(hidden_sources))
$(hidden_test): OWN_LDFLAGS := $(hidden_wraps:%=-Wl,--wrap=%)
$(store_test): $(call unit_object,daemon/erad/device/store_examine.c)
$(store_test): OWN_LDFLAGS := $(store_wraps:%=-Wl,--wrap=%)
$(BUILD)/unit/test_loopdev: $(call unit_object,daemon/erad/device/loopdev.c)
$(device_tests): $(call unit_object,$(device_sources))
$(device_tests): OWN_LDFLAGS := $(device_wraps:%=-Wl,--wrap=%)
$(BUILD)/unit/test_blockdev: OWN_LDFLAGS += -Wl,--wrap=uname

# The test of kmod/writeset.c. It links stand-ins for the kernel functions that this file calls.
kernel_sources	:= tests/unit/kernel/kernel.c kmod/writeset.c
kernel_objects	:= $(call unit_object,$(kernel_sources) tests/unit/test_writeset.c)
$(kernel_objects): OWN_CPPFLAGS := -Itests/unit/kernel -Ikmod
$(BUILD)/unit/test_writeset: $(call unit_object,$(kernel_sources))

# The tests of a BPF program and of erad_bpf.h. They contain stand-ins for the kernel functions that
# BPF programs call.
bpf_objects	:= $(call unit_object,bpf/recorded.bpf.c tests/unit/test_recorded.c tests/unit/test_in_writeset.c)
$(bpf_objects): OWN_CPPFLAGS := -Itests/unit/bpf -Ibpf
$(BUILD)/unit/test_recorded: $(call unit_object,bpf/recorded.bpf.c)

# The tests about threads are also built with the thread sanitizer.
tsan_tests	:= test_pool test_threads test_volume test_volume_requests test_together

.SECONDARY:
-include $(unit_objects:.o=.d) $(kernel_objects:.o=.d) $(bpf_objects:.o=.d) $(patsubst %.o,%.d,$(call unit_object,$(sort $(daemon_sources) $(ops_sources) $(device_sources) $(heap_sources)))) $(patsubst tests/unit/%.c,$(BUILD)/unit/obj/tests/unit/%.d,$(wildcard tests/unit/test_*.c))

# ---- fuzz targets, built by clang with libFuzzer, sanitizers, and a profile of the lines that they reach ---------------------

FUZZ_FLAGS	:= -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_CFLAGS	= -std=gnu11 $(WARNINGS) -O1 -g -pthread $(FUZZ_FLAGS) -fprofile-instr-generate -fcoverage-mapping $(PKG_CFLAGS)
fuzz_targets	:= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_programs	:= $(fuzz_targets:%=$(BUILD)/fuzz/%)
fuzz_helpers	:= $(filter-out tests/fuzz/fuzz_% tests/fuzz/seeds.c,$(wildcard tests/fuzz/*.c))
fuzz_archives	:= $(foreach d,store common erad eractl,$(BUILD)/fuzz/obj/$d.a)
fuzz_object	= $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(1))

$(BUILD)/fuzz/obj/%.o: %.c $(flags_file)
	$(say) CLANG $<
	@mkdir -p $(@D)
	$(Q)clang $(ALL_CPPFLAGS) -Itests/fuzz $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

# A target links only the objects that it needs from the archive. It may have its own version of a
# function; then the object in the archive is not linked.
$(fuzz_archives): $(BUILD)/fuzz/obj/%.a: $$(call fuzz_object,$$(filter-out %/main.c,$$(call sources,$$*)))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(fuzz_programs): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(call fuzz_object,$(fuzz_helpers)) $(fuzz_archives)
	$(say) LD $@
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -Wl,--as-needed,--wrap=aligned_alloc,--wrap=free,--wrap=clock_gettime,--wrap=volume_check_compared -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(fuzz_archives) -Wl,--end-group $(PKG_LIBS)

$(BUILD)/fuzz/seeds: $(BUILD)/fuzz/obj/tests/fuzz/seeds.o $(call fuzz_object,$(fuzz_helpers)) $(fuzz_archives)
	$(say) LD $@
	$(Q)clang $(FUZZ_CFLAGS) -Wl,--as-needed -o $@ $(filter-out %/exercise.o %/picture.o %/pool.o,$^) $(PKG_LIBS)

-include $(patsubst %.c,$(BUILD)/fuzz/obj/%.d,$(wildcard tests/fuzz/*.c) $(call sources,store common erad eractl))

# ---- kernel module ---------------------------------------------------------------------------------------------------

# Kbuild writes its products beside the sources, so it gets a directory of links to the sources. $(1): release,
# $(2): kernel build directory, $(3): further arguments, $(4): prefix of the make command.
define kbuild
	$(Q)mkdir -p build/kmod/$(1)/kmod build/kmod/$(1)/include
	$(Q)+flock build/kmod/$(1) sh -ec ' \
		find build/kmod/$(1) -type l -delete; \
		ln -s $(CURDIR)/include/*.h build/kmod/$(1)/include/; \
		ln -s $(CURDIR)/kmod/* build/kmod/$(1)/kmod/; \
		exec $(4) $(MAKE) -C $(2) M=$(CURDIR)/build/kmod/$(1)/kmod $(if $(filter 1,$(V)),V=1) $(3) modules'
endef

.PHONY: $(KERNELS:%=kmod-%)
$(KERNELS:%=kmod-%): kmod-%: kernel-%
	$(eval release := $(shell readlink build/kernel/$* || echo $*))
	$(say) KBUILD $(release)
	$(call kbuild,$(release),$(CURDIR)/build/kernel/$(release)/lib/modules/$(release)/build,KCFLAGS=-Werror $(kargs_$*) $(KARGS),tests/vm/toolchain $(release))

# The debug kernel runs UBSAN only in files that request it with UBSAN_SANITIZE. The module for the
# debug kernel sets uninitialized variables to a pattern, so that tests notice if the module copies
# such a variable to user space. Debian's kernels set them to zero. With Debian's headers
# for arm64, Kbuild assumes that it runs on arm64, unless ARCH and CROSS_COMPILE say otherwise.
kargs_debug	:= UBSAN_SANITIZE=y KCFLAGS="-Werror -ftrivial-auto-var-init=pattern"
$(foreach k,$(KERNELS),$(if $(findstring -arm64,$k),$(eval kargs_$k := ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)))

# kmod-kdir needs the release that `uname -r` prints. With Debian's headers, `make kernelrelease`
# prints another release.
.PHONY: kmod-kdir
kmod-kdir:
	$(eval release := $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"$$/\1/p' "$(KDIR)/include/generated/utsrelease.h" 2> /dev/null))
	$(if $(release),,$(error KDIR=$(KDIR) is not the build directory or the headers of a kernel: it has no include/generated/utsrelease.h))
	$(call kbuild,$(release),$(abspath $(KDIR)),$(KARGS))

# The kernels of the tests are only unpacked below build/. They are not installed.
.PHONY: $(KERNELS:%=kernel-%)
$(KERNELS:%=kernel-%): kernel-%:
	$(Q)$(if $(filter debug,$*),,[ -e build/kernel/$*/.complete ] ||) tests/vm/kernel $* > /dev/null

# ---- programs that tests run in the VM ------------------------------------------------------------------------------------

# Each program is one file, or a file and the files in the directory of the same name.
test_programs	:= $(patsubst tests/dm/%.c,$(BUILD)/tests/%,$(wildcard tests/dm/*.c))

$(BUILD)/tests/%: tests/dm/%.c $$(wildcard tests/dm/$$*/*) $(flags_file) $(archives)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $(filter %.c %.a,$^) $(PKG_LIBS)

tool_programs	:= $(patsubst tests/tools/%.c,$(BUILD)/tests/%,$(wildcard tests/tools/*.c))
$(tool_programs): $(BUILD)/tests/%: tests/tools/%.c $(flags_file) $(archives)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $(filter %.c %.a,$^) $(PKG_LIBS)

-include $(test_programs:=.d) $(tool_programs:=.d)

# ---- user space for arm64, with Debian's packages for it, below build/arm64 ----------------------------------------------------

arm64_root	:= $(CURDIR)/build/arm64/root
arm64_lib	:= $(arm64_root)/usr/lib/aarch64-linux-gnu
arm64_make	= PKG_CONFIG_SYSROOT_DIR=$(arm64_root) PKG_CONFIG_LIBDIR=$(arm64_lib)/pkgconfig:$(arm64_root)/usr/share/pkgconfig \
	$(MAKE) CC="aarch64-linux-gnu-gcc --sysroot=$(arm64_root) -Wl,-rpath-link,$(arm64_lib)"

# ---- benchmarks ------------------------------------------------------------------------------------------------------

bench_programs	:= $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

$(BUILD)/bench/%: tests/bench/%.c $(flags_file) $(archives)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(filter %/store.a,$(archives)) \
		$(filter %/common.a,$(archives)) $(PKG_LIBS) $(OWN_LIBS)

$(BUILD)/bench/io: OWN_LIBS := -luring

-include $(bench_programs:=.d)

# The programs of tests/crash: the load, and the replayer of power cuts, which contains
# daemon/store.
crash_objects	= $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/crash/*.c))
crash_writer	= $(BUILD)/obj/tests/crash/writer.o
crash_programs	:= $(BUILD)/tests/crash/writer $(BUILD)/tests/crash/replay
$(crash_objects): ALL_CPPFLAGS += -Itests
$(BUILD)/tests/crash/writer: $(crash_writer)
$(BUILD)/tests/crash/replay: $(filter-out $(crash_writer),$(crash_objects)) $(archives)
$(crash_programs):
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

-include $(crash_objects:.o=.d)

# ---- installed files: SOURCE:DESTINATION:MODE; a mode that begins with t: replace the @NAMES@ in the file --------------------

man_pages	:= $(patsubst daemon/man/%.scd,$(BUILD)/man/%,$(wildcard daemon/man/*.scd))
$(BUILD)/man/%: daemon/man/%.scd
	$(say) SCDOC $@
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@

unit_files	:= $(wildcard $(foreach t,service socket target timer,daemon/systemd/*.$t))
generator	:= $(BUILD)/bin/erad-generator
udev_program	:= $(BUILD)/bin/erad-udev
udev_rules	:= $(wildcard daemon/systemd/*.rules)
monitoring	:= $(wildcard daemon/exporter/*.json daemon/exporter/*.yml)
installs	= \
	$(foreach f,$(filter-out $(generator) $(udev_program),$(programs)),$f:$(SBINDIR)/$(notdir $f):755) \
	$(generator):$(LIBDIR)/systemd/system-generators/$(notdir $(generator)):755 \
	$(udev_program):$(LIBDIR)/udev/$(notdir $(udev_program)):755 \
	$(foreach f,$(man_pages),$f:$(MANDIR)/man$(patsubst .%,%,$(suffix $f))/$(notdir $f):644) \
	$(foreach f,$(unit_files),$f:$(UNITDIR)/$(notdir $f):t644) \
	$(foreach f,$(udev_rules),$f:$(LIBDIR)/udev/rules.d/$(notdir $f):t644) \
	$(foreach f,$(wildcard daemon/systemd/*.catalog),$f:$(LIBDIR)/systemd/catalog/$(notdir $f):644) \
	$(foreach f,$(wildcard daemon/completion/*.bash),$f:$(COMPLETIONDIR)/$(basename $(notdir $f)):644) \
	$(foreach f,$(wildcard daemon/completion/*.zsh),$f:$(ZSHDIR)/_$(basename $(notdir $f)):644) \
	$(foreach f,$(wildcard kmod/Kbuild kmod/*.[ch] include/*.h),$f:$(SRCDIR)/$f:644) \
	$(foreach f,$(monitoring),$f:$(SHAREDIR)/$(notdir $f):644) \
	bpf/erad_bpf.h:$(INCLUDEDIR)/erad/erad_bpf.h:644 include/erad_maps.h:$(INCLUDEDIR)/erad/erad_maps.h:644 \
	$(foreach f,$(wildcard daemon/systemd/*.sysusers),$f:$(LIBDIR)/sysusers.d/$(notdir $(f:.sysusers=.conf)):644) \
	kmod/dkms.conf:$(SRCDIR)/dkms.conf:t644

##@ Targets
.PHONY: all
all: kmod daemon $(example)	## (default) the module for each of KERNELS, the daemon, the CLI, the exporter

.PHONY: kmod
kmod: $(if $(KDIR),kmod-kdir,$(KERNELS:%=kmod-%))	## the kernel module only, build/kmod/RELEASE/kmod/dm-erad.ko

.PHONY: daemon
daemon: $(programs)		## build/bin/erad, build/bin/eractl, build/bin/erad-exporter, build/bin/erad-generator and build/bin/erad-udev

.PHONY: man
man: $(man_pages)		## the manual pages, build/man/

.PHONY: deps
deps:				## install the Debian packages that the build needs
	$(Q)tests/deps

.PHONY: test-deps
test-deps:			## install also the packages that the tests need, and unpack the kernels of the tests below build/
	$(Q)tests/deps --test
	$(Q)for kernel in $(KERNELS); do tests/vm/kernel $$kernel > /dev/null || exit; done

# Recipes that need the packages of `make deps` run in a second make. The second make uses all
# processors unless -j is given.
parallel	= $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
.PHONY: test
test: test-deps			## lint, unit tests, tools, model, fuzzing and all tests in VMs, those about the module on each of KERNELS
	$(Q)+$(MAKE) $(parallel) for-tests unit-programs tsan-programs fuzz-programs
	$(Q)tests/run --kernels "$(KERNELS)" --part --match "$(TESTS)" lint unit tsan tools model fuzz dm parity-erad host

.PHONY: test-kernels
test-kernels:			## all tests in VMs, on each series of kernels since 6.1 that the mirror has with its headers
	$(Q)tests/deps --test
	$(Q)+kernels=$$(tests/vm/kernel every) && $(MAKE) $(parallel) for-tests KERNELS="$$kernels" && \
		tests/run --kernels "$$kernels" --match "$(TESTS)" dm parity-erad host

.PHONY: test-arm64
test-arm64:			## all dm tests on arm64, emulated: on 6.1, and on the newest kernel with pages of 16 KiB
	$(Q)tests/deps --arm64
	$(Q)+$(MAKE) $(parallel) for-tests-arm64 test-programs KERNELS="$(ARM64_KERNELS)"
	$(Q)tests/run --kernels "$(ARM64_KERNELS)" --match "$(TESTS)" dm

.PHONY: test-debug
test-debug:			## all dm tests and tests with failing allocations, on a kernel with KASAN, lockdep …; the first run builds the kernel, 15 min
	$(Q)tests/deps --debug
	$(Q)+$(MAKE) $(parallel) for-tests KERNELS=debug
	$(Q)tests/run --kernels debug --match "$(TESTS)" dm

.PHONY: test-parity
test-parity: test-deps		## compare dm-era and erad, for each fix in dm-era's history and each open fault, on each of KERNELS
	$(Q)+$(MAKE) $(parallel) for-tests unit-programs
	$(Q)tests/run --kernels "$(KERNELS)" --match "$(TESTS)" parity

.PHONY: test-long
test-long: test-deps			## tests that take too long for make test: test-parity, 100 random histories, 1000 closes, 500 swaps, 1000 instants of the mirror, 10000 rounds of dependent writes, and 500 images of three volumes on each of KERNELS
	$(Q)+$(MAKE) $(parallel) for-tests unit-programs
	$(Q)tests/run --kernels "$(KERNELS)" parity oracle gaps together

.PHONY: check
check:				## lint: both compilers, sparse, shellcheck, licences, installation
	$(Q)tests/run --kernels "$(KERNELS)" --match "$(TESTS)" lint

.PHONY: unit
unit: unit-programs		## build and run the unit tests with ASan and UBSan
	$(Q)tests/run --match "$(TESTS)" unit

.PHONY: tsan
tsan: tsan-programs		## build and run the unit tests of the threads with TSan
	$(Q)tests/run --match "$(TESTS)" tsan

.PHONY: coverage
coverage: test-deps		## show which lines and branches of daemon/ the unit tests, tools and all tests in VMs reach, build/coverage/
	$(Q)tests/coverage --kernels "$(KERNELS)" --match "$(TESTS)"

.PHONY: model
model:				## search the model of the protocol with spin, and check that spin finds deliberate errors in the model
	$(Q)tests/run --match "$(TESTS)" model

.PHONY: bench
bench: test-deps			## compare erad with dm-linear and dm-era in a VM whose clock counts instructions; measure large metadata
ifeq ($(BENCH),wall)
	$(Q)+$(MAKE) $(parallel) daemon
	$(Q)tests/bench/wall "$(ORIGIN)" "$(METADATA)" "$(TESTS)"
else
	$(Q)+$(MAKE) $(parallel) for-tests bench-programs KERNELS=$(firstword $(KERNELS))
	$(Q)$(BUILD)/bench/scale $(BUILD)/bench
	$(Q)tests/bench/run --kernel $(firstword $(KERNELS)) "$(TESTS)"
endif

.PHONY: bench-check
bench-check:				## fail if the last `make bench` was more than 3 % worse than tests/bench/results-*.json, or newly missed a goal
	$(Q)tests/bench/check $(wildcard tests/bench/results-*.json) $(BUILD)/bench.json

.PHONY: test-kill
test-kill: test-deps			## kill erad 500 times, at every point of its protocol, under a verifying load, on each of KERNELS
	$(Q)+$(MAKE) $(parallel) for-tests
	$(Q)tests/run --kernels "$(KERNELS)" kill

.PHONY: test-backup
test-backup:			## eractl send and receive with a real Ceph cluster on loopback; installs Ceph, 75 packages
	$(Q)tests/deps --backup
	$(Q)+$(MAKE) $(parallel) daemon test-programs
	$(Q)tests/run --match "$(TESTS)" backup

.PHONY: test-crash
test-crash: test-deps		## power cuts at thousands of moments of a load on each of KERNELS
	$(Q)+$(MAKE) $(parallel) for-tests
	$(Q)tests/crash/run --kernels "$(KERNELS)" --match "$(TESTS)"

.PHONY: fuzz
fuzz: fuzz-programs		## feed random input to the parsers of metadata, XML, eratab and requests for FUZZ_TIME; keep new inputs
	$(Q)tests/fuzz/run --time $(FUZZ_TIME) --keep "$(TARGET)"

.PHONY: fuzz-seeds
fuzz-seeds: $(BUILD)/fuzz/seeds	## make new seeds for the metadata targets, after a change of the format
	$(Q)LLVM_PROFILE_FILE=/dev/null $< tests/fuzz/corpus
	$(Q)tests/fuzz/dm_era_seeds tests/fuzz/corpus/dm_era

.PHONY: demo
# The demonstration needs the first kernel only, so test-deps does not unpack the others.
demo: override KERNELS := $(firstword $(KERNELS))
demo: test-deps			## incremental backups of a live volume, across a killed daemon and a power cut
	$(Q)+$(MAKE) $(parallel) for-tests KERNELS=$(KERNELS)
	$(Q)tests/demo/run $(KERNELS)

.PHONY: vm
vm:				## a shell in a VM with the module loaded and erad running
	$(Q)+$(MAKE) $(parallel) for-tests KERNELS=$(firstword $(KERNELS))
	$(Q)tests/vm/run --kernel $(firstword $(KERNELS)) --tty

.PHONY: for-tests for-tests-arm64 failpoints test-programs bench-programs unit-objects unit-programs tsan-programs fuzz-programs sparse stage
for-tests: all stage test-programs failpoints
# This target also builds the module for each of KERNELS.
for-tests-arm64: kmod
	$(Q)tests/vm/arm64-root > /dev/null
	$(Q)+$(arm64_make) BUILD=build/arm64 daemon test-programs
	$(Q)+$(arm64_make) BUILD=build/arm64/failpoints FAILPOINTS=1 build/arm64/failpoints/bin/erad
failpoints:
	$(Q)+$(MAKE) FAILPOINTS=1 BUILD=build/failpoints build/failpoints/bin/erad
test-programs: $(example) $(test_programs) $(tool_programs) $(crash_programs)
unit-objects: $(unit_objects) $(call unit_object,$(daemon_sources) $(heap_sources) $(kernel_sources)) $(bpf_objects) $(unit_tests:$(BUILD)/unit/%=$(BUILD)/unit/obj/tests/unit/%.o)
unit-objects: $(patsubst %.c,$(BUILD)/unit/obj/%.o,$(wildcard tests/fuzz/*.c))
unit-programs: $(unit_tests)
tsan-programs:
	$(Q)+$(MAKE) BUILD=build/tsan SANITIZE="-fsanitize=thread -fno-omit-frame-pointer" $(tsan_tests:%=build/tsan/unit/%)
# tests/sparse/endian.h defines the types with which sparse finds numbers of the metadata that are
# used without a conversion. sparse knows neither __has_include nor the long strings in the headers
# that bpftool makes.
sparse:
	$(Q)bad=0; for f in $$(grep -L 'skel\.h"' $(call sources,store common $(program_dirs))); do \
		sparse -Wsparse-error -Wno-non-pointer-null -D'__has_include(header)=1' -Itests/sparse $(ALL_CPPFLAGS) -std=gnu11 -pthread $(PKG_CFLAGS) $$f || bad=1; \
	done; exit $$bad
bench-programs: $(bench_programs)
fuzz-programs: $(fuzz_programs)
stage: daemon man
	$(Q)rm -rf build/stage
	$(Q)+$(MAKE) install DESTDIR=$(CURDIR)/build/stage PREFIX=/usr/local

.PHONY: checkpatch
checkpatch:			## the kernel's own style checker; downloads Debian's kernel source once, 140 MB
	$(Q)tests/checkpatch $(shell git ls-files '*.[ch]')

.PHONY: install
install: $(programs) $(man_pages)	## programs, units, manual pages, and the module's source for DKMS
	$(Q)set -e; for file in $(installs); do \
		IFS=:; set -- $$file; unset IFS; \
		case $$3 in \
		t*) mkdir -p "$(DESTDIR)$${2%/*}"; \
			sed 's|@SBINDIR@|$(SBINDIR)|g; s|@LIBDIR@|$(LIBDIR)|g; s|[@#]VERSION[@#]|$(VERSION)|g' "$$1" > "$(DESTDIR)$$2"; \
			chmod "$${3#t}" "$(DESTDIR)$$2" ;; \
		*) install -D -m "$$3" "$$1" "$(DESTDIR)$$2" ;; \
		esac; \
	done

.PHONY: uninstall
uninstall:			## remove the files that make install has installed
	$(Q)$(if $(DESTDIR),,sh daemon/debian/erad.prerm remove)
	$(Q)for file in $(installs); do IFS=:; set -- $$file; unset IFS; rm -f "$(DESTDIR)$$2"; done
	$(Q)for dir in $(SRCDIR)/kmod $(SRCDIR)/include $(SRCDIR) $(INCLUDEDIR)/erad $(SHAREDIR); do rmdir "$(DESTDIR)$$dir" 2> /dev/null || :; done
	@echo "Left, as install did not make them: /etc/eratab, /var/lib/erad with metadata, the group erad, links of"
	@echo "'systemctl enable' ('systemctl disable' removes them), and the module ('dkms remove erad/$(VERSION) --all')."

# dpkg-buildpackage needs debian/ at the root of the tree, so it gets a copy of the files in git.
# With VERSION=, tests/server builds later versions, too. With ABI=, it builds a version that does
# not work with the module of this version.
deb_tree	= $(DEBDIR)/erad-$(VERSION)
.PHONY: deb
deb:				## the Debian packages erad, erad-dkms, erad-exporter and erad-dev, build/deb/
	$(Q)tests/deps --deb
	$(Q)rm -rf $(DEBDIR) && mkdir -p $(deb_tree)
	$(Q)git ls-files -z --cached --others --exclude-standard | tar --null -T - -c | tar -x -C $(deb_tree)
	$(Q)mv $(deb_tree)/daemon/debian $(deb_tree)/debian
	$(Q)cd $(deb_tree) && sed -i 's/^VERSION	:= .*/VERSION	:= $(VERSION)/' Makefile && \
		sed -i 's/^MODULE_VERSION(.*/MODULE_VERSION("$(VERSION)");/' kmod/target.c && \
		sed -i '1s/(.*)/($(VERSION))/' debian/changelog $(if $(ABI),&& \
		sed -i 's/^\(#define ERAD_ABI\t*\).*/\1$(ABI)/' include/erad_uapi.h)
	$(Q)cd $(deb_tree) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES dpkg-buildpackage --build=binary --no-sign \
		-j$(shell nproc) > ../log 2>&1 || { tail -n 40 ../log >&2; exit 1; }
	$(Q)cd $(DEBDIR) && lintian --allow-root --fail-on error erad_$(VERSION)_*.changes
	$(Q)rm -r $(deb_tree)
	@printf '  %s\n' $(DEBDIR)/*.deb

.PHONY: test-server
test-server: test-deps		## install, upgrade under load and remove the packages on a Debian in a VM; takes long
	$(Q)tests/server/run

.PHONY: clean
clean:				## remove the build products, but keep the downloaded kernels
	$(Q)if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name kernel -exec rm -rf {} +; fi

.PHONY: distclean
distclean:			## remove build/
	$(Q)rm -rf build

.PHONY: help
help:				## this list
	@sed -n 's/^##@ \(.*\)/\n\1:/p; s/^## /  /p; s/^\([a-z-]*\):.*\t## \(.*\)/  \1\t\2/p' Makefile | expand -t 22

.PHONY: FORCE
FORCE:

.DEFAULT_GOAL := all
