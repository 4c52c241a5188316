# Satchel: one Makefile, no recursion.
#   make deps      install what is needed (apt on Debian and Ubuntu, dnf on Fedora)
#   make           build the three programs into build/
#   make check     run the tests
# Variables: BUILD (folder), SANITIZE=address|thread, WERROR=1, CC, PREFIX, DESTDIR.

BUILD ?= build
PREFIX ?= /usr/local
VERSION := 0.1.0
CC ?= cc
PKGS := libarchive libcrypto yaml-0.1 libzstd jansson

CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSATCHEL_VERSION='"$(VERSION)"' -I. \
	-Wall -Wextra -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 \
	-pthread -fPIE -fstack-protector-strong $(if $(WERROR),-Werror) $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(LDFLAGS)
ifdef SANITIZE
ALL_CFLAGS += -fsanitize=$(SANITIZE)$(if $(filter address,$(SANITIZE)),$(comma)undefined -fno-sanitize-recover=all) -fno-omit-frame-pointer -O1
ALL_LDFLAGS += -fsanitize=$(SANITIZE)$(if $(filter address,$(SANITIZE)),$(comma)undefined)
else
ALL_CFLAGS += -D_FORTIFY_SOURCE=2
endif
comma := ,

FOLDERS := lib manifests export verify import
PROGRAMS := $(BUILD)/satchel-export $(BUILD)/satchel-import $(BUILD)/satchel-verify
objects_of = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(1)/main.c,$(wildcard $(1)/*.c)))

all: $(PROGRAMS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define archive
$(BUILD)/$(1).a: $(call objects_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$(f))))

LIBS = $(shell pkg-config --libs $(PKGS)) -lm
$(BUILD)/satchel-export: $(BUILD)/export/main.o $(BUILD)/export.a $(BUILD)/manifests.a $(BUILD)/lib.a
$(BUILD)/satchel-verify: $(BUILD)/verify/main.o $(BUILD)/verify.a $(BUILD)/manifests.a $(BUILD)/lib.a
$(BUILD)/satchel-import: $(BUILD)/import/main.o $(BUILD)/import.a $(BUILD)/verify.a $(BUILD)/manifests.a $(BUILD)/lib.a
$(PROGRAMS):
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Unit tests: tests/unit/FOLDER_FILE.c, one program each, linked with what stands below its folder.
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*.c))
ARCHIVES = $(BUILD)/import.a $(BUILD)/verify.a $(BUILD)/export.a $(BUILD)/manifests.a $(BUILD)/lib.a
unit_archives = $(if $(filter lib_%,$(1)),$(BUILD)/lib.a,$(if $(filter manifests_%,$(1)),$(BUILD)/manifests.a $(BUILD)/lib.a,$(ARCHIVES)))
.SECONDEXPANSION:
$(UNITS): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $$(call unit_archives,%)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
units: $(UNITS)

clean:
	rm -rf $(BUILD)

.PHONY: all units clean
.PRECIOUS: $(BUILD)/%.o
-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')
