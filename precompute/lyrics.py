"""Lyrics of every kind as timed lines: LRC, SRT, WebVTT, tags in the song, or plain text.

What cannot be read is told by its line's number and skipped; it never stops the rest.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from synth.errors import UserError
from synth.files import bytes_of

_STAMP = r"(\d{1,3}):(\d{1,2})(?:[.:](\d{1,3}))?"
_LEADING = re.compile(rf"\s*\[{_STAMP}\]")
_WORD = re.compile(rf"[<\[]{_STAMP}[>\]]")
_TAG = re.compile(r"\s*\[([A-Za-z#]+):(.*)\]\s*$")
_BREAK = re.compile(r"(?<=[,;:.!?—–])\s+")
_LAST = 4.0  # seconds of a last line that nothing ends
_LONGEST = 12.0  # seconds after which a line is over, whatever follows
_UNSUNG = 6.0  # seconds of the shortest passage that counts as without words
_LARGEST = 1 << 23  # bytes of a file with lyrics
_VERSE = 8  # lines of the longest verse


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a song; times are seconds of the song."""

    text: str
    time: float
    duration: float
    heard: tuple[tuple[str, float], ...] = ()  # where nobody sings: what the sound is like, weighed

    @property
    def meaning(self) -> dict[str, float]:
        """The texts that a picture should mean, with their weights."""
        return dict(self.heard) or {self.text: 1.0}


@dataclass(frozen=True, slots=True)
class Lyrics:
    """What was read, and what was not."""

    lines: tuple[Line, ...]
    skipped: tuple[str, ...] = ()  # a sentence for each line that could not be read
    timed: bool = True  # false when only the order is known


def read_lyrics(path: Path) -> Lyrics:
    """The lyrics in a text file, by what it holds, or in a song's tags.

    UserError when the file cannot be read or holds no line at all.
    """
    if _is_sound(path):
        lyrics = _from_tags(path)
    else:
        text = bytes_of(path, _LARGEST, what="a file with lyrics, or a song")
        lyrics = parsed(decoded(text), path.suffix)
    if not lyrics.lines:
        more = f" ({lyrics.skipped[0]})" if lyrics.skipped else ""
        raise UserError(f"{path}: holds no lyrics{more}; use LRC, SRT, WebVTT or plain text")
    return lyrics


def has_lyrics(song: Path) -> bool:
    """Whether a song's own tags hold any."""
    return bool(_from_tags(song).lines)


def decoded(data: bytes) -> str:
    """Text of UTF-8, UTF-16, GB18030 or CP1252, with or without a mark."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if data[:400].count(0) > len(data[:400]) // 4:
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    for encoding in ("utf-8", "gb18030" if _looks_chinese(data) else "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _looks_chinese(data: bytes) -> bool:
    """Bytes above 127 come in pairs in GB18030, and alone in CP1252's words."""
    high = [byte > 127 for byte in data]
    pairs = sum(a and b for a, b in itertools.pairwise(high))
    return pairs >= sum(high) // 2


def parsed(text: str, suffix: str = "") -> Lyrics:
    """Lyrics from text: WebVTT and SRT by their look, LRC where there are stamps, else plain."""
    if text.lstrip().startswith("WEBVTT") or re.search(r"^[\d:.,]+ +--> +[\d:.,]+", text, re.M):
        return _subtitles(text)
    lines = text.splitlines()
    if any(_LEADING.match(line) for line in lines) or suffix.lower() == ".lrc":
        return _lrc(lines)
    plain = tuple(Line(line.strip(), 0.0, 0.0) for line in lines if line.strip())
    return Lyrics(plain, timed=False)


@dataclass
class _Stamped:
    stamps: list[tuple[float, str]] = field(default_factory=list)  # an empty text ends a line
    skipped: list[str] = field(default_factory=list)
    offset: float = 0.0  # seconds; positive is sooner


def _lrc(lines: Sequence[str]) -> Lyrics:
    found = _Stamped()
    for number, line in enumerate(lines, 1):
        _lrc_line(line, number, found)
    sooner = sorted((max(0.0, at - found.offset), text) for at, text in found.stamps)
    return Lyrics(_with_durations(sooner), tuple(found.skipped))


def _lrc_line(line: str, number: int, found: _Stamped) -> None:
    times, rest = [], line
    while match := _LEADING.match(rest):
        times.append(_seconds(*match.groups()))
        rest = rest[match.end() :]
    if times:
        words = _WORD.sub(" ", rest)
        found.stamps += [(at, " ".join(words.split())) for at in times]
        return
    tag = _TAG.match(line)
    if tag is None:
        if line.strip():
            found.skipped.append(f"line {number}: has no time ({line.strip()[:40]})")
    elif tag[1].lower() == "offset":
        offset = tag[2].strip()
        if re.fullmatch(r"[+-]?\d{1,7}(\.\d*)?", offset, re.ASCII):  # up to three hours
            found.offset = float(offset) / 1000
        else:
            text = f"line {number}: offset is {offset[:20]}; milliseconds are meant"
            found.skipped.append(text)


def _seconds(minutes: str, seconds: str, fraction: str | None) -> float:
    return (
        int(minutes) * 60 + int(seconds) + (int(fraction) / 10 ** len(fraction) if fraction else 0)
    )


def _with_durations(stamped: Sequence[tuple[float, str]]) -> tuple[Line, ...]:
    """Each line lasts until the next stamp."""
    ends = [at for at, _ in stamped[1:]]
    lines = []
    for k, (at, text) in enumerate(stamped):
        end = next((e for e in ends[k:] if e > at), at + _LAST)
        if text:
            lines.append(Line(text, at, min(end - at, _LONGEST)))
    return tuple(lines)


def _subtitles(text: str) -> Lyrics:
    import pysubs2

    try:
        file = pysubs2.SSAFile.from_string(text)
    except Exception as error:  # pysubs2 raises of many kinds; all mean: it is none
        return Lyrics((), (f"the subtitles cannot be read ({error})",))
    lines = [
        Line(" ".join(e.plaintext.split()), e.start / 1000, max(0.1, (e.end - e.start) / 1000))
        for e in file.events
        if not e.is_comment and e.plaintext.strip()
    ]
    return Lyrics(tuple(sorted(lines, key=lambda line: line.time)))


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in {
        ".mp3",
        ".flac",
        ".ogg",
        ".opus",
        ".m4a",
        ".mp4",
        ".wav",
        ".aiff",
    }


def _from_tags(path: Path) -> Lyrics:
    """SYLT and USLT of ID3, LYRICS comments, or an MP4's lyrics."""
    import mutagen

    try:
        tags = mutagen.File(path)
    except mutagen.MutagenError:
        tags = None
    if tags is None or tags.tags is None:
        return Lyrics(())
    for key in tags.tags.keys():  # noqa: SIM118 - tags are not all dictionaries
        if str(key).startswith("SYLT") and tags.tags[key].format == 2:
            stamped = [(at / 1000, text.strip()) for text, at in tags.tags[key].text]
            return Lyrics(_with_durations(sorted(stamped)))
    for key in tags.tags.keys():  # noqa: SIM118
        if str(key).startswith("USLT") or str(key).lower() in ("lyrics", "unsyncedlyrics", "©lyr"):
            value = tags.tags[key]
            return parsed(str(value[0] if isinstance(value, list) else value))
    return Lyrics(())


def spread(lyrics: Lyrics, seconds: float, sections: Sequence[float] = ()) -> Lyrics:
    """Plain lines spread over a song of so many seconds, a fair share for each section.

    `sections` are the seconds at which sections begin.
    """
    if lyrics.timed:
        return lyrics
    borders = [0.0, *(at for at in sorted(sections) if 0 < at < seconds), seconds]
    count, lines = len(lyrics.lines), []
    for begin, end in itertools.pairwise(borders):
        first, last = round(count * begin / seconds), round(count * end / seconds)
        step = (end - begin) / max(1, last - first)
        for k in range(first, last):
            at = begin + (k - first) * step
            lines.append(replace(lyrics.lines[k], time=at, duration=min(step, _LONGEST)))
    return Lyrics(tuple(lines), lyrics.skipped)


def phrases(lines: Sequence[Line], shortest: float, longest: float) -> tuple[Line, ...]:
    """Lines joined until they last `shortest` seconds, and split at breaks above `longest`."""
    joined: list[Line] = []
    for line in lines:
        before = joined[-1] if joined else None
        if before is not None and before.duration < shortest:
            end = line.time + line.duration
            text = f"{before.text} {line.text}"
            joined[-1] = Line(text, before.time, end - before.time)
        else:
            joined.append(line)
    return tuple(part for line in joined for part in _split(line, longest))


def unsung(lines: Sequence[Line], seconds: float, sections: Sequence[float]) -> tuple[Line, ...]:
    """Where nobody sings for a while in a song of so many seconds: lines without text.

    `sections` are the seconds at which sections begin; each passage lies within one.
    """
    sung = [(line.time, line.time + line.duration) for line in lines]
    borders = sorted({0.0, seconds, *sections, *(at for span in sung for at in span)})
    free: list[Line] = []
    for begin, end in itertools.pairwise(at for at in borders if at <= seconds):
        if any(a <= begin < b for a, b in sung):
            continue
        if free and free[-1].time + free[-1].duration == begin and begin not in sections:
            free[-1] = replace(free[-1], duration=end - free[-1].time)
        else:
            free.append(Line("", begin, end - begin))
    return tuple(line for line in free if line.duration >= _UNSUNG)


def verses(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines in groups, parted where the next is twice as long in coming as is usual; at most 8."""
    if not lines:
        return []
    steps = [after.time - line.time for line, after in itertools.pairwise(lines)]
    usual = sorted(steps)[len(steps) // 2] if steps else 0.0
    grouped = [[lines[0]]]
    for line, step in zip(lines[1:], steps, strict=True):
        if step > 2 * usual or len(grouped[-1]) == _VERSE:
            grouped.append([])
        grouped[-1].append(line)
    return grouped


def _split(line: Line, longest: float) -> list[Line]:
    parts = _BREAK.split(line.text)
    if line.duration <= longest or len(parts) < 2:
        return [line]
    letters, at, split = sum(map(len, parts)), line.time, []
    for part in parts:
        share = line.duration * len(part) / letters
        split.append(Line(part, at, share))
        at += share
    return split
