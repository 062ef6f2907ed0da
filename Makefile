# SPDX-License-Identifier: GPL-2.0-or-later
# The only way in: builds, tests, demonstrates and installs erad. `make help` lists what can be asked for.
#
# Everything that is made goes to build/.

VERSION	:= 0.1.0

##@ Knobs
# The lines that begin with ## are what `make help` prints.
## V=1                 show the commands
V	?= 0
## KERNELS="6.1 6.12"  Debian's kernel series to build the module for and to test on
KERNELS	?= 6.1 6.12
## KDIR=DIR            build the module for that kernel build directory instead
KDIR	?=
## CC=gcc              compiler for user space; clang will do
CC	:= $(if $(filter default,$(origin CC)),gcc,$(CC))
## CFLAGS="-O2 -g"     for user space, with the warnings and hardening that are always on
CFLAGS	?= -O2 -g
## TESTS=PATTERN       run only the tests whose names match
TESTS	?=
## PREFIX=/usr/local   where to install, below DESTDIR
PREFIX	?= /usr/local
DESTDIR	?=
## BUILD=build         where user space is built
BUILD	?= build

SBINDIR		?= $(PREFIX)/sbin
UNITDIR		?= $(PREFIX)/lib/systemd/system
MANDIR		?= $(PREFIX)/share/man
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

PACKAGES_USED	:= libsystemd json-c smartcols blkid devmapper libisal
# Asked for when first needed, and only once, so that `make deps` works where they are missing.
PKG_CFLAGS	= $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES_USED)))$(PKG_CFLAGS)
PKG_LIBS	= $(eval PKG_LIBS := $$(shell pkg-config --libs $(PACKAGES_USED)))$(PKG_LIBS)

WARNINGS	:= -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow
ALL_CPPFLAGS	= -D_GNU_SOURCE -DERAD_VERSION='"$(VERSION)"' -Iinclude -Idaemon $(CPPFLAGS)
HARDENING	:= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
ALL_CFLAGS	= -std=gnu11 $(WARNINGS) $(HARDENING) -pthread $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS	= -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread $(LDFLAGS)

sources		= $(wildcard $(1:%=daemon/%/*.c))
objects		= $(patsubst %.c,$(BUILD)/obj/%.o,$(sources))
archives	:= $(foreach d,store common,$(if $(call sources,$d),$(BUILD)/obj/$d.a))
programs	:= $(foreach d,erad eractl,$(if $(call sources,$d),$(BUILD)/bin/$d))

# Changes when the compiler or its flags do, so that all is compiled again then.
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

$(programs): $(BUILD)/bin/%: $$(call objects,$$*) $(archives)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

-include $(patsubst %.o,%.d,$(foreach d,store common erad eractl,$(call objects,$d)))

# ---- unit tests: user space again, with sanitizers ---------------------------------------------------------------------

SANITIZE	:= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_CFLAGS	= -std=gnu11 $(WARNINGS) -O1 -g -pthread $(SANITIZE) $(PKG_CFLAGS)
unit_tests	:= $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
unit_helpers	:= $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
unit_sources	:= $(unit_helpers) $(call sources,store common)
unit_objects	:= $(patsubst %.c,$(BUILD)/unit/obj/%.o,$(unit_sources))

$(BUILD)/unit/obj/%.o: %.c $(flags_file)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(unit_tests): $(BUILD)/unit/%: $(BUILD)/unit/obj/tests/unit/%.o $(unit_objects)
	$(say) LD $@
	$(Q)$(CC) $(UNIT_CFLAGS) -Wl,--as-needed $(LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

.SECONDARY:
-include $(unit_objects:.o=.d) $(patsubst tests/unit/%.c,$(BUILD)/unit/obj/tests/unit/%.d,$(wildcard tests/unit/test_*.c))

# ---- kernel module ---------------------------------------------------------------------------------------------------

# Kbuild writes beside the sources, so it gets a directory of links to them. $(1): release, $(2): kernel build directory,
# $(3): further arguments.
define kbuild
	$(Q)mkdir -p build/kmod/$(1)/kmod build/kmod/$(1)/include
	$(Q)+flock build/kmod/$(1) sh -ec ' \
		find build/kmod/$(1) -type l -delete; \
		ln -s $(CURDIR)/include/*.h build/kmod/$(1)/include/; \
		ln -s $(CURDIR)/kmod/* build/kmod/$(1)/kmod/; \
		exec $(MAKE) -C $(2) M=$(CURDIR)/build/kmod/$(1)/kmod V=$(V) $(3) modules'
endef

.PHONY: $(KERNELS:%=kmod-%)
$(KERNELS:%=kmod-%): kmod-%: kernel-%
	$(eval release := $(shell readlink build/kernel/$* || echo $*))
	$(say) KBUILD $(release)
	$(call kbuild,$(release),$(CURDIR)/build/kernel/$(release)/lib/modules/$(release)/build,KCFLAGS=-Werror $(KARGS))

.PHONY: kmod-kdir
kmod-kdir:
	$(eval release := $(shell $(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease))
	$(if $(release),,$(error KDIR=$(KDIR) is not a kernel build directory))
	$(call kbuild,$(release),$(abspath $(KDIR)),$(KARGS))

# The kernels of the tests: unpacked below build/, never installed.
.PHONY: $(KERNELS:%=kernel-%)
$(KERNELS:%=kernel-%): kernel-%:
	$(Q)[ -e build/kernel/$*/.complete ] || tests/vm/kernel $* > /dev/null

##@ Targets
.PHONY: all
all: kmod daemon		## (default) the module for each of KERNELS, the daemon, the CLI

.PHONY: kmod
kmod: $(if $(KDIR),kmod-kdir,$(KERNELS:%=kmod-%))	## the kernel module only, build/kmod/RELEASE/kmod/dm-erad.ko

.PHONY: daemon
daemon: $(programs)		## build/bin/erad and build/bin/eractl

.PHONY: clean
clean:				## remove what was built, but keep the downloaded kernels
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
