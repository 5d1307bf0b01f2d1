# SPDX-License-Identifier: GPL-3.0-or-later
# conclave's one Makefile, non-recursive. `make help` lists the targets, V=1 shows the commands.
#
# Sources are found by folder. Each variant (release, asan, tsan, ...) is the same set of rules over its own folder
# build/<variant>/; only the release variant puts its programs directly into build/. Every target first installs
# what is missing for it (deploy/deps.sh, Debian packages only).

PREFIX  ?= /usr/local
DESTDIR ?=
CFLAGS  ?= -O2 -g
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang

MAKEFLAGS += --no-builtin-rules
# Only the outermost make chooses (a -j on its command line wins); the inner ones share its jobs.
ifeq (0,$(MAKELEVEL))
MAKEFLAGS += -j2
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')
# For each of many files of a folder: one line for all of them. Whoever makes the folder's mark says it; the outermost make
# begins without marks.
say_folder = $(if $(V),,@mkdir -p build/said; ! mkdir build/said/$(subst /,-,$(2)) 2>/dev/null || printf '  %-8s %s\n' '$(1)' '$(2)')
$(if $(filter 0,$(MAKELEVEL)),$(shell rm -rf build/said))
# The value of a variable computed when it is first used: before that the tools may not be installed.
once = $(eval $(1) := $(2))$($(1))

# --- Sources -----------------------------------------------------------------------------------------------------

SERVER      := $(filter-out server/main.c,$(wildcard server/*.c server/*/*.c))
CLIENT      := $(filter-out %/main.c,$(wildcard tests/client/*.c))
NETWORK     := $(filter-out %/main.c,$(wildcard tests/network/*.c))
UNIT        := $(wildcard tests/unit/test_*.c)
INTEGRATION := $(wildcard tests/integration/test_*.c)
# The attacks use what the bench sends requests with.
WORLD       := $(filter-out $(INTEGRATION) %/main.c,$(wildcard tests/integration/*.c tests/torture/*.c tests/attack/*.c)) \
	tests/bench/driver.c tests/bench/prepared.c
DEMO        := $(wildcard tests/demo/*.c)
BENCH       := $(wildcard tests/bench/*.c)
FUZZ        := $(wildcard tests/fuzz/fuzz_*.c)
TORTURE     := tests/torture/main.c
ATTACK      := tests/attack/main.c
MIGRATIONS  := $(sort $(wildcard migrations/*.sql))
LATER       := $(patsubst tests/fixtures/migrations/%.sql,%,$(wildcard tests/fixtures/migrations/*.sql))
# names.sql first: what the others use as :name.
STATEMENTS  := server/store/names.sql $(filter-out %/names.sql,$(sort $(wildcard server/store/*.sql)))
LIBRARY     := $(SERVER) $(CLIENT) $(NETWORK) $(WORLD) $(MIGRATIONS) $(STATEMENTS)
C_FILES     := $(sort $(wildcard server/*.[ch] server/*/*.[ch] tests/*/*.[ch]))
# A program is built once its main file exists.
PROGRAMS := $(if $(wildcard server/main.c),conclave) $(if $(wildcard tests/client/main.c),conclave-client) \
	$(if $(wildcard tests/network/main.c),conclave-node)
TOOLS    := $(if $(DEMO),conclave-demo) $(if $(BENCH),conclave-bench) conclave-torture conclave-attack

# --- Flags (docs/contributing.md says which compiler takes what) ----------------------------------------------------

PACKAGES   = libmicrohttpd libsodium libpq libcrypto jansson inih libqrencode sqlite3 \
	$(if $(shell grep -ls '<magic\.h>' server/files/*.c),libmagic) \
	$(if $(shell grep -ls '<curl/curl\.h>' $(wildcard tests/*/*.c)),libcurl)
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell pkg-config --cflags $(PACKAGES) | sed 's/-I/-isystem /g'))
PKG_LIBS   = $(call once,PKG_LIBS,$(shell pkg-config --libs $(PACKAGES)) -lm)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wcast-qual -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wconversion -Wsign-conversion \
	-Wnull-dereference -Wswitch-enum -Wdouble-promotion -Wfloat-equal -Wimplicit-fallthrough \
	$(if $(WERROR),-Werror)
WARN_gcc := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wcast-align=strict \
	-Wformat-signedness -Wtrampolines -Wstack-usage=65536 -Walloc-zero -Warray-bounds=2 -Wstringop-overflow=4
WARN_clang := -Wcast-align -Wconditional-uninitialized -Wcomma -Wassign-enum -Wunreachable-code \
	-Wmissing-variable-declarations -Wextra-semi-stmt
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-common -fno-strict-overflow \
	$(if $(filter x86_64,$(shell uname -m)),-fcf-protection=full)
HARDEN_gcc := -ftrivial-auto-var-init=zero
LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
COMMON := -std=gnu17 -D_GNU_SOURCE -Iserver -Itests -pthread -MMD -MP

kind     = $(if $(findstring clang,$(1)),clang,gcc)
strict   = $(WARN) $(WARN_$(call kind,$(1))) $(HARDEN) $(HARDEN_$(call kind,$(1)))
sanitize = -Wall -Wextra -g -O1 -fno-omit-frame-pointer -fno-common -fPIE
comma   := ,
ASAN    := -fsanitize=address,undefined -fno-sanitize-recover=all
TSAN    := -fsanitize=thread

# --- Rules of one variant: $(1) name, $(2) compiler, $(3) compile flags, $(4) link flags, $(5) folder of programs ----

define variant
$(1).objects = $$(patsubst %.c,build/$(1)/%.o,$$(1))
$(1).link    = $$(Q)$(2) $(LDFLAGS) $(4) -pthread -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(PKG_LIBS)
$(1).own     := build/$(1)/libconclave.a
$(1).peers   := build/$(1)/libworld.a build/$(1)/libnetwork.a build/$(1)/libclient.a build/$(1)/libconclave.a

build/$(1)/flags: FORCE
	@mkdir -p $$(@D); echo '$(2) $(filter-out -Werror,$(3)) $(4)' | cmp -s - $$@ || echo '$(2) $(filter-out -Werror,$(3)) $(4)' >$$@
build/$(1)/%.o: %.c build/$(1)/flags | deps-build
	$$(call say_folder,CC,$$(@D))
	@mkdir -p $$(@D)
	$$(Q)$(2) $(COMMON) $(3) $$(PKG_CFLAGS) -c -o $$@ $$<
build/$(1)/migrations.o build/$(1)/statements.o: build/$(1)/%.o: build/%.c build/$(1)/flags | deps-build
	$$(Q)$(2) $(COMMON) $(3) $$(PKG_CFLAGS) -c -o $$@ $$<
build/$(1)/%-migrations.o: build/%-migrations.c build/$(1)/flags | deps-build
	$$(Q)$(2) $(COMMON) $(3) -c -o $$@ $$<

build/$(1)/libconclave.a: $$(call $(1).objects,$(SERVER)) build/$(1)/migrations.o build/$(1)/statements.o
build/$(1)/libclient.a: $$(call $(1).objects,$(CLIENT))
build/$(1)/libnetwork.a: $$(call $(1).objects,$(NETWORK))
build/$(1)/libworld.a: $$(call $(1).objects,$(WORLD))
build/$(1)/lib%.a: build/sources
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$(filter %.o,$$^)

$(5)/conclave: build/$(1)/server/main.o $$($(1).own)
$(5)/conclave-client: build/$(1)/tests/client/main.o build/$(1)/libclient.a build/$(1)/libconclave.a
$(5)/conclave-node: build/$(1)/tests/network/main.o build/$(1)/libnetwork.a build/$(1)/libclient.a \
	build/$(1)/libconclave.a
$(5)/conclave-demo: $$(call $(1).objects,$(DEMO)) $$($(1).peers)
$(5)/conclave-bench: $$(call $(1).objects,$(BENCH)) $$($(1).peers)
$(5)/conclave-torture: $$(call $(1).objects,$(TORTURE)) $$($(1).peers)
$(5)/conclave-attack: $$(call $(1).objects,$(ATTACK)) $$($(1).peers)
$(5)/conclave-%: build/$(1)/server/main.o build/$(1)/%-migrations.o $$($(1).own)
	$$(call say,LINK,$$@)
	$$($(1).link)
$(addprefix $(5)/,conclave conclave-client conclave-node conclave-demo conclave-bench conclave-torture \
	conclave-attack):
	$$(call say,LINK,$$@)
	$$($(1).link)
build/$(1)/tests/unit/test_%: build/$(1)/tests/unit/test_%.o $$($(1).peers)
	$$(call say_folder,LINK,$$(@D))
	$$($(1).link) -lcmocka
build/$(1)/tests/integration/test_%: build/$(1)/tests/integration/test_%.o $$($(1).peers)
	$$(call say_folder,LINK,$$(@D))
	$$($(1).link) -lcmocka
# A fuzzer's engine is replay.c, except where libFuzzer is linked in.
build/$(1)/tests/fuzz/fuzz_%: build/$(1)/tests/fuzz/fuzz_%.o build/$(1)/tests/fuzz/fuzz.o \
	$(if $(filter fuzz,$(1)),,build/$(1)/tests/fuzz/replay.o) build/$(1)/libconclave.a
	$$(call say_folder,LINK,$$(@D))
	$$($(1).link)

.PHONY: programs-$(1) units-$(1) tests-$(1) fuzzers-$(1)
programs-$(1): $(addprefix $(5)/,$(PROGRAMS))
units-$(1): programs-$(1) $(patsubst %.c,build/$(1)/%,$(UNIT))
fuzzers-$(1): $(patsubst %.c,build/$(1)/%,$(FUZZ))
tests-$(1): programs-$(1) fuzzers-$(1) $(addprefix $(5)/conclave-,$(LATER)) $(patsubst %.c,build/$(1)/%,$(UNIT) $(INTEGRATION))
-include $$(patsubst %.c,build/$(1)/%.d,$(filter %.c,$(C_FILES)))
endef

$(eval $(call variant,release,$(CC),$(CFLAGS) -D_FORTIFY_SOURCE=3 $(call strict,$(CC)),$(LINK),build))
$(eval $(call variant,clang,$(CLANG),-O2 -g -D_FORTIFY_SOURCE=3 $(call strict,clang),$(LINK),build/clang))
$(eval $(call variant,analyzer,gcc,-O1 -g -Wall -Wextra -fanalyzer $(if $(WERROR),-Werror),$(LINK),build/analyzer))
$(eval $(call variant,asan,$(CC),$(sanitize) $(ASAN),-pie $(ASAN),build/asan))
$(eval $(call variant,tsan,$(CC),$(sanitize) $(TSAN),-pie $(TSAN),build/tsan))
$(eval $(call variant,fuzz,$(CLANG),$(sanitize) $(subst address,fuzzer-no-link$(comma)address,$(ASAN)),-pie $(subst address,fuzzer$(comma)address,$(ASAN)),build/fuzz))
# With libraries of build/arm64-root, which tests/arm64/lane.sh makes; it tells pkg-config, too.
$(eval $(call variant,arm64,aarch64-linux-gnu-gcc --sysroot=$(CURDIR)/build/arm64-root,-O2 -g -D_FORTIFY_SOURCE=3 $(filter-out -fcf-protection%,$(call strict,gcc)),$(LINK),build/arm64))
$(eval $(call variant,coverage,gcc,-O0 -g --coverage,-pie --coverage,build/coverage))

# The list of sources: a library is made anew when a file appears or goes away.
build/sources: FORCE
	@mkdir -p build; echo '$(LIBRARY)' | cmp -s - $@ || echo '$(LIBRARY)' >$@
# Migrations as C arrays (server/store/migrations.h), so that the binary needs no files beside it. $(1): the files.
# "-- oldest program: any" becomes 0; a file without the line gets its own number.
define embed
	$(call say,EMBED,$@)
	@mkdir -p $(@D)
	@{ echo '#include "store/migrations.h"'; n=0; \
	for f in $(1); do n=$$((n + 1)); echo "static const unsigned char sql_$$n[] = {"; \
	    od -An -v -tu1 $$f | sed 's/[0-9][0-9]*/&,/g'; echo '};'; done; \
	echo 'const struct embedded_migration embedded_migrations[] = {'; n=0; \
	for f in $(1); do n=$$((n + 1)); \
	    oldest=$$(sed -n 's/^-- oldest program: \(any\|[0-9]*\)$$/\1/p' $$f | sed 's/any/0/; s/^0*\([0-9]\)/\1/'); \
	    echo "{$$n, \"$$(basename $$f .sql)\", sql_$$n, sizeof(sql_$$n), $${oldest:-$$n}},"; done; \
	echo '{0, 0, 0, 0, 0}};'; echo 'const size_t embedded_migrations_count = $(words $(1));'; } >$@
endef
build/migrations.c: $(MIGRATIONS) build/sources Makefile
	$(call embed,$(MIGRATIONS))
build/statements.c: server/store/embed.awk $(STATEMENTS) build/sources Makefile
	$(call say,EMBED,$@)
	@mkdir -p $(@D)
	@awk -f server/store/embed.awk $(STATEMENTS) >$@
# Programs of a later version, for tests: with one migration more, of the kind that its name says.
$(foreach l,$(LATER),$(eval build/$(l)-migrations.c: tests/fixtures/migrations/$(l).sql))
build/%-migrations.c: $(MIGRATIONS) build/sources Makefile
	$(call embed,$(MIGRATIONS) tests/fixtures/migrations/$*.sql)

# --- What people type ----------------------------------------------------------------------------------------------

.PHONY: FORCE all deps deps-build deps-run deps-test deps-lint deps-containers deps-arm64 \
	run test test-all test-compose demo lint lint-fast bench fuzz torture attack install help privacy coverage format format-check clean
FORCE:

all: programs-release ## build the programs into build/ (the default)

# A knob that is none (PORT=9000) would be accepted and ignored. These, and what the build takes, are all there is.
RUN_KNOBS   := LISTEN DATA URL ADMIN
BUILD_KNOBS := V CC CFLAGS LDFLAGS WERROR
ifneq (,$(filter run,$(MAKECMDGOALS)))
$(foreach v,$(.VARIABLES),$(if $(and $(filter command,$(firstword $(origin $(v)))),$(filter-out $(RUN_KNOBS) $(BUILD_KNOBS),$(v))),\
    $(error make run knows no $(v)=; it takes $(RUN_KNOBS:%=%=), and for the build $(BUILD_KNOBS:%=%=))))
endif

run: deps-run ## install what is missing, build, serve with a private database (LISTEN= DATA= URL= ADMIN=)
	$(Q)+$(MAKE) --no-print-directory all
	@LISTEN='$(LISTEN)' DATA='$(DATA)' URL='$(URL)' ADMIN='$(ADMIN)' exec deploy/run-local.sh

test: deps-test ## install what is missing, build with -Werror, unit, integration, fast lint, sanitizers
	@+MAKE='$(MAKE)' exec tests/run/test.sh short

test-all: deps-test deps-lint deps-containers deps-arm64 ## the tests at full length, and make lint
	@+MAKE='$(MAKE)' exec tests/run/test.sh full

test-compose: deps-build ## the compose file under Docker's own engine, in short (root; BASE=trixie)
	$(Q)+$(MAKE) --no-print-directory all
	@tests/containers/short.sh

demo: deps-test ## the whole path: three relays, a server, two accounts, a message and a file
	$(Q)+$(if $(DEMO),$(MAKE) --no-print-directory all build/conclave-demo,echo 'make demo: its program is not there yet (tests/demo/)'; exit 1)
	@exec build/conclave-demo

bench: deps-test ## measure against the cryptographic floor (ARGS="--only idle", ARGS=--growth; docs/performance.md)
	@deploy/deps.sh bench
	$(Q)+$(if $(BENCH),$(MAKE) --no-print-directory all build/conclave-bench,echo 'make bench: its program is not there yet (tests/bench/)'; exit 1)
	@exec build/conclave-bench $(ARGS)

lint: deps-lint ## fast lint, clang -Werror, clang-tidy, gcc -fanalyzer, cppcheck
	$(Q)+$(MAKE) --no-print-directory all
	@+MAKE='$(MAKE)' exec tests/run/lint.sh full

lint-fast: deps-test ## the lint of make test: layers, banned functions, docs against tables, format
	$(Q)+$(MAKE) --no-print-directory all
	@exec tests/run/lint.sh fast

fuzz: deps-test ## libFuzzer on every parser (FUZZ_SECONDS=10 each, FUZZ_SEED=1, FUZZERS="frame json"; installs clang)
	@deploy/deps.sh fuzz
	$(Q)+$(MAKE) --no-print-directory fuzzers-fuzz
	@V=1 exec tests/run/fuzz.sh libfuzzer build/fuzz $(or $(FUZZ_SECONDS),10) $(or $(FUZZ_SEED),1) $(FUZZERS)

torture: deps-test ## kill servers and PostgreSQL N times under load, and check the account (N= SEED= CLOCK=1 REPORT=)
	$(Q)+$(MAKE) --no-print-directory all build/conclave-torture
	@exec build/conclave-torture --kills $(or $(N),100) $(if $(SEED),--seed $(SEED)) $(if $(CLOCK),--clock) \
	    --report $(or $(REPORT),build/torture-report.md) --commit $$(git rev-parse --short HEAD 2>/dev/null || echo unknown)

attack: deps-test ## attack a server beside its members, and say what they feel (ARGS="--only C2 --seconds 30")
	$(Q)+$(MAKE) --no-print-directory all build/conclave-attack
	@exec build/conclave-attack $(ARGS)

privacy: ## write docs/privacy.md anew from the comments of the migrations
	@tests/lint/privacy.sh --write

coverage: deps-test ## which lines the unit tests reach, as text (installs gcovr)
	@deploy/deps.sh coverage
	$(Q)+$(MAKE) --no-print-directory tests-coverage
	@tests/run/programs.sh unit build/coverage $(patsubst %.c,build/coverage/%,$(UNIT))
	@gcovr --root . --filter server/ build/coverage

format: deps-test ## clang-format-14 all C files in place
	$(Q)clang-format-14 -i $(C_FILES)

format-check: deps-test ## complain about C files that clang-format would change
	@clang-format-14 --dry-run -Werror $(C_FILES)

deps: deps-run deps-test deps-lint ## install everything for running, testing and lint
deps-build deps-run deps-test deps-lint deps-containers deps-arm64: deps-%:
	@deploy/deps.sh $*
deps-run deps-test deps-lint: | deps-build
deps-test: | deps-run
deps-lint: | deps-test
deps-containers: | deps-test
deps-arm64: | deps-test

install: all ## install program, systemd unit and samples below $(DESTDIR)$(PREFIX), settings below $(DESTDIR)/etc
	install -D -m 0755 build/conclave $(DESTDIR)$(PREFIX)/bin/conclave
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/doc/conclave $(DESTDIR)/etc/conclave
	sed 's|@PREFIX@|$(PREFIX)|g' deploy/conclave.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/conclave.service
	install -m 0644 docs/*.md deploy/nginx.conf.sample deploy/conclave.conf.sample deploy/database.sql \
	    $(DESTDIR)$(PREFIX)/share/doc/conclave/
	test -e $(DESTDIR)/etc/conclave/conclave.conf || \
	    install -m 0644 deploy/conclave.conf.sample $(DESTDIR)/etc/conclave/conclave.conf

clean: ## remove build/ (a database under var/ stays)
	rm -rf build

help: ## this list
	@awk -v hide=' $(if $(DEMO),,demo) $(if $(BENCH),,bench) ' -F ':.*## ' \
	    '/^[a-z-]+:.*## / && !index(hide, " " $$1 " ") { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
