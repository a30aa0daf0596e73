# SPDX-License-Identifier: Apache-2.0

# Debian's names of what is linked, of the C compilers that tests and `uq verify` call (clang comes
# with Swift), and of the emulator.
PACKAGES = gcc libc6-dev binutils pkg-config \
	libprotobuf-c-dev protobuf-c-compiler libdnnl-dev libpng-dev libjpeg62-turbo-dev \
	libsndfile1-dev zlib1g-dev libmd-dev \
	gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm

SWIFT_FILES = Sources Tests Plugins Package.swift
C_FILES = Sources/UQRuntime Sources/COneDNN Sources/CMedia Sources/UQBoards/Support
RUNTIME = $(wildcard Sources/UQRuntime/*.c)
STRICT = -std=c99 -ffreestanding -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror \
	-ISources/UQRuntime/include -ISources/UQRuntime
CORTEX_M4 = -mcpu=cortex-m4 -mthumb

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: ## Install the libraries, compilers and the emulator (Debian packages)
	@if ! command -v dpkg-query >/dev/null; then \
		echo "not a Debian system; needed, under Debian's names: $(PACKAGES)"; exit 0; \
	fi; \
	missing=$$(for package in $(PACKAGES); do \
		dpkg-query -W -f '$${Status}\n' "$$package" 2>/dev/null | grep -q 'ok installed' \
			|| echo "$$package"; \
	done); \
	if [ -n "$$missing" ]; then \
		root=; [ "$$(id -u)" = 0 ] || root=sudo; \
		echo "installing" $$missing; \
		$$root apt-get update -q && \
			$$root env DEBIAN_FRONTEND=noninteractive \
				apt-get install -q -y --no-install-recommends $$missing; \
	fi
	@command -v swift >/dev/null || { echo "Swift 6.1 or later is needed: swift.org/install"; exit 1; }

.PHONY: build
build: setup ## Build uq, optimised: .build/release/uq
	swift build -c release --product uq

.PHONY: demo
demo: build ## Take the bundled network from ONNX to verified C
	@sh Examples/demo.sh .build/release/uq .build/demo

.PHONY: test
test: setup lint ## Run all checks: style, documentation, demo, tests (no board needed)
	swift build --build-tests
	sh Documentation/check.sh "$$(swift build --show-bin-path)/uq"
	sh Examples/demo.sh --brief "$$(swift build --show-bin-path)/uq" .build/demo-test >/dev/null
	@uq="$$(swift build --show-bin-path)/uq"; release=.build/release/uq; \
	if [ -x $$release ] && [ -z "$$(find Sources Calibration -newer $$release -print -quit)" ]; then \
		uq=$$release; \
	fi; \
	$(MAKE) --no-print-directory notebooks-with UQ="$$uq" SAMPLES=40
	swift test --skip-build

# An environment for each version of the requirements; what cannot be had is no failure of ours.
PYTHON_STAMP = .build/notebooks/$(shell cksum <Notebooks/requirements.txt | cut -d ' ' -f 1)

.PHONY: notebooks
notebooks: build ## Run the notebooks with the optimised uq, outputs thrown away
	@$(MAKE) --no-print-directory notebooks-with UQ=.build/release/uq SAMPLES=360

.PHONY: notebooks-with
notebooks-with:
	@if [ ! -e $(PYTHON_STAMP) ]; then \
		rm -rf .build/notebooks; \
		python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
			&& python3 -m venv .build/notebooks >/dev/null 2>&1 \
			&& timeout 600 .build/notebooks/bin/pip install --quiet --disable-pip-version-check \
				-r Notebooks/requirements.txt >.build/notebooks/install.log 2>&1 \
			&& touch $(PYTHON_STAMP); \
	fi; \
	if [ -e $(PYTHON_STAMP) ]; then \
		.build/notebooks/bin/python Notebooks/run.py --uq $(UQ) --samples $(SAMPLES); \
	else \
		echo "notebooks: skipped, for want of Python 3.11 with venv or of the packages:"; \
		tail -n 1 .build/notebooks/install.log 2>/dev/null || echo "no python3 -m venv"; \
	fi

.PHONY: format
format: ## Format Swift and C in place
	swift format --in-place --parallel --recursive $(SWIFT_FILES)
	@if command -v clang-format >/dev/null; then \
		find $(C_FILES) -name '*.[ch]' -exec clang-format -i {} +; \
	else echo "clang-format is not installed: C left as it is"; fi

.PHONY: lint
lint: lint-swift lint-c lint-protos ## Check style, the runtime under every C compiler, generated code

.PHONY: lint-swift lint-c lint-protos
lint-swift:
	swift format lint --strict --parallel --recursive $(SWIFT_FILES)

lint-c:
	@for compiler in gcc clang arm-none-eabi-gcc; do \
		command -v $$compiler >/dev/null || { echo "$$compiler is not installed: skipped"; continue; }; \
		for file in $(RUNTIME); do \
			$$compiler $(STRICT) -fsyntax-only $$file || exit 1; \
		done; \
		echo "$$compiler: $(words $(RUNTIME)) runtime files without a warning"; \
	done

lint-protos:
	sh Schemas/generate.sh --check

.PHONY: protos
protos: ## Regenerate the C of Schemas/*.proto
	sh Schemas/generate.sh

.PHONY: bench
bench: build ## Measure accuracy, sizes, instructions: Benchmarks/results.md
	python3 Benchmarks/run.py --uq .build/release/uq

.PHONY: pictures
pictures: build ## Take the pictures of the documents (headless Chromium)
	sh Documentation/pictures.sh .build/release/uq

.PHONY: targets
targets: build ## Measure code and instructions of kernels into Calibration/targets
	python3 Benchmarks/kernel_costs.py --uq .build/release/uq

.PHONY: docs
docs: ## Print the operator table into Documentation/Operators.md
	UQ_RECORD=1 swift test --filter OperatorTableTests

.PHONY: golden
golden: ## Rewrite the recorded C under Tests (review the difference)
	UQ_RECORD=1 swift test --filter GoldenTests

.PHONY: fuzz
fuzz: setup ## Fuzz a reader: TARGET=relay (params, onnx, calibration, recipe, samples) SECONDS=60
	sh Tests/Fuzz/run.sh "$(or $(TARGET),relay)" "$(or $(SECONDS),60)"

.PHONY: size
size: ## Show the bytes of each runtime file on a Cortex-M4 (-O2)
	@mkdir -p .build/size
	@for file in $(RUNTIME); do \
		arm-none-eabi-gcc $(STRICT) $(CORTEX_M4) -O2 -c $$file \
			-o .build/size/$$(basename $$file .c).o || exit 1; \
	done
	@cd .build/size && arm-none-eabi-size *.o
