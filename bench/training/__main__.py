"""Make the weights of the learned ear anew: compose, listen, learn.

    python -m bench.training FOLDER [--pieces N] [--epochs N]

needs fluidsynth's library and Debian's fluid-soundfont-gm, opl3-soundfont, timgm6mb-soundfont,
avldrums.lv2-soundfont, hydrogen-data, hydrogen-drumkits, lmms-common, openttd-openmsx and
planetblupi-music-midi. Two cores compose for a quarter of an hour and learn for half an hour.
Examples that `FOLDER` holds already are taken as they are. The weights of each epoch are written
into it; records tell which are the best. Those that are shipped are of epoch 11, the best on the
development part of `bench.records` of the three that were tried (1, 11 and 13, counted from 0).
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from synth.analysis.network import WEIGHTS

from . import examples, kits, midi_songs, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.training", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int, default=1800)
    parser.add_argument("--epochs", type=int, default=14)
    asked = parser.parse_args()
    needed = (*examples.FONTS, *examples.DRUM_FONTS, *midi_songs.FOLDERS, kits.HYDROGEN, kits.LMMS)
    missing = [path for path in needed if not path.exists()]
    if missing:
        parser.exit(1, f"{missing[0]} is missing; install the packages that --help names\n")
    asked.folder.mkdir(parents=True, exist_ok=True)
    workers = os.cpu_count() or 1
    shares = [range(first, asked.pieces, workers) for first in range(workers)]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(partial(examples.make, asked.folder), shares))
    train.train(asked.folder, asked.epochs)
    print(f"{asked.folder}: weights of {asked.epochs} epochs; the best one becomes {WEIGHTS}")


if __name__ == "__main__":
    main()
