# make env    the environment alone, in .venv, with `lj` in it
# make demo   a song, its film and a contact sheet, in build/demo
# make test   all tests
# make lint   formatter, linter, types, room contract
# make bench  the measurements in bench/*.md, made anew

PYTHON ?= python3
BIN := .venv/bin
SONG := build/demo/song.wav
FILM := build/demo/film.mp4
SHEET := build/demo/sheet.png

.PHONY: env demo test lint bench clean

env: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory system
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Debian splits venv from Python; install it where we may, else say how.
.PHONY: system
system:
	@if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv; \
	elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq python3-venv; \
	else echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 1; fi

$(SONG): demo/compose.py .venv/ready
	$(BIN)/python demo/compose.py $@

demo: $(SONG)
	$(BIN)/lj render $(SONG) -o $(FILM) --preset silk --size 640x360
	$(BIN)/lj sheet $(FILM) -o $(SHEET) --quiet
	@echo "film:  $(FILM)"
	@echo "sheet: $(SHEET)"

test: env
	$(BIN)/python -m pytest

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: env
	$(BIN)/python -m bench.offline
	$(BIN)/python -m bench.ears

clean:
	rm -rf .venv build dist
