# `make run` shows the whole thing on a laptop; `make test` checks it. Both set up what they need first.
# REWRITING_AGENT_DEVICE=cuda installs the CUDA builds and computes on GPUs.
PYTHON ?= $(firstword $(foreach v,python3.11 python3.12 python3,$(shell $(v) -c 'import sys; 0 if (3,11) <= sys.version_info[:2] < (3,13) else sys.exit(1)' 2>/dev/null && echo $(v))))
ENVS   := $(or $(REWRITING_AGENT_ENVIRONMENTS),.envs)
CORE   := $(ENVS)/core/bin
BESIDE_CORE := tests/flows tests/infra tests/tasks/runtime tests/tasks/verify
IN_CORE := not inference and not sft and not verl and not slow and not faults and not gpu
export DO_NOT_TRACK = 1
export PREFECT_HOME ?= $(abspath $(ENVS))/prefect
export HF_HUB_DISABLE_TELEMETRY = 1

.PHONY: help setup setup-% run test test-core test-runtime test-flows test-inference test-sft test-types test-slow test-verl faults style types bench bench-check gpu-check nano up down lock clean

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ —/'

setup: setup-core setup-inference setup-gguf setup-sft   ## all environments that the laptop run needs

setup-%:
	@$(PYTHON) infra/environments/install.py $*

run: setup       ## the main job: the rewriting agent on the nano backbone, with a table and a report
	@$(CORE)/rewriting-agent run --backbone nano

test: setup setup-dev   ## style, types and all tests but the slow ones
	@$(CORE)/ruff check -q .
	@$(CORE)/ruff format -q --check .
	@echo "core; beside it types, runtime, inference, flows and SFT, whose output comes at the end (together 14 to 20 minutes)"
	@$(MAKE) -sk -j5 -O test-flows test-runtime test-inference test-sft test-types > $(ENVS)/test-others.log 2>&1 & others=$$!; \
	$(MAKE) -s test-core; here=$$?; \
	wait $$others; others=$$?; cat $(ENVS)/test-others.log; exit $$((here | others))

# Servers and engines often wait: all suites at a time keep two cores busy.
test-types:
	@$(CORE)/mypy

test-core:
	$(CORE)/python -m pytest -m "$(IN_CORE)" $(addprefix --ignore=,$(BESIDE_CORE))

test-runtime:
	$(CORE)/python -m pytest -m "$(IN_CORE)" tests/tasks/runtime tests/tasks/verify

test-flows:
	$(CORE)/python -m pytest -m "$(IN_CORE)" tests/flows tests/infra

test-inference:
	$(ENVS)/inference/bin/python -m pytest -m "inference and not slow and not gpu"

test-sft:
	$(ENVS)/sft/bin/python -m pytest -m "sft and not slow and not gpu"

test-slow: setup setup-dev   ## the tests that take minutes each
	$(CORE)/python -m pytest -m "slow and not inference and not sft and not verl and not gpu"
	$(ENVS)/inference/bin/python -m pytest -m "slow and inference and not gpu"
	$(ENVS)/sft/bin/python -m pytest -m "slow and sft and not gpu"

faults: setup setup-dev   ## kills, full disks, damage, bad input, many times each (half an hour): a table; KEEP=1 writes docs/faults.md
	FAULTS=whole FAULTS_KEEP=$(KEEP) $(CORE)/python -m pytest tests/faults -m "not slow" --durations=0

test-verl: setup-verl   ## the GPU engine's tests on a CPU: two steps with all of verl's processes; SLOW=1 also kills and resumes
	$(ENVS)/verl/bin/python -m pytest -p no:asyncio -m "verl and not gpu $(if $(SLOW),,and not slow)"

style: setup-core setup-dev   ## format and lint
	@$(CORE)/ruff check --fix .
	@$(CORE)/ruff format .

types: setup-core setup-dev   ## check types
	@$(CORE)/mypy

bench: setup     ## benchmarks/, one JSON line a figure; BENCH=name for one, KEEP=1 keeps them
	@$(CORE)/python -m benchmarks $(BENCH) $(if $(KEEP),--keep)

bench-check: setup   ## the same, compared with benchmarks/results: fails where a ratio fell by a tenth
	@$(CORE)/python -m benchmarks $(BENCH) --check

gpu-check: setup-inference   ## what only a GPU shows, in eight minutes and without a network (on a CPU in small): one JSON
	@$(ENVS)/inference/bin/python -m infra.gpu_check

nano: setup-core setup-inference   ## rebuild the nano backbone from its recipe
	@$(ENVS)/inference/bin/python -m infra.nano

up: setup        ## Prefect server, work pool, deployments, a worker and the dashboard on loopback
	@$(CORE)/python -m infra.server up

down:            ## end what `make up` started
	@$(CORE)/python -m infra.server down

lock: setup-core ## resolve every environment anew
	@infra/environments/lock.sh

clean:           ## remove environments and the store
	rm -rf $(ENVS) store
