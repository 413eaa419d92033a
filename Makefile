# The front door. `make demo` and `make test` set the machine up by themselves.
# Kernel images are kept in ~/.cache/phtlab, or where PHTLAB_CACHE says.
.PHONY: demo hub test test-unit test-build test-engine test-browser test-fast test-long evidence coverage lint lock \
  docs pictures bench clean help
PY = .venv/bin/python
# Where .ci/node puts Node, on a machine that has none or an old one.
export PATH := $(CURDIR)/.state/node/bin:$(PATH)
# The tests that add rows to the tables in docs/reference.
EVIDENCE = tests/attack tests/canary tests/sandbox tests/crash tests/console \
  tests/station/backup/test_backup.py tests/station/health/test_self_test.py

help:            ## this list
	@grep -hE '^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo:            ## four hospitals, one train, a plot: everything from nothing
	@.ci/prepare demo
	@.venv/bin/phtlab demo --directory .state/demo

hub:             ## JupyterHub with central, four hospitals and people with accounts
	@.ci/prepare hub
	@.venv/bin/phtlab hub --directory .state/hub

test:            ## every test, in stages: lint, unit, build, engine, browser
	@.ci/prepare test
	@$(PY) -m tests.stages

lint:            ## one stage: ruff, mypy, the direction of imports; jest, tsc, eslint and prettier
test-unit:       ## one stage: the tests that need no engine and no browser
test-build:      ## one stage: images from nothing, the wheel, every lock file installed
test-engine:     ## one stage: the real container engine, registry and PostgreSQL
test-browser:    ## one stage: pages in a real browser
lint test-unit test-build test-engine test-browser:
	@.ci/prepare test
	@$(PY) -m tests.stages $(@:test-%=%)

test-fast:       ## of the unit stage, what starts no server and no process; without the set-up
	@$(PY) -m tests.stages fast

test-long:       ## the long forms: hundreds of kills, every probe on every runtime class
	@.ci/prepare test-long
	@$(PY) -m tests.stages long

evidence:        ## what attacks, probes and kills came to: runs their tests, renews docs/reference
	@.ci/prepare test
	@rm -rf .cache/evidence
	@$(PY) -m pytest -q --evidence .cache/evidence $(EVIDENCE)
	@$(PY) -m tests.evidence .cache/evidence
	@$(PY) -m tests.docs.generate

coverage:        ## every test, and the lines that no test ran (a third slower)
	@.ci/prepare test
	@$(PY) -m tests.stages --coverage

# (The kernel images' locks name one Python and platform, and no extras: docs/kernels.md.)
COMPILE = .ci/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 \
  --constraint .ci/constraints.in
CLOSED = $(COMPILE) --universal --no-strip-extras
PEERS = medic scheduler flower nvflare

lock:            ## the lock files with hashes: everything's, the demo's, the peers' of benches, the workspace's
	@$(CLOSED) --group build --extra hub --extra console --extra test pyproject.toml -o requirements.lock
	@$(CLOSED) --group build --constraint requirements.lock pyproject.toml -o demo.lock
	@for peer in $(PEERS); do $(CLOSED) bench/$$peer.in -o bench/$$peer.lock || exit; done
	@$(COMPILE) --only-binary :all: --no-emit-find-links --python-platform x86_64-manylinux_2_36 \
	  --constraint kernels/python/requirements.lock $(addprefix --no-emit-package ,debugpy pip psycopg psycopg-binary) \
	  $$(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' kernels/python/requirements.lock) \
	  spawner/workspace/requirements.in pyproject.toml -o spawner/workspace/requirements.lock

docs:            ## regenerate the generated pages of docs/, and what commands print in the others
	@$(PY) -m tests.docs.generate
	@$(PY) -m tests.docs.paste

bench:           ## measure what is claimed, next to others: bench/README.md; renews docs/reference/bench.md
	@.ci/prepare test
	@$(PY) -m bench
	@$(PY) -m tests.docs.generate

pictures:        ## the pictures of docs/lab.md and docs/governance.md, from the stories in a real browser
	@.ci/prepare test
	@PHTLAB_PICTURES=$(CURDIR)/docs/images/lab $(PY) -m pytest -q tests/story/test_story.py
	@PHTLAB_PICTURES=$(CURDIR)/docs/images/governance $(PY) -m pytest -q tests/story/test_governance.py

clean:           ## remove the demo's state and what this checkout has built
	@[ ! -e .state/hub/hub-world.json ] || $(PY) -m phtlab hub --directory .state/hub --stop
	@.ci/stop
	@rm -rf .state .cache build dist
