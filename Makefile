# Satchel: one Makefile, no recursion.
#   make deps          install what building and testing need (apt on Debian and Ubuntu, dnf on Fedora)
#   make build-deps    install what building needs
#   make               build the three programs into build/
#   make demo          carry a real tree across, command by command, in ./demo (DEMO_CONTENT=DIR, DEMO=DIR)
#   make check         all tests; ends with `N passed, N failed, N skipped`
#   make check-long    the long sweeps
#   make bench         speed, against what people would use instead (tests/bench/bench.py says how; takes an hour)
#   make fuzz          every fuzz target for FUZZ_SECONDS (60), or one: FUZZ=NAME; needs clang
#   make coverage      what tests and corpora reach, line by line: build-cov/coverage.html
#   make mutants       a build for each of nearly 200 checks, without it: a test must fail
#   make install       PREFIX (/usr/local), DESTDIR
#   make clean
# For developers: V=1 (show commands), BUILD=DIR, SANITIZE=address|thread, WERROR=1, CC=clang, CFLAGS, TESTS='pattern ...' for check.

BUILD ?= build
PREFIX ?= /usr/local
VERSION := 0.1.0
PKGS := libarchive libcrypto yaml-0.1 libzstd jansson libseccomp

CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSATCHEL_VERSION='"$(VERSION)"' -I. \
	-Wall -Wextra -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 \
	-pthread -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections $(if $(WERROR),-Werror) \
	$(shell pkg-config --cflags $(PKGS)) $(CFLAGS) $(SANITIZE_CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,--as-needed,-z,relro,-z,now,--gc-sections $(LDFLAGS) $(SANITIZE_FLAGS)
LIBS = $(COUNTERS) $(shell pkg-config --libs $(PKGS)) -lm
comma := ,
Q := $(if $(V),,@)
ifdef SANITIZE
SANITIZE_FLAGS := -fsanitize=$(SANITIZE)$(if $(findstring address,$(SANITIZE)),$(comma)undefined)
SANITIZE_CFLAGS := $(SANITIZE_FLAGS) -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
else ifdef COVERAGE
# Counters are shared with child processes (tests/coverage/share.c), so gcov's own way with fork and exec must stay out.
SANITIZE_FLAGS := --coverage -Wl,-T,tests/coverage/share.ld
SANITIZE_CFLAGS := --coverage -O0 $(addprefix -fno-builtin-,fork execl execlp execle execv execvp execve)
COUNTERS := $(BUILD)/tests/coverage/share.o
else
SANITIZE_CFLAGS := -D_FORTIFY_SOURCE=2
endif

FOLDERS := lib manifests export verify import
PROGRAMS := $(addprefix $(BUILD)/,satchel-export satchel-import satchel-verify)
objects_of = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(1)/main.c,$(wildcard $(1)/*.c)))

all: $(PROGRAMS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)[ -n '$(V)' ] || echo '  CC $<'
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define archive
$(BUILD)/$(1).a: $(call objects_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$(f))))

$(BUILD)/satchel-export: $(BUILD)/export/main.o $(BUILD)/export.a $(BUILD)/manifests.a $(BUILD)/lib.a
$(BUILD)/satchel-verify: $(BUILD)/verify/main.o $(BUILD)/verify.a $(BUILD)/manifests.a $(BUILD)/lib.a
$(BUILD)/satchel-import: $(BUILD)/import/main.o $(BUILD)/import.a $(BUILD)/verify.a $(BUILD)/manifests.a $(BUILD)/lib.a
$(PROGRAMS):
	$(Q)[ -n '$(V)' ] || echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Unit tests: tests/unit/FOLDER_FILE.c is a program, linked with FOLDER and what stands below it. Other files there are
# helpers, linked into those above manifests.
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(foreach f,$(FOLDERS),$(wildcard tests/unit/$(f)_*.c)))
UNIT_HELPERS := $(filter-out $(addsuffix .o,$(UNITS)),$(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*.c)))
archives_lib := lib
archives_manifests := manifests lib
archives_export := export manifests lib
archives_verify := verify manifests lib
archives_import := import verify export manifests lib
folder_of = $(firstword $(subst _, ,$(1)))
unit_needs = $(if $(filter lib manifests,$(call folder_of,$(1))),,$(UNIT_HELPERS)) \
	$(patsubst %,$(BUILD)/%.a,$(archives_$(call folder_of,$(1))))
.SECONDEXPANSION:
$(UNITS): $(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $$(call unit_needs,%)
	$(Q)[ -n '$(V)' ] || echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
units: $(UNITS)

# Small programs that tests use: tests/tools/NAME.c
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(filter-out %/lying_reader.c,$(wildcard tests/tools/*.c)))
$(TOOLS): $(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(UNIT_HELPERS) $(patsubst %,$(BUILD)/%.a,$(archives_import))
	$(Q)[ -n '$(V)' ] || echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS) -lcmocka
# A file system with faults.
$(BUILD)/tests/tools/badfs.o: ALL_CFLAGS += $(subst -I,-isystem ,$(shell pkg-config --cflags fuse3))
$(BUILD)/tests/tools/badfs: LIBS += $(shell pkg-config --libs fuse3)
# satchel-import and satchel-verify, whose reader process lies.
LIARS := $(addprefix $(BUILD)/tests/tools/lying_,import verify)
$(LIARS): $(BUILD)/tests/tools/lying_%: $(BUILD)/%/main.o $(BUILD)/tests/tools/lying_reader.o $(patsubst %,$(BUILD)/%.a,$(archives_import))
	$(Q)[ -n '$(V)' ] || echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=serve_run -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)
# Libraries that stand before the others: clock, allocations, calls of parsers; calls that fail (tests/shim/NAME.c)
SHIMS := $(patsubst tests/shim/%.c,$(BUILD)/tests/tools/%.so,$(wildcard tests/shim/*.c))
$(SHIMS): $(BUILD)/tests/tools/%.so: tests/shim/%.c Makefile
	@mkdir -p $(@D)
	$(Q)[ -n '$(V)' ] || echo '  LD $@'
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra $(if $(WERROR),-Werror) $(if $(SANITIZE),-DSHIM_NO_MALLOC) -fPIC -shared -o $@ $< -ldl
tools: $(TOOLS) $(LIARS) $(SHIMS)

# Fuzz targets: tests/fuzz/NAME.c. `replays` links them with a main that runs files through them; with FUZZING=1 (what
# tests/fuzz/kit/fuzz.sh builds) libFuzzer is that main.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_KIT := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(if $(FUZZING),%/replay.c),$(wildcard tests/fuzz/kit/*.c)))
$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_KIT) $(patsubst %,$(BUILD)/%.a,$(archives_import))
	$(Q)[ -n '$(V)' ] || echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) $(if $(FUZZING),-fsanitize=fuzzer) -o $@ $^ $(LIBS)
replays: $(FUZZERS)
$(PROGRAMS) $(UNITS) $(TOOLS) $(LIARS) $(FUZZERS): | $(COUNTERS)
fuzz:
	tests/fuzz/kit/fuzz.sh $(BUILD)-fuzz $(or $(FUZZ_SECONDS),60) $(FUZZ)

# The tests run on three builds: as released, by clang, and under the address and undefined-behaviour sanitizers.
check:
	$(MAKE) --no-print-directory WERROR=1 all units tools replays
	$(MAKE) --no-print-directory WERROR=1 CC=clang BUILD=$(BUILD)-clang all units tools replays
	$(MAKE) --no-print-directory WERROR=1 SANITIZE=address BUILD=$(BUILD)-asan all units tools replays
	tests/run --bin $(BUILD) --clang $(BUILD)-clang --asan $(BUILD)-asan $(if $(CI),--minutes 31) $(TESTS)
# One check removed at a time: some test must notice (MUTANTS='pattern ...').
mutants:
	tests/mutants/run.py $(BUILD)-mutants '$(CC)' $(MUTANTS)
coverage:
	$(MAKE) --no-print-directory COVERAGE=1 BUILD=$(BUILD)-cov all units tools replays
	tests/coverage/coverage.sh $(BUILD)-cov $(TESTS)
check-long: all units tools
	tests/run --bin $(BUILD) --long $(TESTS)

bench: all $(BUILD)/tests/tools/limits
	SATCHEL_BIN=$(abspath $(BUILD)) tests/bench/bench.py

demo: all
	tests/demo.sh $(BUILD) $(or $(DEMO),demo) $(DEMO_CONTENT)

APT_BUILD := gcc libc6-dev make pkg-config libarchive-dev libssl-dev libyaml-dev libzstd-dev libjansson-dev libseccomp-dev scdoc
APT_TEST := libcmocka-dev clang libclang-rt-dev python3 python3-yaml e2fsprogs openssl zstd tar strace mandoc shellcheck \
	apt-utils gnupg nginx-light fusefat fuse3 libfuse3-dev dosfstools universal-ctags procps clamav-daemon clamdscan
DNF_BUILD := gcc make pkgconf-pkg-config libarchive-devel openssl-devel libyaml-devel libzstd-devel jansson-devel libseccomp-devel scdoc
DNF_TEST := libcmocka-devel clang compiler-rt libasan libubsan python3 python3-pyyaml e2fsprogs openssl zstd tar strace mandoc ShellCheck \
	gnupg2 nginx fuse3 fuse3-devel dosfstools ctags procps-ng
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
deps: APT_PACKAGES = $(APT_BUILD) $(APT_TEST)
deps: DNF_PACKAGES = $(DNF_BUILD) $(DNF_TEST)
build-deps: APT_PACKAGES = $(APT_BUILD)
build-deps: DNF_PACKAGES = $(DNF_BUILD)
deps build-deps:
	@if command -v apt-get >/dev/null; then \
		$(SUDO) apt-get update -q -o Acquire::Retries=5 && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y -o Acquire::Retries=5 -o DPkg::Lock::Timeout=600 --no-install-recommends $(APT_PACKAGES); \
	elif command -v dnf >/dev/null; then $(SUDO) dnf -y install $(DNF_PACKAGES); \
	else echo "make $@: neither apt-get nor dnf here; install by hand: $(DNF_PACKAGES)" >&2; exit 1; fi

MANUALS := $(wildcard export/*.scd verify/*.scd import/*.scd)
manuals: $(patsubst %.scd,$(BUILD)/man/%,$(notdir $(MANUALS)))
vpath %.scd export verify import
$(BUILD)/man/%: %.scd
	@mkdir -p $(@D)
	scdoc <$< >$@
install: all manuals
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/doc/satchel
	install -m 0755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 0644 $(BUILD)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 README.md LICENSE CHANGELOG.md manifests/FORMAT.md export/compromised-*.md $(DESTDIR)$(PREFIX)/share/doc/satchel

clean:
	rm -rf $(BUILD) $(BUILD)-clang $(BUILD)-asan $(BUILD)-fuzz $(BUILD)-cov $(BUILD)-mutants demo

.PHONY: all units tools replays fuzz coverage check check-long bench demo deps build-deps manuals install clean mutants
.PRECIOUS: $(BUILD)/%.o
-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')
