# make book | pdf | epub | slides | live | twins | assignments | anki | test | bench | stress |
# gpu-check | evaluations | outputs | clean: each installs what it needs into .venv, and again
# when pyproject.toml or constraints.txt change.
PYTHON ?= python3
IMAGENETTE ?= data/cache/imagenette
TINY ?= data/cache/tiny-imagenet
BSDS500 ?= data/cache/BSDS500
COCO_MINI ?= data/cache/COCO-MINI
LAB_FLAGS ?=  # JupyterLab's, for example --no-browser
ADDRESS ?=  # the project's, for notebooks that run alone
SETS ?=  # more folders of classes for the probes: caltech=FOLDER flowers=FOLDER ...
BIN := .venv/bin
READY := .venv/ready-book
TESTED := .venv/ready-test
PRINTED := .venv/ready-print
SPREAD := -n logical --maxprocesses 4 --dist loadfile  # files of tests side by side
NBVAL := book --nbval-lax --nbval-current-env --nbval-cell-timeout 600 \
    --nbval-sanitize-with tests/nbval_sanitize.cfg
SHOWN := $(shell find colorlab data -type f ! -name '*.pyc' ! -path 'data/cache/*' 2>/dev/null)

.PHONY: book pdf epub slides test live twins assignments anki bench stress gpu-check evaluations outputs clean

book: $(READY) _build/shown
	$(BIN)/jupyter-book build . -W -n --keep-going --all
	@echo
	@echo "The book is built. Open this file in a browser:"
	@echo "  $(CURDIR)/_build/html/index.html"

pdf: $(PRINTED) book  # the whole book on numbered pages, by an installed Chromium
	$(BIN)/python book/_tools/pdf.py out/colorization-lab.pdf

epub: $(PRINTED) book  # and as an e-book
	$(BIN)/python book/_tools/epub.py out/colorization-lab.epub

test: $(TESTED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	rm -rf _build
	$(MAKE) --no-print-directory book
	$(BIN)/python -m pytest --doctest-modules colorlab
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests $(NBVAL) $(SPREAD)

live: $(READY)
	$(BIN)/python book/_tools/live.py out/live
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/out/live/intro.ipynb $(LAB_FLAGS) \
	    $$([ "$$(id -u)" = 0 ] && echo --allow-root)

twins: $(READY)  # chapters that run alone, from the address in _config.yml or ADDRESS
	$(BIN)/python book/_tools/live.py out/twins --alone $(ADDRESS)

assignments: $(READY)  # of each chapter, with solutions and without
	$(BIN)/python book/_tools/assignments.py out/assignments

slides: book  # of each chapter, out of its page
	$(BIN)/python book/_tools/slides.py _build/html out/slides

anki: $(READY)  # glossary and exercises as cards
	$(BIN)/python book/_tools/anki.py out/colorization-lab.txt

bench: .venv/ready-bench  # minutes; nothing else should run meanwhile
	for name in lab encode loss step processes memory init colorizing browser; do $(BIN)/python benchmarks/$$name.py || exit; done
	$(BIN)/python benchmarks/painting.py  # prints only

stress: $(TESTED)  # what takes minutes: runs killed twenty times; Firefox and WebKit
	$(BIN)/python -m pytest tests -m stress

gpu-check: $(TESTED)  # on a machine with a GPU: tests, chapters, a short training
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests \
	    $(subst sanitize.cfg,sanitize_gpu.cfg,$(NBVAL)) $(SPREAD) -m 'not stress and not browser'
	$(BIN)/python benchmarks/gpu_check.py

evaluations: $(READY)  # every figure of data/evaluations, from its four sets; three hours
	mkdir -p out/calibrated
	for net in l2 class rebal; do $(BIN)/colorlab calibrate $$net $(IMAGENETTE) $(TINY) \
	    --overwrite -o out/calibrated/$$net.safetensors || exit; done
	$(BIN)/python benchmarks/evaluations.py imagenette-1000=$(IMAGENETTE) \
	    tiny-imagenet-held-out-1000=$(TINY) bsds500=$(BSDS500) coco-mini=$(COCO_MINI)
	$(BIN)/python benchmarks/evaluations.py imagenette-1000=$(IMAGENETTE) \
	    tiny-imagenet-held-out-1000=$(TINY) \
	    $$(for net in l2 class rebal; do echo $$net-calibrated=out/calibrated/$$net.safetensors; done)
	$(BIN)/python benchmarks/semantic.py $(IMAGENETTE)
	$(BIN)/python benchmarks/systems.py
	$(BIN)/python benchmarks/dots.py
	$(BIN)/python benchmarks/hints.py $(BSDS500) $(COCO_MINI)
	$(BIN)/python benchmarks/hintreader.py $(COCO_MINI)
	$(BIN)/python benchmarks/probe.py $(IMAGENETTE) tiny-imagenet=$(TINY) $(SETS)
	$(BIN)/python benchmarks/labels.py $(IMAGENETTE)
	$(BIN)/python benchmarks/doubt.py $(COCO_MINI) $(BSDS500) $(IMAGENETTE)

_build/shown: $(SHOWN)  # what the chapters show has changed: all shall run again
	rm -rf _build/.jupyter_cache
	mkdir -p _build
	touch $@

outputs: $(READY)  # run the chapters again and store their text outputs
	$(BIN)/python book/_tools/store_outputs.py

clean:
	rm -rf .venv node_modules _build build out *.egg-info .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready-%: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python is missing: install Python 3.11 or newer, or name it:"; \
	  echo "  make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
	  echo "Name a newer one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing (on Debian and Ubuntu: apt install python3-venv)."; \
	  exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo {} > .venv/package.json  # Node must not take JupyterLab's scripts for ours
	$(BIN)/python -m pip install --disable-pip-version-check --quiet \
	    --constraint constraints.txt --editable '.[$*]'
	@touch $@ $(if $(filter test bench,$*),$(READY) $(PRINTED)) $(if $(filter bench,$*),$(TESTED))
