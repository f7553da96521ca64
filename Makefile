# make env    the environment alone, in .venv, with `lj` in it
# make demo   a song, its film and a contact sheet, in build/demo
# make test   all tests
# make check  formatter, linter, types and the fast tests, in about a minute
# make test-slow   the few tests that take too long for every change
# make lint   formatter, linter, types, room contract
# make bench  the measurements in bench/*.md, made anew

PYTHON ?= python3
BIN := .venv/bin
SONG := build/demo/song.wav
FILM := build/demo/film.mp4
SHEET := build/demo/sheet.png

.PHONY: env demo test test-slow check lint bench clean

env: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  $(MAKE) --no-print-directory apt PACKAGES=python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(SONG): demo/compose.py .venv/ready
	$(BIN)/python demo/compose.py $@

demo: $(SONG)
	$(BIN)/lj render $(SONG) -o $(FILM) --preset silk --size 640x360
	$(BIN)/lj sheet $(FILM) -o $(SHEET) --quiet
	@echo "film:  $(FILM)"
	@echo "sheet: $(SHEET)"

# A compiler; a virtual screen, a sound server and a MIDI loopback that the live tests play on; an
# instrument to learn from. Installed where we may.
STAGE := g++ xvfb xdotool x11-xserver-utils libgl1 libgl1-mesa-dri libegl1 libegl-mesa0 \
         pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 jackd2 chromium \
         libfluidsynth3 timgm6mb-soundfont

# Two at a time, a file each: many of the live tests wait for sounds and screens.
test: env stage
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: env stage
	$(BIN)/python -m pytest -m slow --timeout 900

.PHONY: stage
stage:
	@if command -v dpkg >/dev/null && ! dpkg -s $(STAGE) >/dev/null 2>&1; then \
	  $(MAKE) --no-print-directory apt PACKAGES='$(STAGE)'; fi

.PHONY: apt
apt:
	@if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "missing: sudo apt-get install $(PACKAGES)"; exit 1; fi; \
	$$sudo apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $(PACKAGES) >/dev/null

# What needs no screen, no sound server and no program of its own.
FAST := tests/test_api.py tests/test_house.py tests/synth tests/live/test_clock.py tests/live/test_parameters.py \
        tests/live/test_address_space.py tests/precompute/test_lyrics.py tests/render/test_timeline.py

check: env
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=0 --durations-min=5 $(FAST)

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: env
	$(BIN)/python -m bench.offline
	$(BIN)/python -m bench.ears
	$(BIN)/python -m bench.records
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.procedural
	$(BIN)/python -m bench.live
	$(BIN)/python -m bench.hands
	$(BIN)/python -m bench.farm
	$(BIN)/python -m bench.evening
	$(BIN)/python -m bench.words
	$(BIN)/python -m bench.night --messages 1000000

clean:
	rm -rf .venv build dist
