# make help says what there is. Nothing but Python 3.11 or newer, git and make has to be there.

# The first of these that is new enough; or name one, as in: make run PYTHON=/opt/python/bin/python3
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
# How many processes run the tests beside each other; 0 is the one that was asked. Two take half the
# time of one where there are two processors; more would starve the tests that look at the clock.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(2 if (os.cpu_count() or 1) > 1 else 0)')
.DEFAULT_GOAL := help

# One shell a target: the words of a recipe are what a person would type.
.PHONY: help run test check bench backup restore messages screenshots install login key format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: python ## start everything, on http://127.0.0.1:8000 (make run PORT=8001 for another port)
	@$(PYTHON) install.py app sandbox bubblewrap redis
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec $(BIN)/python -m playground.runner

test: python ## the whole test suite, then on PostgreSQL what depends on the database (ARGS="-k cancel" for a part, JOBS=0 in one process, TEST_DATABASE=postgresql for all on that alone)
	@$(PYTHON) install.py dev sandbox bubblewrap redis chromium samples network
	@result=0; $(PYTEST) $(ARGS) || result=$$?; \
	test -n "$(TEST_DATABASE)" || TEST_DATABASE=postgresql $(PYTEST) -m "(database or stack) and not looks" $(ARGS) \
		|| test $$? = 5 || result=1; \
	exit $$result # 5: no test of that part depends on the database

PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH:/usr/sbin" $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

check: python ## format, lint, types, import rules, migrations
	@$(PYTHON) install.py dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run

bench: python ## the benchmarks, as ratios side by side
	@$(PYTHON) install.py dev sandbox bubblewrap redis
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec $(BIN)/python -m bench $(ARGS)

login: ## a new sign-in link for the studio that runs
	@$(BIN)/python manage.py login

key: ## a new API key (make key NAME=notebook)
	@$(BIN)/python manage.py api_key "$(or $(NAME),key)"

backup: ## everything that is kept, in one file (make backup TO=/backups/monday.tar)
	$(if $(TO),,$(error Say where to: make backup TO=/backups/monday.tar))
	@$(BIN)/python manage.py backup "$(TO)"

restore: ## fill an empty installation with a backup (make restore FROM=/backups/monday.tar)
	$(if $(FROM),,$(error Say from what: make restore FROM=/backups/monday.tar))
	@$(BIN)/python manage.py restore "$(FROM)"

messages: python ## bring the translations in locale/ up to date with what the pages say
	@$(PYTHON) install.py dev
	$(BIN)/python manage.py messages

screenshots: python ## take the pictures of the pages anew (ARGS="thread settings" for some)
	@$(PYTHON) install.py dev sandbox bubblewrap redis chromium
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec $(BIN)/python -m tests.screenshots $(ARGS)

format: python ## put the code into the project's form
	@$(PYTHON) install.py dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: python ## only install what "make run" needs
	@$(PYTHON) install.py app sandbox bubblewrap redis

lock: python ## write requirements/*.lock anew after a change to pyproject.toml or requirements/*.in
	@$(PYTHON) install.py dev
	$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.lock
	$(LOCK) requirements/bubblewrap.in -o requirements/bubblewrap.lock
	$(LOCK) requirements/sandbox.in -o requirements/sandbox.lock
	$(LOCK) pyproject.toml -o requirements/app.lock
	$(LOCK) pyproject.toml --group dev -c requirements/app.lock -o requirements/dev.lock

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3"; exit 1; }
