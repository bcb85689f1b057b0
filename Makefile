# make help says what there is. Everything that is installed or built lies in build/.

PYTHON ?= python3
NAME = $(shell $(PYTHON) tests/interpreters/facts.py name)
TARGET = $(CURDIR)/build/target/$(NAME)
VENV = $(CURDIR)/build/venv/$(NAME)
# How many CPythons are tested at the same time.
JOBS ?= 2

# Where `make install` puts things; the module goes into the site-packages of SITE.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
SITE ?= $(PREFIX)/lib/python$(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_python_version())')/site-packages
DESTDIR ?=
DEB_PYTHON ?= /usr/bin/python3
GUIDED = $(TARGET)/guided/release/libcloudpickle.so
EMBED = $(CURDIR)/build/target/embed/release/libcloudpickle_embed.so
STATIC = $(TARGET)/static/libcloudpickle.a
INSTALL = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' SITE='$(SITE)' \
	PYTHON='$(PYTHON)' CORE='$(GUIDED)' EMBED='$(EMBED)' STATIC='$(STATIC)' packaging/install.sh

# What tries to break the library; how long each goes on that has no end of its own, and how many programs are compared.
CHECKS = memory callbacks references threads interpreters hostile io arguments sanitizers valgrind fuzz
SECONDS_EACH ?= 120
EXAMPLES ?= 2000
CALLS ?= 20000

.PHONY: check $(CHECKS:%=check-%) help demo test bench builds engines hosts lint docs header clean tools environment library guided embed static install \
	uninstall wheel deb packages-test

help:
	@echo "make demo   build; a C program pickles a closure, another process loads and runs it"
	@echo "make test   all tests, on PYTHON ($(PYTHON)) and on every other CPython found"
	@echo "make bench  time and memory beside cloudpickle and others; prints tables and writes docs/benchmarks.md. PARTS, QUICK=1"
	@echo "make engines  joblib, loky, dask, pyspark, ray with our module in cloudpickle's place; ENGINES names some of them"
	@echo "make check  all of: $(CHECKS:%=check-%); SECONDS_EACH=$(SECONDS_EACH) EXAMPLES=$(EXAMPLES) CALLS=$(CALLS)"
	@echo "make hosts  extension modules and programs in other runtimes run pickled functions; HOSTS names some of them"
	@echo "make install    libraries, header, pkg-config and CMake files, the Python module; PREFIX, DESTDIR, LIBDIR, SITE"
	@echo "make uninstall  takes away what make install put there, with the same variables"
	@echo "make wheel  a wheel of the Python module, with the header and the library inside, in build/dist/"
	@echo "make deb    Debian packages for Debian's own python3, in build/dist/"
	@echo "make guided the library that these and make bench take: built twice, guided by a profile of its work"
	@echo "make packages-test  what make install, wheel and deb make, each used where it was put, and taken away"
	@echo "make lint   rustfmt and clippy"
	@echo "make header write include/cloudpickle.h anew from src/capi, and docs/reference.md of it; make docs is the same"
	@echo "make clean  remove build/"

tools:
	@command -v cargo >/dev/null || .ci/need cargo cargo
	@command -v cc >/dev/null || .ci/need "a C compiler" gcc libc6-dev
	@command -v c++ >/dev/null || .ci/need "a C++ compiler" g++
	@command -v $(PYTHON) >/dev/null || .ci/need $(PYTHON) python3 python3-dev python3-venv

environment: tools
	@tests/interpreters/environment.sh $(PYTHON) $(VENV)

library: environment
	@PYO3_PYTHON=$(VENV)/plain/bin/python CARGO_TARGET_DIR=$(TARGET) cargo rustc --release --quiet --crate-type cdylib

# As it is installed, packaged and timed: built once more, with what it did at work in mind.
guided: environment
	@flags=$$(packaging/profile.sh $(VENV)/plain/bin/python $(TARGET)/counting) && PYO3_PYTHON=$(VENV)/plain/bin/python \
	  CARGO_TARGET_DIR=$(TARGET)/guided cargo rustc --release --quiet --crate-type cdylib -- $$flags

# For programs without a Python; it is one for all CPythons.
embed: tools
	@CARGO_TARGET_DIR=$(CURDIR)/build/target/embed cargo build --release --quiet -p cloudpickle-embed

# In a folder of its own, where it does not make cargo build the shared library anew.
static: environment
	@flags=$$(packaging/profile.sh $(VENV)/plain/bin/python $(TARGET)/counting) && PYO3_PYTHON=$(VENV)/plain/bin/python \
	  CARGO_TARGET_DIR=$(TARGET)/static CARGO_PROFILE_RELEASE_LTO=off \
	  cargo rustc --release --quiet --lib --crate-type staticlib -- $$flags
	@packaging/static.sh $(TARGET)/static/release/libcloudpickle.a $(STATIC)

install: guided embed static
	@$(INSTALL) install

uninstall:
	@$(INSTALL) uninstall

wheel: guided
	@PYTHON='$(PYTHON)' CORE='$(GUIDED)' TOOLS='$(CURDIR)/build/venv/wheel' packaging/wheel.sh build/dist

# Debian's packages are for Debian's python3.
deb: override PYTHON = $(DEB_PYTHON)
deb: guided embed static
	@PYTHON='$(PYTHON)' CORE='$(GUIDED)' EMBED='$(EMBED)' STATIC='$(STATIC)' packaging/deb.sh build/dist

# What is installed works where it was put.
packages-test: guided embed
	@printf '%s\0' tests/packages/test_*.sh | PYTHON='$(PYTHON)' DEB_PYTHON='$(DEB_PYTHON)' xargs -0 -n 1 -P $(JOBS) bash

demo: library
	@PYTHON=$(PYTHON) VENV=$(VENV) LIBRARY=$(TARGET)/release/libcloudpickle.so examples_c/demo.sh

test: tools
	@tests/all.sh $(PYTHON) $(JOBS)

# What the document in docs/ says is measured by all parts; PARTS names some of them, which are printed only.
bench: guided
	@command -v valgrind >/dev/null || .ci/need valgrind valgrind || echo "without valgrind no instructions are counted"
	@benches/environment.sh $(PYTHON) $(VENV)/bench
	@PYTHONHASHSEED=1 $(VENV)/bench/bin/python benches/run.py $(GUIDED) \
	  $(if $(QUICK),--quick) $(or $(PARTS),--write $(if $(QUICK),build/bench,docs)) \
	  $$(! ls $(TARGET)/counting/*.profdata >/dev/null 2>&1 || echo --guided)

# What other settings of the build would give: many builds, half an hour.
builds: environment
	@benches/environment.sh $(PYTHON) $(VENV)/bench
	@PYTHONHASHSEED=1 $(VENV)/bench/bin/python benches/builds.py build/bench/builds --write docs

engines: library
	@tests/engines/run.sh $(PYTHON) $(TARGET)/release/libcloudpickle.so $(ENGINES)

hosts: library embed
	@hosts/run.sh $(PYTHON) $(TARGET)/release/libcloudpickle.so $(EMBED) $(HOSTS)

# One after the other, also with make -j.
check:
	@for each in $(CHECKS); do $(MAKE) --no-print-directory check-$$each || exit 1; done

$(CHECKS:%=check-%): check-%: library
	@SECONDS_EACH='$(SECONDS_EACH)' EXAMPLES='$(EXAMPLES)' CALLS='$(CALLS)' tests/check.sh $(PYTHON) $*

lint: environment
	@cargo fmt --all --check
	@PYO3_PYTHON=$(VENV)/plain/bin/python CARGO_TARGET_DIR=$(TARGET) cargo clippy --quiet --workspace --all-targets -- -D warnings

docs: header
header: tools
	@CARGO_TARGET_DIR=$(CURDIR)/build/target/header cargo run --quiet -p cloudpickle-header

clean:
	rm -rf build
