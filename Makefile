# The common tasks; each is the command that CONTRIBUTING.md explains.

.PHONY: help setup test slow lint format types docs links bench ci

help: ## list the tasks
	@sed -n 's/^\([a-z]*\): ## \(.*\)/make \1\t\2/p' Makefile

setup: ## install the package and all tools into the active environment
	python -m pip install -q "pip>=25.1"
	python -m pip install -e ".[test,examples]" --group dev

test: ## run tests and doctests on all cores
	python -m pytest -n auto

slow: ## run the long sweeps, which the tests leave out
	python -m pytest -n auto -m slow

lint: ## check style and format
	python -m ruff check .
	python -m ruff format --check .

format: ## mend style and format
	python -m ruff check --fix .
	python -m ruff format .

types: ## check the package's types, and what users see of them
	python -m mypy
	python -m pytest -q -m "slow or not slow" tests/annotations

docs: ## build the documentation, and run the code on its pages
	python -m sphinx -W -q -j auto -d docs/_build/doctrees docs docs/_build/html
	python -m sphinx -W -q -b doctest -d docs/_build/doctrees docs docs/_build/doctest

links: ## ask the hosts of all links to other sites, by hand and not in CI
	python -m sphinx -q -b linkcheck -d docs/_build/doctrees docs docs/_build/links

bench: ## compare training steps with PyTorch's, a few of each
	python -m benchmarks.run --quick

ci: ## run all that must hold before a change lands
	.ci/run
