# The front door. `make demo` and `make test` set the machine up by themselves.
.PHONY: demo hub test test-long evidence coverage test-fast lint lock docs pictures bench clean help
PY = .venv/bin/python
# Tests wait more than they compute: for containers, browsers, journeys. A file stays with one worker.
WORKERS = 3
# The tests that tell rows of the tables in docs/reference.
EVIDENCE = tests/attack tests/canary tests/sandbox tests/crash tests/console \
  tests/station/test_backup.py tests/station/test_self_test.py

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo:            ## four hospitals, one train, a plot: everything from nothing
	@.ci/prepare demo
	@PHTLAB_CACHE=$(CURDIR)/.cache .venv/bin/phtlab demo --directory .state/demo

hub:             ## JupyterHub with central, four hospitals and people with accounts
	@.ci/prepare hub
	@PHTLAB_CACHE=$(CURDIR)/.cache .venv/bin/phtlab hub --directory .state/hub

test:            ## every test, against the real engine, registry and PostgreSQL
	@.ci/prepare test
	@PHTLAB_CACHE=$(CURDIR)/.cache .venv/bin/phtlab kernel workspace >/dev/null
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

test-long:       ## the long forms: hundreds of kills, every probe on every runtime class
	@.ci/prepare test-long
	@$(PY) -m pytest -m long

evidence:        ## what attacks, probes and kills came to: runs their tests, renews docs/reference
	@.ci/prepare test
	@rm -rf .cache/evidence
	@$(PY) -m pytest -q --evidence .cache/evidence $(EVIDENCE)
	@$(PY) -m tests.evidence .cache/evidence
	@$(PY) -m tests.docs.generate

coverage:        ## the same, with the lines that no test ran (a third slower)
	@$(MAKE) test COVERAGE=true

test-fast:       ## the tests that need no engine
	@$(PY) -m pytest -m 'not engine and not long' -q

lint:            ## ruff, mypy strict, the direction of imports
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

lock:            ## the lock files with hashes: pyproject.toml's, and the workspace's
	@uv pip compile -q --universal --no-strip-extras --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --extra hub --extra console --extra test --python-version 3.11 pyproject.toml -o requirements.lock
	@uv pip compile -q --generate-hashes --only-binary :all: --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --python-version 3.11 --python-platform x86_64-manylinux_2_36 \
	  --constraint kernels/python/requirements.lock $(addprefix --no-emit-package ,debugpy pip psycopg psycopg-binary) \
	  $$(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' kernels/python/requirements.lock) \
	  spawner/workspace/requirements.in pyproject.toml -o spawner/workspace/requirements.lock

docs:            ## regenerate the generated pages of docs/, and what commands print in the others
	@$(PY) -m tests.docs.generate
	@$(PY) -m tests.docs.paste

bench:           ## measure what is claimed, next to others: bench/README.md
	@.ci/prepare test
	@$(PY) -m bench

pictures:        ## the pictures of docs/lab.md and docs/governance.md, from the stories in a real browser
	@.ci/prepare test
	@PHTLAB_PICTURES=$(CURDIR)/docs/images/lab $(PY) -m pytest -q tests/story/test_story.py
	@PHTLAB_PICTURES=$(CURDIR)/docs/images/governance $(PY) -m pytest -q tests/story/test_governance.py

clean:           ## forget the demo's state and every cache of this checkout
	@[ ! -e .state/hub/hub-world.json ] || $(PY) -m phtlab hub --directory .state/hub --stop
	@.ci/stop
	@rm -rf .state .cache build dist
