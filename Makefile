# make run    processes a video on this machine, without an AWS account
# make test   runs the tests
# make help   lists all targets and variables
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

VIDEO ?= samples/my_video.mkv
OUT ?= result
# PocketSphinx has no package for some Pythons; the benchmarks then skip it
BENCH_MODELS = yolov3-tiny whisper-base whisper-tiny.en $(if $(wildcard .venv/lib/python*/site-packages/pocketsphinx),pocketsphinx-en-us)
RUN_VARIABLES := VIDEO OUT LAMBDA_TIMEOUT LAMBDA_MEMORY LAMBDA_TMP LAMBDA_CONCURRENCY SEGMENT_SECONDS DETECTOR_PRECISION \
                 YOLOV3_MODEL SPEECH_MODEL SPEECH_TASK ON_TRUNCATED AUDIO_TRACK MAX_RUN_COST ISOLATION SHORT_VIDEOS \
                 SUBTITLES OUTPUTS WORD_TIMES CONFIDENCE NMS CLASSES DETECT_EVERY LABELS LABEL_SIZE SPEECH_LANGUAGE CONTAINERS
export $(RUN_VARIABLES)
TARGETS := help run up doctor models images test test-slow fuzz containers-test check bench bench-check peers lock \
           base-images audit docs release clean

# The name as typed: make would expand a `$` in it. `$$`, which make expects, also means one `$`.
GIVEN = $(filter command,$(firstword $(origin $(1))))
override VIDEO := $(if $(call GIVEN,VIDEO),$(subst $$$$,$$,$(value VIDEO)),$(value VIDEO))
override OUT := $(if $(call GIVEN,OUT),$(subst $$$$,$$,$(value OUT)),$(value OUT))

# variables of other programs, and rare ones of ours: passed on
OTHERS := AVFLOW_% PIP_% PYTEST_% UV_% ONEDNN_% DNNL_% %_proxy %_PROXY TMPDIR NO_COLOR

# make would silently ignore a misspelt variable and process the sample.
ifeq ($(MAKELEVEL),0)
UNKNOWN := $(foreach name,$(.VARIABLES),$(if $(call GIVEN,$(name)),$(name)))
UNKNOWN := $(firstword $(filter-out $(RUN_VARIABLES) PARTS BASELINE FUZZ_SECONDS FUZZ_SEED TAG PYTHON BIN SHELL MAKEFLAGS $(OTHERS),$(UNKNOWN)))
ifneq ($(UNKNOWN),)
NEAREST := $(shell $(PYTHON) -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:], 1))' \
             '$(subst ','\'',$(UNKNOWN))' $(RUN_VARIABLES) PARTS BASELINE FUZZ_SECONDS FUZZ_SEED TAG PYTHON 2>/dev/null)
$(error There is no variable $(UNKNOWN)$(if $(NEAREST),: did you mean $(NEAREST)?,. There are $(RUN_VARIABLES)))
endif
NO_TARGET := $(firstword $(filter-out $(TARGETS) .venv/%,$(MAKECMDGOALS)))
ifneq ($(and $(NO_TARGET),$(filter run up,$(MAKECMDGOALS))),)
$(error $(NO_TARGET) is no target. A video is given by its name in quotes: make run VIDEO="my video.mkv"; several by .venv/bin/avflow run)
endif
endif

# with CONTAINERS=1: the settings of Podman, and the images, which are built first; `avflow` too takes these as "no"
override CONTAINERS := $(filter-out 0 n no f false off,$(CONTAINERS))
PODMAN = $(if $(CONTAINERS),. "$$(scripts/containers/setup)" &&)
IMAGES = $(if $(CONTAINERS),images)

.PHONY: $(TARGETS) video check-types check-template check-rest

help:
	@echo 'make run [VIDEO="my video.mkv"] [OUT=result]   processes a video on this machine'
	@echo '         LAMBDA_TIMEOUT=s LAMBDA_MEMORY=MB LAMBDA_TMP=MB   smaller functions, to see steps move to Batch'
	@echo '                                               (from 1 s, 128 MB, 1 MB)'
	@echo '         LAMBDA_CONCURRENCY=1000               as many functions at once as an account that asked for it (10)'
	@echo '         SEGMENT_SECONDS=s                     shorter segments, to see several at once'
	@echo '         YOLOV3_MODEL=yolov3-tiny SPEECH_MODEL=whisper-base   other models (avflow models list)'
	@echo '         CONFIDENCE=0.5 NMS=0.3                fewer boxes: surer ones, that overlap less (0.25, 0.45)'
	@echo '         CLASSES="person,traffic light"        of the objects only these'
	@echo '         DETECT_EVERY=5                        faster: detects on each fifth frame, and moves boxes between'
	@echo '         LABELS=none LABEL_SIZE=2              boxes without labels (or with class or track), or larger labels'
	@echo '         SPEECH_LANGUAGE=de                    the language of the speech, if it is known'
	@echo '         SPEECH_TASK=translate                 subtitles in English, whatever is spoken'
	@echo '         SUBTITLES=burnt                       subtitles in the frames of the videos, for players without'
	@echo '         OUTPUTS=mp4,vtt                       of the results only these, and the AVI and .srt'
	@echo '         WORD_TIMES=no                         the transcript and the page without the times of words'
	@echo '         DETECTOR_PRECISION=int8               faster (run avflow models quantize NAME first)'
	@echo '         ON_TRUNCATED=fail                     refuses a file that is cut, whatever is there'
	@echo '         AUDIO_TRACK=eng                       another audio stream: its language, or its index in the file'
	@echo '         MAX_RUN_COST=50                       accepts uploads that cost up to so many US dollars on AWS (20)'
	@echo '         SHORT_VIDEOS=lambda                   detects short videos in Lambda functions, without an instance'
	@echo '         ISOLATION=required                    refuses to work where the kernel can not isolate media work'
	@echo '         CONTAINERS=1                          runs the steps in the images for AWS (Debian, as root)'
	@echo 'make up                                        keeps the embedded AWS up on 127.0.0.1:4566, for the aws command'
	@echo '         CONTAINERS=1                          runs the steps in the images for AWS'
	@echo 'make doctor                                    says what is missing before sam build and sam deploy'
	@echo 'make models                                    before sam build: has its models in models/ within a minute'
	@echo 'make images                                    builds these images, with the models of make run'
	@echo 'make test                                      unit, workflow, embedded AWS and end-to-end tests (11 minutes)'
	@echo 'make test-slow                                 tests that take longer, and more kinds of upload (30 minutes)'
	@echo 'make fuzz [FUZZ_SECONDS=600] [FUZZ_SEED=n]     spoils files at random and describes them (10 minutes)'
	@echo 'make containers-test                           builds both images with the SAM CLI and tests them (6 minutes)'
	@echo 'make check                                     linters for style, types, the template and the state machine'
	@echo 'make bench [PARTS="speech gpu"]                measures all or some parts for docs/benchmarks.md (57 minutes)'
	@echo 'make bench-check [BASELINE=1]                  fails if a ratio is more than 15 % below the baseline of this'
	@echo '                                               class of processors (10 minutes)'
	@echo 'make peers                                     installs alternatives for comparison in make bench'
	@echo '                                               (6 GB with PyTorch on Linux, in an environment of its own)'
	@echo 'make audit                                     asks for known holes of the locked packages (in make check too)'
	@echo 'make base-images                               pins the newest base image by digest (needs its registry)'
	@echo 'make lock                                      locks the packages of requirements/*.in'
	@echo 'make docs                                      builds the documentation as a site: build/site/index.html'
	@echo 'make release [TAG=1]                           builds the packages of this version and tries them (2 minutes)'
	@echo 'make clean                                     removes .venv*, build output and result/'

run: video .venv/.local $(IMAGES)
	@$(PODMAN) $(BIN)/avflow run --out "$$OUT" -- "$$VIDEO"

# Any Python can report a wrong name before the installation. The set-up checks the version of Python.
video:
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then \
	  $(PYTHON) -m avflow_cli.video "$$VIDEO"; fi

up: .venv/.local $(IMAGES)
	@$(PODMAN) $(BIN)/avflow up

# looks at the account that the AWS variables and samconfig.toml name
doctor: .venv/.local
	@$(BIN)/avflow doctor

# those of samconfig.toml and the template, which `sam build` then takes
models: .venv/.local
	@$(BIN)/avflow models check

# sam build with the models of `make run`, through Podman's socket
images: .venv/.sam
	@scripts/containers/build

containers-test: .venv/.dev .venv/.sam
	@if scripts/containers/setup >/dev/null; then \
	  scripts/containers/build && . "$$(scripts/containers/setup)" && $(BIN)/python -m pytest tests/containers; \
	elif [ $$? -eq 69 ]; then \
	  echo '*** SKIPPED: make containers-test (containers cannot run on this machine, see above) ***' >&2; \
	else exit 1; fi

# distributes modules to up to four processes
PYTEST := $(BIN)/python -m pytest --dist loadscope --no-loadscope-reorder
# one process more than there are cores: many tests of `make test` wait for processes of their own
ONE_MORE = $$($(BIN)/python -c 'import os; print(min(4, os.cpu_count() + 1))')

test: .venv/.dev
	@echo '*** make test: about 11 minutes on 2 cores ***'
	$(BIN)/avflow models fetch yolov3-tiny whisper-base whisper-tiny.en
	$(PYTEST) --numprocesses $(ONE_MORE) -m "not slow and not containers"

test-slow: .venv/.dev .venv/.docs
	@echo '*** make test-slow: about 30 minutes on 2 cores ***'
	@scripts/chromium >/dev/null || echo '*** SKIPPED: the tests of pages in a browser (see above) ***' >&2
	$(BIN)/avflow models fetch yolov3-tiny whisper-base whisper-tiny.en
	$(PYTEST) --numprocesses logical --maxprocesses 4 -m "slow and not containers"

# what it finds is saved in build/fuzz, and becomes a case of tests/corpus
FUZZ_SECONDS ?= 600
fuzz: .venv/.dev
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED))

# side by side: mypy takes as long as all others together
CHECKS := check-types check-template check-rest docs
check: .venv/.dev .venv/.sam .venv/.check .venv/.docs
	@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) $(CHECKS)

check-types:
	$(BIN)/mypy

check-template:
	$(BIN)/python scripts/translate_template.py build/template.json
	.venv-check/bin/checkov --config-file .checkov.yaml
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint --template template.yaml --region us-east-1
	$(BIN)/cfn-lint

check-rest:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pip check
	$(BIN)/python -m scripts.base_images check
	$(BIN)/python -m scripts.audit
	$(BIN)/python scripts/lint_state_machine.py

bench: .venv/.bench
	$(BIN)/avflow models fetch $(BENCH_MODELS)
	$(BIN)/python -m benchmarks $(PARTS)

# with BASELINE=1 the results become the baseline of this class of processors
bench-check: .venv/.bench
	$(BIN)/avflow models fetch $(BENCH_MODELS)
	$(BIN)/python -m benchmarks --check $(if $(BASELINE),--baseline) $(PARTS)

peers: .venv/.peers

# ---------------------------------------------------------------- set-up: pinned and hashed wheels, installed once
SET_UP = @PYTHON='$(PYTHON)' scripts/set_up

# rebuilds a damaged environment
ifneq ($(wildcard .venv/.local),)
ifneq ($(shell scripts/set_up usable),yes)
.PHONY: .venv/.local
endif
endif

# after a change of a requirements/*.in: locks all platforms and Pythons
lock: .venv/.dev
	@$(BIN)/python -m scripts.lock
	@$(BIN)/python -m scripts.platforms_page

base-images: .venv/.local
	@$(BIN)/python -m scripts.base_images update

audit: .venv/.dev .venv/.check
	@$(BIN)/python -m scripts.audit

# the site, and its links
docs: .venv/.dev .venv/.docs
	@$(BIN)/python -m scripts.site

# with TAG=1 it tags the commit
release: .venv/.dev
	@scripts/chromium >/dev/null
	$(BIN)/avflow models fetch yolov3-tiny whisper-base whisper-tiny.en
	$(BIN)/python -m scripts.release $(if $(TAG),--tag)

.venv/.local: requirements/local.txt pyproject.toml
	$(SET_UP) local
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.local
	$(SET_UP) dev
	@touch $@

.venv/.bench: requirements/bench.txt .venv/.local
	$(SET_UP) bench
	@touch $@

.venv/.sam: requirements/sam.txt | .venv/.local
	$(SET_UP) sam
	@touch $@

.venv/.check: requirements/check.txt | .venv/.local
	$(SET_UP) check
	@touch $@

.venv/.docs: requirements/docs.txt | .venv/.local
	$(SET_UP) docs
	@touch $@

# programs for comparison, run and never imported: see requirements/peers.in
.venv/.peers: requirements/peers.txt | .venv/.local
	$(SET_UP) peers
	@touch $@

clean:
	rm -rf .venv .venv-sam .venv-check .venv-docs .venv-peers .aws-sam build result
