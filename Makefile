# Every target is a plain command; `make` alone lists them.

VENV = .venv/bin/python
# Tests that need servers stay together, in one process, beside all others.
PYTEST = $(VENV) -m pytest --numprocesses auto --dist loadscope
BOOTSTRAP = @deploy/local/bootstrap.sh
# Tests of rules and dashboards need promtool and Prometheus.
WATCHED = @deploy/local/bootstrap.sh prometheus

.DEFAULT_GOAL := help
.PHONY: help demo test up down logs status check contracts bench-spectrogram bench-analysis bench-decoding bench-latency bench-gateway bench-season bench-backlog bench-outage rolling-restarts corpus fuzz fuzz-api image-steps compose-secrets pictures torch lock lock-torch clean chaos chart chart-schemas bench-cost scaling dashboards alerts alerts-for-real

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 20

demo:  ## upload FILE="my.wav more.flac" (default: a synthesized dawn chorus), show what comes out; KEEP=1 leaves the stack up
	$(BOOTSTRAP)
	@$(VENV) -m deploy.local demo

test:  ## run all tests, with real servers; ARGS goes to pytest
	$(WATCHED)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/species.txt
	$(PYTEST) $(ARGS)

up:  ## start the stack in the background; writes .local/env
	$(BOOTSTRAP)
	@$(VENV) -m deploy.local up

down:  ## stop the stack
	@test ! -x $(VENV) || $(VENV) -m deploy.local down

logs:  ## show the services' logs, and go on in a terminal
	$(BOOTSTRAP)
	@$(VENV) -m deploy.local logs

status:  ## show what runs
	$(BOOTSTRAP)
	@$(VENV) -m deploy.local status

torch:  ## install PyTorch's CPU build, so that the tests of GPUs run; PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL says where it is
	$(BOOTSTRAP)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/gpu-test.txt

check:  ## lint, types, contracts and tests: what CI runs
	$(WATCHED)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/species.txt
	$(VENV) -m ruff format --check .
	$(VENV) -m ruff check .
	$(VENV) -m mypy
	$(VENV) -m contracts check
	$(PYTEST) $(ARGS)

contracts:  ## write the JSON Schemas, AsyncAPI and the table of events
	$(BOOTSTRAP)
	$(VENV) -m contracts build

dashboards:  ## write the dashboards' JSON anew
	$(BOOTSTRAP)
	$(VENV) -m deploy.dashboards build

alerts:  ## check the rules of Prometheus, and test every alert
	$(WATCHED)
	promtool check rules deploy/alerts/*.yaml
	promtool test rules deploy/alerts/tests/*.yaml

alerts-for-real:  ## stop a worker, stop S3, park a letter: see three alerts fire on a stack of its own (some minutes)
	$(WATCHED)
	$(VENV) -m tests.watching

chart:  ## write what is generated in the Helm chart, and what its examples render to
	$(BOOTSTRAP)
	$(VENV) -m deploy.chart
	$(VENV) -m tests.helm

chart-schemas:  ## write the schemas of the chart's custom resources anew, from the npm packages that `tests/helm/crds` pins; needs npm
	cd tests/helm/crds && npm ci --ignore-scripts --no-audit --no-fund && node generate.mjs && rm -rf node_modules

bench-spectrogram:  ## draw real recordings in many ways, side by side (some minutes); ARGS="--only flac", "--day"
	$(BOOTSTRAP)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(VENV) -m tests.benchmarks.spectrogram $(ARGS)

bench-analysis:  ## compute features with Dawnchorus, librosa and others, side by side (some minutes); ARGS="--only pitch", "--long"
	$(BOOTSTRAP)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(VENV) -m tests.benchmarks.analysis $(ARGS)

bench-decoding:  ## decode every kind of recording (a minute); writes the table of docs/decoding.md
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.decoding

bench-latency:  ## send recordings through the whole stack and look when results can be seen; ARGS="--count 10 --backlog 20"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.latency $(ARGS)

bench-season:  ## send fifty recordings through the whole stack, then backfill one extractor (a minute); ARGS="--count 20"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.season $(ARGS)

bench-backlog:  ## preload a work queue with 10,000 messages and let one worker drain it (some minutes); ARGS="--messages 500"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.backlog $(ARGS)

bench-outage:  ## upload while the broker is down for two minutes (four in all); ARGS="--seconds 30"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.outage $(ARGS)

rolling-restarts:  ## replace every replica of every service again and again under load (some minutes); ARGS="--restarts 4"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.restarts $(ARGS)

bench-gateway:  ## ask the gateway for much at once: reads, live events, uploads, 2 GB (some minutes); ARGS="--only live --clients 50"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.gateway $(ARGS)

bench-cost:  ## measure what recordings cost on a stack of its own: processor, S3, MongoDB, messages (some minutes); ARGS="--clips 20 --hours 0", "--keep"
	$(BOOTSTRAP)
	$(VENV) -m tests.benchmarks.scaling.cost $(ARGS)

scaling:  ## simulate days of few and of very many recordings from these costs; writes docs/scaling.md's tables and picture
	$(BOOTSTRAP)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(VENV) -m tests.benchmarks.scaling

corpus:  ## send a whole stack what nobody should send (some minutes); writes the table of docs/corpus.md; ARGS="--only bomb"
	$(BOOTSTRAP)
	$(VENV) -m tests.corpus $(ARGS)

fuzz:  ## change right recordings, messages and bodies in wrong ways (some minutes); ARGS="--seconds 300 --only decode"
	$(BOOTSTRAP)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	$(VENV) -m tests.fuzzing.parsers --guided $(ARGS)

fuzz-api:  ## send a whole stack what its OpenAPI document allows, and what it does not (some minutes); ARGS="--max-examples 500"
	$(BOOTSTRAP)
	$(VENV) -m tests.fuzzing $(ARGS)

chaos:  ## run the whole system under faults drawn from a seed, and check what became of every recording (some minutes); SEEDS=20 MINUTES=5 FIRST=1 ARGS="--sabotage outbox"
	$(BOOTSTRAP)
	$(VENV) -m tests.chaos --seeds $(or $(SEEDS),1) --first $(or $(FIRST),1) --minutes $(or $(MINUTES),1) $(ARGS)

image-steps:  ## follow the Dockerfile's steps in folders, start the four services from there, send recordings through (some minutes)
	$(BOOTSTRAP)
	$(VENV) -m tests.image $(ARGS)

compose-secrets:  ## write the secrets that compose.yaml asks for into .env, once
	@deploy/compose/secrets.sh

pictures:  ## draw real recordings with axes beside sox's and librosa's images, to be looked at; ARGS="--only spinetail"
	$(BOOTSTRAP)
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(VENV) -m tests.benchmarks.pictures $(ARGS)

lock: .local/tools/bin/uv  ## pin every requirement with its hashes
	for extra in ingest spectrogram analysis pitch-swift-f0 voice-activity gateway client dev; do \
		$< pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit 1; \
	done
	$< pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra gpu pyproject.toml -o requirements/gpu.txt
	$< pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra bench -c requirements/dev.txt pyproject.toml -o requirements/bench.txt
	$< pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra fuzz -c requirements/dev.txt pyproject.toml -o requirements/fuzz.txt
	$< pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra species -c requirements/dev.txt pyproject.toml -o requirements/species.txt

lock-torch: .local/tools/bin/uv  ## pin PyTorch's CPU build for tests; UV_INDEX or UV_FIND_LINKS says where it is
	$< pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra gpu-test -c requirements/dev.txt pyproject.toml -o requirements/gpu-test.txt

.local/tools/bin/uv:
	python3 -m venv .local/tools && .local/tools/bin/python -m pip install --quiet uv

clean: down  ## stop the stack and forget all its recordings, logs and results
	rm -rf .local demo-output build .pytest_cache .mypy_cache .ruff_cache .hypothesis
