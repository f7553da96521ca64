"""Styles of music as rules: what is played where in a bar, how fast and with what.

A pattern has a sign a step: `x` a hit, `o` a soft one, `?` one that may come, `.` none. Bars of
four beats have 16 steps, bars of three 12, and shuffled bars of four beats in triplets 12 as well.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Groove(NamedTuple):
    """Drums of one bar."""

    kick: str
    snare: str
    hat: str


@dataclass(frozen=True)
class Style:
    """How a kind of music is played; patterns of a style fit into its bar."""

    name: str
    bpm: tuple[float, float]
    grooves: tuple[Groove, ...]
    bass: tuple[str, ...]
    comping: tuple[str, ...]
    lead: tuple[str, ...] = ("motif", "long", "none", "sung")
    programs: str = "band"  # of PROGRAMS
    beats: int = 4  # in a bar
    steps: int = 4  # in a beat
    swing: tuple[float, float] = (0.0, 0.0)  # of half a beat by which off-beats come late
    live: float = 0.5  # chance that it is played by hand: tempo and hits stray
    drummed: float = 0.95  # chance of drums in the piece
    pumping: float = 0.0  # chance of side-chained compression
    snares: tuple[str, ...] = ("snare",)
    hats: tuple[str, ...] = ("hat", "hat", "hat", "ride", "open hat")


_8, _16, _4, _OFF = "x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "x...x...x...x...", "..x...x...x...x."
_BACK, _HALF = "....x.......x...", "........x......."
_NO = "................"

PROGRAMS: dict[str, dict[str, tuple[int, ...]]] = {
    "band": {
        "bass": (32, 33, 34, 35, 36),
        "comping": (0, 1, 4, 5, 7, 16, 17, 18, 24, 25, 26, 27, 28),
        "pad": (48, 49, 50, 51, 89, 16, 19),
        "lead": (0, 4, 22, 26, 27, 29, 56, 65, 66, 73, 52, 53, 54, 85),
    },
    "rock": {
        "bass": (33, 34, 34, 36),
        "comping": (27, 28, 29, 29, 30, 30, 16, 25),
        "pad": (29, 30, 48, 50, 18),
        "lead": (29, 30, 27, 18, 81, 53, 54),
    },
    "electronic": {
        "bass": (38, 39, 38, 39, 81, 87, 80),
        "comping": (80, 81, 62, 63, 90, 5, 16, 88, 99, 103),
        "pad": (88, 89, 90, 91, 92, 93, 94, 95, 50, 51, 54),
        "lead": (80, 81, 82, 83, 84, 86, 87, 98, 85),
    },
    "chip": {
        "bass": (80, 81, 38, 39, 33),
        "comping": (80, 81, 80, 46, 13, 11),
        "pad": (80, 50, 62, 48),
        "lead": (80, 81, 82, 79, 72, 73, 56),
    },
    "orchestra": {
        "bass": (43, 42, 58, 43),
        "comping": (45, 48, 44, 40, 41, 46, 60, 61, 68, 70, 71, 73, 0),
        "pad": (48, 49, 44, 52, 61, 60, 91),
        "lead": (40, 42, 56, 57, 60, 68, 71, 73, 72, 11, 46, 52),
    },
    "folk": {
        "bass": (32, 43, 58, 24),
        "comping": (24, 25, 15, 21, 22, 105, 46, 6, 107, 0),
        "pad": (21, 109, 20, 48),
        "lead": (40, 73, 74, 75, 78, 79, 109, 110, 22, 24, 72),
    },
    "soft": {
        "bass": (32, 35, 89, 43, 33),
        "comping": (0, 1, 4, 24, 46, 11, 12, 88, 99),
        "pad": (89, 91, 48, 49, 95, 94, 52, 88, 51),
        "lead": (73, 71, 11, 0, 52, 78, 65, 40),
    },
}

STYLES = (
    Style(
        "house",
        (112, 132),
        (
            Groove(_4, _BACK, _OFF),
            Groove(_4, _BACK, "x.xxx.xxx.xxx.xx"),
            Groove(_4, _NO, _16),
            Groove(_4, "....x.......x..?", "..x..ox...x..ox."),
        ),
        ("offbeat", "octaves", "sync", "eighths", "tresillo", "riff"),
        ("sustain", "stabs", "offbeat", "arp16", "tresillo", "riff"),
        programs="electronic",
        live=0.0,
        pumping=0.7,
        snares=("clap", "snare"),
        hats=("open hat", "hat"),
    ),
    Style(
        "techno",
        (120, 150),
        (
            Groove(_4, _NO, _OFF),
            Groove(_4, "..?.x..?....x...", _16),
            Groove("x...x...x...x.x.", _BACK, "..x...x...x...xx"),
        ),
        ("offbeat", "sixteenths", "riff", "gallop"),
        ("sustain", "arp16", "riff", "none", "tresillo"),
        programs="electronic",
        live=0.0,
        pumping=0.6,
        snares=("clap", "snare", "stick"),
        hats=("open hat", "hat", "ride"),
    ),
    Style(
        "trance",
        (128, 146),
        (Groove(_4, _BACK, _OFF), Groove(_4, _NO, _16)),
        ("offbeat", "gallop", "sixteenths", "rolling"),
        ("sustain", "arp16", "arp16", "offbeat"),
        lead=("motif", "fast", "long"),
        programs="electronic",
        live=0.0,
        pumping=0.7,
        snares=("clap", "snare"),
        hats=("open hat", "hat"),
    ),
    Style(
        "drum and bass",
        (160, 182),
        (
            Groove("x.........x.....", _BACK, _8),
            Groove("x.x.......x.....", "....x..o.o..x..o", _16),
            Groove("x..x......xx....", "....x..?.?..x...", "x.x.xox.x.x.xox."),
        ),
        ("sustain", "riff", "sync", "eighths"),
        ("sustain", "stabs", "arp16", "none"),
        programs="electronic",
        live=0.0,
        pumping=0.3,
        hats=("hat", "ride", "open hat"),
    ),
    Style(
        "breakbeat",
        (85, 142),
        (
            Groove("x.x.......xx....", "....x..o.o..x..o", _8),
            Groove("x.....x...x..x..", "....x....?..x..?", _16),
            Groove("x..x..x...x.....", _BACK, "x.xxx.x.x.xxx.x."),
        ),
        ("sync", "riff", "eighths", "sustain"),
        ("sustain", "stabs", "riff", "arp8"),
        programs="electronic",
        live=0.3,
        pumping=0.2,
    ),
    Style(
        "hip hop",
        (70, 104),
        (
            Groove("x......x.xx.....", _BACK, _8),
            Groove("x.....x...x..x..", _BACK, _16),
            Groove("x..x...?..x.....", "....x.......x..?", "x.x.x.x.x.xxx.x."),
        ),
        ("sync", "sustain", "riff"),
        ("sustain", "stabs", "riff", "arp8"),
        lead=("sung", "none", "motif"),
        programs="electronic",
        swing=(0.0, 0.25),
        live=0.3,
        snares=("snare", "clap"),
    ),
    Style(
        "trap",
        (65, 85),
        (
            Groove("x.....x...x..x..", _BACK, _16),
            Groove("x..x......x.....", _BACK, "x.xxx.xxxxxx.xxx"),
        ),
        ("sustain", "sync"),
        ("sustain", "arp8", "none"),
        programs="electronic",
        live=0.0,
        snares=("clap", "snare"),
    ),
    Style(
        "pop",
        (84, 134),
        (
            Groove("x.......x.......", _BACK, _8),
            Groove("x.....x.x.......", _BACK, _8),
            Groove("x.......x.x.....", _BACK, _16),
            Groove(_4, _BACK, _8),
            Groove("x..x....x..x....", _BACK, _8),
        ),
        ("eighths", "roots", "sync", "sustain", "riff"),
        ("sustain", "strum", "arp8", "pushed", "quarters", "stabs"),
        lead=("sung", "sung", "motif", "none"),
        live=0.6,
        pumping=0.1,
    ),
    Style(
        "ballad",
        (56, 88),
        (
            Groove("x.......x.......", _BACK, _8),
            Groove("x.......x.x.....", _BACK, _16),
            Groove("x...............", _HALF, _8),
        ),
        ("roots", "sustain", "eighths"),
        ("sustain", "arp8", "strum", "arp16", "quarters"),
        lead=("sung", "long", "none"),
        live=0.8,
        drummed=0.7,
    ),
    Style(
        "rock",
        (88, 178),
        (
            Groove("x.......x.......", _BACK, _8),
            Groove("x.....x.x.......", _BACK, _8),
            Groove("x.......x.x.....", _BACK, _4),
            Groove("x.x.....x.x.....", _BACK, _8),
            Groove("x..x..x.x..x....", _BACK, "x.x.x.x.x.x.x.x."),
            Groove("x.....x.....x...", _HALF, _4),
        ),
        ("eighths", "eighths", "sync", "roots", "riff"),
        ("strum", "sustain", "riff", "eighth chug", "pushed", "stabs"),
        lead=("sung", "motif", "none", "fast"),
        programs="rock",
        live=0.8,
        hats=("hat", "open hat", "ride", "crash"),
    ),
    Style(
        "punk",
        (150, 212),
        (
            Groove("x.....x.x.......", _BACK, _8),
            Groove("x..x..x.x..x..x.", _BACK, _4),
            Groove("x.x.....x.x.....", _BACK, _8),
        ),
        ("eighths", "sync"),
        ("strum", "eighth chug", "riff"),
        lead=("sung", "none"),
        programs="rock",
        live=0.8,
        hats=("hat", "open hat", "ride", "crash"),
    ),
    Style(
        "metal",
        (86, 214),
        (
            Groove("x.x.x.x.x.x.x.x.", _BACK, _4),
            Groove("xxxxxxxxxxxxxxxx", _BACK, _4),
            Groove("x.xxx.xxx.xxx.xx", _BACK, _4),
            Groove("x.....x.x.x.....", _HALF, _4),
            Groove("x..x..x..x..x.x.", _HALF, _4),
            Groove("xx.xx.xx.xx.xx.x", _HALF, _4),
            Groove("x...x...x...x...", "..x...x...x...x.", _8),
            Groove("x.x.x.x.x.x.x.x.", ".x.x.x.x.x.x.x.x", _4),
        ),
        ("sixteenths", "eighths", "sync", "gallop"),
        ("chug", "gallop", "eighth chug", "sustain", "riff", "tremolo"),
        lead=("fast", "motif", "none", "none", "sung"),
        programs="rock",
        live=0.7,
        hats=("crash", "ride", "hat", "open hat"),
    ),
    Style(
        "funk",
        (88, 122),
        (
            Groove("x..x......x..x..", "....x..o.o..x..o", _16),
            Groove("x.x.......x..x..", "....x..o....x.o.", _8),
            Groove("x.....x..?x.....", "....x..?.?..x...", "x.xxx.xxx.xxx.xx"),
        ),
        ("sync", "riff", "octaves"),
        ("scratch", "stabs", "riff", "sustain"),
        swing=(0.0, 0.15),
        live=0.8,
    ),
    Style(
        "disco",
        (108, 132),
        (Groove(_4, _BACK, _OFF), Groove(_4, _BACK, _16), Groove(_4, _BACK, "x.xxx.xxx.xxx.xx")),
        ("octaves", "sync", "eighths", "walking"),
        ("scratch", "offbeat", "sustain", "stabs"),
        live=0.5,
        hats=("open hat", "hat"),
    ),
    Style(
        "reggae",
        (62, 96),
        (
            Groove(_HALF, _HALF, _8),
            Groove("x.......x.......", _HALF, "..x...x...x...x."),
            Groove(_4, _HALF, _8),
        ),
        ("riff", "sync", "tresillo"),
        ("skank", "offbeat"),
        swing=(0.0, 0.3),
        live=0.8,
        snares=("stick", "snare"),
    ),
    Style(
        "latin",
        (88, 132),
        (
            Groove("x..x..x.x..x..x.", "...x..x....x..x.", _8),
            Groove("x.....x.x.....x.", "x..x..x...x.x...", _16),
            Groove(_4, "...x..x....x..x.", _16),
        ),
        ("tresillo", "tumbao", "sync"),
        ("montuno", "tresillo", "offbeat", "strum"),
        live=0.7,
        snares=("stick", "perc", "snare"),
        hats=("perc", "hat", "ride"),
    ),
    Style(
        "bossa nova",
        (104, 152),
        (Groove("x..xx..xx..xx..x", "x..x..x...x..x..", _8),),
        ("roots fifth", "tumbao"),
        ("montuno", "tresillo", "offbeat"),
        lead=("long", "motif", "sung"),
        programs="soft",
        live=0.8,
        snares=("stick",),
    ),
    Style(
        "swing",
        (96, 206),
        (
            Groove("o..o..o..o..", "..?..o..?..o", "x..x.xx..x.x"),
            Groove("x..?..x..?..", "...x.....x..", "x..x.xx..x.x"),
        ),
        ("walking",),
        ("stabs", "quarters", "offbeat", "none"),
        lead=("motif", "fast", "none"),
        steps=3,
        live=0.9,
        hats=("ride", "ride", "hat"),
    ),
    Style(
        "shuffle",
        (70, 140),
        (
            Groove("x.....x.....", "...x.....x..", "x.xx.xx.xx.x"),
            Groove("x.....x.x...", "...x.....x..", "x.xx.xx.xx.x"),
            Groove("x..x..x..x..", "...x.....x..", "xxxxxxxxxxxx"),
        ),
        ("walking", "eighths", "roots", "riff"),
        ("strum", "stabs", "riff", "arp8", "sustain"),
        lead=("sung", "motif", "fast", "none"),
        programs="rock",
        steps=3,
        live=0.8,
    ),
    Style(
        "waltz",
        (84, 186),
        (
            Groove("x...........", "....x...x...", "x...x...x..."),
            Groove("x.......?...", "....x...x...", "x.x.x.x.x.x."),
            Groove("x...........", "........x...", "x...x...x..."),
        ),
        ("roots", "sustain", "roots fifth"),
        ("waltz", "arp8", "sustain", "quarters"),
        lead=("long", "motif", "sung", "none"),
        programs="folk",
        beats=3,
        live=0.8,
        drummed=0.5,
    ),
    Style(
        "pop in three",
        (80, 150),
        (
            Groove("x.......x...", "....x.......", "x.x.x.x.x.x."),
            Groove("x.....x.....", "........x...", "x.x.x.x.x.x."),
        ),
        ("roots", "eighths", "sustain"),
        ("arp8", "strum", "sustain"),
        lead=("sung", "long", "none"),
        beats=3,
        live=0.7,
        drummed=0.8,
    ),
    Style(
        "march",
        (92, 132),
        (
            Groove(_4.replace("x...x", "x...."), "x.xxx.x.x.xxx.x.", _NO),
            Groove("x.......x.......", "x.x.xxx.x.x.xxx.", "....x.......x..."),
        ),
        ("roots fifth", "roots"),
        ("offbeat", "quarters", "stabs"),
        lead=("motif", "long", "fast"),
        programs="orchestra",
        live=0.7,
        drummed=0.8,
        hats=("crash", "ride"),
    ),
    Style(
        "orchestra",
        (66, 164),
        (
            Groove("x...............", _NO, _NO),
            Groove("x.......x.......", "..............xx", _NO),
            Groove("x..x..x.x..x..x.", _BACK, _NO),
            Groove("x...x...x...x...", "x.xxx.xxx.xxx.xx", _NO),
        ),
        ("sustain", "roots", "eighths", "none"),
        ("ostinato", "sustain", "ostinato", "quarters", "arp8", "tresillo", "tremolo"),
        lead=("long", "motif", "fast", "none"),
        programs="orchestra",
        live=0.8,
        drummed=0.35,
        snares=("tom", "snare"),
        hats=("crash",),
    ),
    Style(
        "orchestra in three",
        (76, 176),
        (
            Groove("x...........", _NO[:12], _NO[:12]),
            Groove("x.......x...", "..x.x.x.x.x.", _NO[:12]),
        ),
        ("sustain", "roots"),
        ("ostinato", "waltz", "sustain", "arp8"),
        lead=("long", "motif", "none"),
        programs="orchestra",
        beats=3,
        live=0.8,
        drummed=0.3,
        snares=("tom", "snare"),
        hats=("crash",),
    ),
    Style(
        "folk dance",
        (92, 144),
        (Groove("x.......x.......", "....x.......x...", _8), Groove(_4, _OFF, _NO)),
        ("roots fifth", "roots", "walking"),
        ("strum", "offbeat", "skank", "arp16"),
        lead=("fast", "motif"),
        programs="folk",
        live=0.8,
        drummed=0.5,
        snares=("perc", "snare"),
        hats=("perc", "hat"),
    ),
    Style(
        "jig",
        (96, 132),
        (Groove("x..x..x..x..", "..x..x..x..x", "x.xx.xx.xx.x"),),
        ("roots", "roots fifth"),
        ("strum", "quarters", "arp8"),
        lead=("fast",),
        programs="folk",
        steps=3,
        live=0.8,
        drummed=0.6,
        snares=("perc",),
        hats=("perc", "hat"),
    ),
    Style(
        "chip",
        (96, 182),
        (
            Groove("x.......x.......", _BACK, _8),
            Groove("x..x..x.x..x..x.", _BACK, _16),
            Groove(_4, _BACK, _OFF),
        ),
        ("octaves", "eighths", "riff", "arp"),
        ("arp16", "offbeat", "arp8", "tresillo", "none"),
        lead=("motif", "fast"),
        programs="chip",
        live=0.0,
        drummed=0.8,
    ),
    Style(
        "cinematic",
        (80, 150),
        (
            Groove("x..x..x.x..x..x.", "....x.......x...", _NO),
            Groove("x.....x.x.....x.", _HALF, _16),
            Groove("x...............", _NO, "..x...x...x...x."),
        ),
        ("sixteenths", "sustain", "eighths", "gallop"),
        ("ostinato", "arp16", "sustain", "arp8", "tremolo"),
        lead=("long", "none"),
        programs="orchestra",
        live=0.2,
        drummed=0.7,
        snares=("tom", "snare", "clap"),
        hats=("hat", "perc"),
    ),
    Style(
        "ambient",
        (60, 130),
        (Groove("x...............", _HALF, "..x...x...x...x."), Groove(_4, _NO, _8)),
        ("sustain", "roots", "none"),
        ("sustain", "arp8", "arp16", "sustain", "none"),
        lead=("long", "none"),
        programs="soft",
        live=0.3,
        drummed=0.3,
        pumping=0.2,
    ),
    Style(
        "piano",
        (64, 150),
        (Groove(_NO, _NO, _NO),),
        ("roots", "walking", "eighths", "sustain"),
        ("arp8", "quarters", "sustain", "arp16", "offbeat", "waltz"),
        lead=("motif", "fast", "long"),
        programs="soft",
        live=0.9,
        drummed=0.0,
    ),
)
