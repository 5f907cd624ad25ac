# Plumbline: commands for developers. `make help` lists them.

BIN := .venv/bin
# Where Python is told not to write bytecode, it would compile every package at every start. What it compiles for these
# commands it keeps in the virtual environment, so it writes nothing beside the code there either.
ifdef PYTHONDONTWRITEBYTECODE
KEEP_BYTECODE := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX="$(CURDIR)/.venv/bytecode"
endif
EXEC := exec $(KEEP_BYTECODE) $(BIN)/python -m devservices exec --
INSTALL = python=$$(PYTHON="$(PYTHON)" sh devservices/find_python.sh) && "$$python" -I devservices/install.py
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

# Production settings with made-up values: `make check` checks the secure settings.
PRODUCTION := env DEBUG=0 ALLOWED_HOSTS=plumbline.example PUBLIC_URL=https://plumbline.example TRUSTED_PROXY_COUNT=1 \
	EMAIL_URL=smtp+tls://user:secret@mail.plumbline.example:587 PLAID_ENV=production \
	PLAID_CLIENT_ID=0123456789abcdef01234567 PLAID_SECRET=0123456789abcdef0123456789abcd

.DEFAULT_GOAL := help
.PHONY: help run test dates check fix messages privacy bench lock packages dev-packages

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: packages  ## start everything on this machine: site, jobs, sandbox, PostgreSQL, Redis (PORT=8001 to choose)
	@exec $(KEEP_BYTECODE) $(BIN)/python -m devservices.launch

test: dev-packages  ## run all tests (ARGS="-k sync" to choose; --no-browser leaves out browser tests)
	@$(EXEC) $(BIN)/python -m pytest -n 2 $(ARGS)

dates: dev-packages  ## run the tests about dates on three other days (needs libfaketime)
	@exec $(KEEP_BYTECODE) $(BIN)/python -m config.tests.clock -q $(ARGS)

check: dev-packages  ## lint, types, templates, import directions, migrations, deployment settings, translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates
	$(BIN)/djlint --profile jinja --lint */jinja2
	$(EXEC) $(PRODUCTION) sh -ec '$(BIN)/mypy; \
		$(BIN)/python manage.py migrate --database owner --verbosity 0; \
		$(BIN)/python manage.py makemigrations --check --dry-run; \
		$(BIN)/python manage.py check --deploy --database default --database ops --fail-level WARNING'

fix: dev-packages  ## fix what ruff and djlint can fix automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --quiet --reformat templates

messages: dev-packages  ## collect the sentences of pages and code into locale/ (needs GNU gettext)
	@$(EXEC) $(PRODUCTION) $(BIN)/python manage.py makemessages --locale en --no-obsolete $(ARGS)

privacy: dev-packages  ## write docs/privacy.md from the registry of personal data (ARGS=--check only compares)
	@$(EXEC) $(PRODUCTION) $(BIN)/python manage.py write_privacy_document $(ARGS)

bench: dev-packages  ## run the benchmarks, with their own PostgreSQL and Redis
	@$(EXEC) $(BIN)/python -m bench $(ARGS)

lock: dev-packages  ## resolve requirements*.in into requirements*.txt, with hashes (ARGS=--upgrade for newer versions)
	$(LOCK) $(ARGS) --output-file requirements-uv.txt requirements-uv.in
	$(LOCK) $(ARGS) --output-file requirements-build.txt requirements-build.in
	$(LOCK) $(ARGS) --output-file requirements.txt requirements.in
	$(LOCK) $(ARGS) --output-file requirements-dev.txt requirements-dev.in

packages:
	@$(INSTALL) requirements-build.txt requirements.txt

dev-packages:
	@$(INSTALL) requirements-build.txt requirements.txt requirements-dev.txt
