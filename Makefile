# Two commands to know: `make test` and `make demo`. Both install what is missing (Debian, Ubuntu) and build.
# By hand, with other packages or on other systems: see README.md.
PRESET ?= release
BUILD = build/$(PRESET)
PREFIX = $(CURDIR)/$(BUILD)/prefix
LORENZ = $(BUILD)/lorenz96
PYTHON = /usr/bin/python3
FUZZ_SECONDS ?= 60
DEBIAN13 ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ekman/debian13
CONFIGURE = cmake --preset $(PRESET) $(if $(CI),-DEKMAN_WERROR=ON) $(if $(BENCH),-DEKMAN_BENCH=ON)

# They would change the bits and the speed of OpenBLAS.
unexport OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

# In CI all that fills the cache is compiled with -Werror; the build by hand of README, which is not, shall find it.
ifdef CI
export CCACHE_IGNOREOPTIONS = -Werror
endif

# Containers run as root and have few cores; Open MPI refuses both unless it is told.
ifeq ($(shell id -u),0)
export OMPI_ALLOW_RUN_AS_ROOT = 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM = 1
export OMPI_MCA_rmaps_base_oversubscribe = 1
# The same for Open MPI 5.
export PRTE_MCA_rmaps_default_mapping_policy = :oversubscribe
endif
# Open MPI 5 as Debian packages it crashes at `mpirun a : b` without this (open-mpi/ompi#13303).
export PMIX_MCA_pmdl = ^ompi

.PHONY: packages build test test-debian13 demo demo-darcy bench asan asan-rooms gpu-test fuzz clean

packages:
	cmake/install_packages.sh

build: packages
	$(if $(BENCH),cmake/install_packages.sh cmake/packages_bench.txt)
	$(CONFIGURE)
	cmake --build $(BUILD) -j2

# `make test ALL=1` runs more of what is alike; BENCH=1 also sees that the benches still run.
test: build
	ctest --test-dir $(BUILD) -j4 --output-on-failure --no-tests=error $(if $(ALL),-C all)

# The same with LibTorch 2.6, Open MPI 5 and GCC 14, in a Debian 13 root outside the checkout. It stays there for the
# next call (2.3 GB and the build); to start anew, remove it.
test-debian13:
	cmake/run_in_debian.sh trixie "$(DEBIAN13)" make test PRESET="$(PRESET)" CI="$(CI)"

demo: build
	cmake --install $(BUILD) --prefix $(PREFIX)
	cmake -G Ninja -S examples/lorenz96 -B $(LORENZ) -DCMAKE_PREFIX_PATH=$(PREFIX)
	cmake --build $(LORENZ)
	$(PYTHON) examples/lorenz96/run.py $(LORENZ) $(PREFIX)/bin/ekman --run run/lorenz96

demo-darcy: build
	cmake --install $(BUILD) --prefix $(PREFIX)
	cmake -G Ninja -S examples/darcy -B $(BUILD)/darcy -DCMAKE_PREFIX_PATH=$(PREFIX) && cmake --build $(BUILD)/darcy
	$(PYTHON) examples/darcy/run.py $(BUILD)/darcy $(PREFIX)/bin/ekman --run run/darcy

# All figures against references by hand, see bench/README.md; NAMES="roundtrip training" runs these only. OPENBLAS_CORETYPE is
# taken from the command line alone, and then holds for references as well.
bench: packages
	cmake/install_packages.sh cmake/packages_bench.txt
	cmake --preset release -B build/bench -DEKMAN_BENCH=ON -DEKMAN_TESTS=OFF
	cmake --build build/bench -j2
	$(PYTHON) -B bench/run.py build/bench build/bench/run \
	  $(if $(filter command,$(firstword $(origin OPENBLAS_CORETYPE))),--core $(OPENBLAS_CORETYPE)) $(NAMES)

# Left out: tests of the installed package, whose consumers are linked without the sanitizers, those of the source itself, unit
# tests of adapters/torch, jobs that are stopped and timed, and runs whose code others run too: most decompositions, most
# restarts, the plans of configs/ and `ekman check`.
asan: packages
	cmake --preset asan $(if $(CI),-DEKMAN_WERROR=ON)
	cmake --build build/asan -j2
	ctest --preset asan

# The part that CI has time for: libekman and the unit tests of its rooms, without the program and its jobs.
asan-rooms: packages
	cmake --preset asan -B build/asan-rooms -DEKMAN_SERVER=OFF $(if $(CI),-DEKMAN_WERROR=ON)
	cmake --build build/asan-rooms -j2
	LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	  ctest --test-dir build/asan-rooms -j4 --output-on-failure --no-tests=error \
	  -E '^(floors|file_size|format|failures_page|headers_alone|libekman_.*)$$'

# Tests that need a GPU, then the benches, against a LibTorch with CUDA: that of Python's torch package, or
# TORCH=/path/to/libtorch. Installs nothing; CMAKE_ARGS takes what else CMake shall know, such as where MPI and yaml-cpp are.
gpu-test:
	cmake --preset release -B build/gpu -DEKMAN_GPU_TESTS=ON -DEKMAN_BENCH=ON -DSYSTEM_PYTHON="$$(command -v python3)" \
	  -DCMAKE_PREFIX_PATH="$(or $(TORCH),$$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)'))" $(CMAKE_ARGS)
	cmake --build build/gpu -j
	ctest --test-dir build/gpu -L gpu --output-on-failure --no-tests=error
	python3 -B bench/run.py build/gpu build/gpu/run

# Looks for plans, bytes and messages that break a promise, FUZZ_SECONDS for each target; needs clang.
fuzz: packages
	cmake/install_packages.sh cmake/packages_fuzz.txt
	cmake --preset fuzz
	cmake --build build/fuzz -j2 --target fuzz
	$(PYTHON) tests/fuzz/run.py build/fuzz $(FUZZ_SECONDS)

clean:
	rm -rf build
