"""Recorded and electronic drums: kits of Hydrogen, and single sounds that come with LMMS."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from synth.audio_file import hops_of
from synth.constants import RATE
from synth.errors import UserError

HYDROGEN = Path("/usr/share/hydrogen/data/drumkits")
LMMS = Path("/usr/share/lmms/samples/drums")
KEPT_APART = ("ColomboAcousticDrumkit", "GMRockKit", "ForzeeStereo", "HardElectro1")  # to test
_LONGEST = 3.0  # seconds of one sound
_ROLES = (  # the first whose pattern a name has
    ("none", r"roll|fx|whistle|loop|beats_|swish|click|noise|nz$"),
    ("stick", r"stick|rim(?!shot)|side|clave?|wood"),
    ("kick", r"kick|bass ?drum|thump|bd"),
    ("clap", r"clap|snap"),
    ("snare", r"snare|sd|cajon slap"),
    ("open hat", r"(hat|hh|hi-hat|hihat).*(op)|(open|semi).*(hat|hh)|free|ohh"),
    ("pedal hat", r"(pedal|foot|pd).*(hat|hh)?$|(hat|hh|hihat).*(pedal|foot|pd)"),
    ("hat", r"hat|hh"),
    ("ride", r"ride|bell"),
    ("crash", r"crash|splash|cymbal|china"),
    ("tom", r"tom"),
    ("perc", r"cowbell|conga|bongo|tambourine|shaker|maraca|djembe|dun|sangban|kenken|agogo"),
)


@dataclass
class Kit:
    """Sounds by role; each role has layers from soft to loud, each float32 at RATE."""

    name: str
    sounds: dict[str, list[list[np.ndarray]]] = field(default_factory=dict)

    def add(self, label: str, layers: list[np.ndarray]) -> None:
        """Keep a sound under the role that its label tells; what tells none is left out."""
        role = role_of(label)
        if role and layers:
            self.sounds.setdefault(role, []).append(layers)

    @property
    def is_whole(self) -> bool:
        """Whether it has what a groove needs."""
        return {"kick", "snare", "hat"} <= set(self.sounds)


def role_of(label: str) -> str:
    """The role of a drum from its label; empty where it has none that is known."""
    found = next((role for role, pattern in _ROLES if re.search(pattern, label.lower())), "")
    return "" if found == "none" else found


def hydrogen_kits(*, kept_apart: bool = False) -> list[Kit]:
    """Hydrogen's kits that may be learnt from, or those that are kept apart to test with."""
    kits = []
    for place in sorted(HYDROGEN.glob("*/drumkit.xml")):
        if (place.parent.name in KEPT_APART) == kept_apart:
            kit = Kit(place.parent.name)
            for label, layers in _instruments(place):
                kit.add(label, layers)
            if kit.sounds:
                kits.append(kit)
    return kits


def _instruments(place: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    root = ElementTree.fromstring(re.sub(r' xmlns(:xsi)?="[^"]+"', "", place.read_text("utf-8")))
    for instrument in root.iter("instrument"):
        files = [layer.findtext("filename", "") for layer in instrument.iter("layer")]
        files = files or [instrument.findtext("filename", "")]
        paths = [place.parent / name for name in files if name]
        layers = [sound for path in paths if path.is_file() for sound in _read(path)]
        yield instrument.findtext("name", ""), layers


def single_sounds(folder: Path = LMMS) -> list[Kit]:
    """LMMS' single sounds as one kit, where they are installed."""
    kit = Kit("single sounds")
    for path in sorted(folder.glob("*.ogg")):
        kit.add(path.stem, list(_read(path)))
    return [kit] if kit.sounds else []


def _read(path: Path) -> Iterator[np.ndarray]:
    try:
        mono = np.concatenate(list(hops_of(path)))
    except UserError:  # one that is empty or damaged
        return
    loud = np.flatnonzero(np.abs(mono) > 0.02 * max(1e-9, float(np.abs(mono).max())))
    if len(loud):
        begun = mono[max(0, loud[0] - 20) :][: round(_LONGEST * RATE)]
        yield begun / np.abs(begun).max()


def mixed_kit(kits: list[Kit], random: np.random.Generator) -> Kit:
    """One of the whole kits, or sounds of several."""
    whole = [kit for kit in kits if kit.is_whole]
    chosen = whole[random.integers(len(whole))]
    if random.random() < 0.5:
        return chosen
    mixed = Kit("mixed", dict(chosen.sounds))
    for role in sorted({role for kit in kits for role in kit.sounds}):
        having = [kit for kit in kits if role in kit.sounds]
        if random.random() < 0.6:
            mixed.sounds[role] = having[random.integers(len(having))].sounds[role]
    return mixed


def strike(
    kit: Kit, hits: list[tuple[float, str, float]], seconds: float, random: np.random.Generator
) -> np.ndarray:
    """Hits (seconds, role, velocity 0..1) as mono samples, float32; one sound a role for all.

    A role that the kit lacks takes its nearest relative, or is silent.
    """
    tape = np.zeros(round((seconds + _LONGEST) * RATE), np.float32)
    level = {role: 10 ** (random.normal(0, 2.5) / 20) * _LEVELS[role] for role in _LEVELS}
    pitch = {role: 2 ** (random.normal(0, 1.5) / 12) for role in _LEVELS}
    voice = int(random.integers(1 << 30))
    ready: dict[tuple[str, int], np.ndarray] = {}
    for at, role, velocity in hits:
        having = next((r for r in (role, *_RELATIVES.get(role, ())) if r in kit.sounds), None)
        if having is None:
            continue
        voices = kit.sounds[having]
        stable = zlib.crc32(role.encode()) + voice
        layers = voices[stable % len(voices)]
        number = min(len(layers) - 1, int(velocity * len(layers)))
        if (role, number) not in ready:
            ready[role, number] = _tuned(layers[number], pitch[role])
        sound = ready[role, number]
        begin = round(at * RATE)
        tape[begin : begin + len(sound)] += level[role] * velocity * sound[: len(tape) - begin]
    return tape[: round(seconds * RATE)]


_LEVELS = {
    "kick": 1.0,
    "snare": 0.8,
    "clap": 0.6,
    "stick": 0.5,
    "hat": 0.3,
    "open hat": 0.35,
    "pedal hat": 0.25,
    "ride": 0.35,
    "crash": 0.5,
    "tom": 0.7,
    "perc": 0.4,
}
ROLES = tuple(_LEVELS)
_RELATIVES = {
    "clap": ("snare",),
    "open hat": ("hat",),
    "pedal hat": ("hat",),
    "ride": ("open hat", "hat"),
    "stick": ("perc",),
    "crash": ("ride",),
    "perc": ("stick", "tom"),
}


def _tuned(sound: np.ndarray, ratio: float) -> np.ndarray:
    places = np.arange(0, len(sound) - 1, ratio)
    tuned: np.ndarray = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    return tuned
