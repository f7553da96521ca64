"""The control page: its files, the presets' pictures, and what is shown now."""

from collections.abc import Callable
from functools import cache
from importlib import resources

from synth.settings.preset import shipped

from .http_server import Answer, sentence

_KINDS = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
_KEPT = {"Cache-Control": "max-age=3600"}


class ControlPage:
    """Answers what lies under /page; no name from outside becomes a path."""

    def __init__(self, preview: Callable[[], bytes]) -> None:
        """`preview` gives what is on screen as JPEG, nothing before the first picture."""
        # Read now: where descriptors are used up later, the page is still there.
        self._preview = preview
        self._files = {name: _read("live.control", f"page/{name}") for name in _KINDS}

    def answer(self, path: str) -> Answer:
        """What is at a path such as /page or /page/page.css."""
        match [part for part in path.split("/") if part]:
            case ["page"]:
                return self._file("index.html")
            case ["page", name] if name in _KINDS:
                return self._file(name)
            case ["page", "preview.jpg"]:
                return self._now()
            case ["page", "thumbnail", name] if name in shipped():
                picture = _read("presets", f"{name}.jpg")
                return Answer(picture, "image/jpeg", headers=_KEPT)
        return sentence(404, "there is no such page")

    def _file(self, name: str) -> Answer:
        return Answer(self._files[name], _KINDS[name])

    def _now(self) -> Answer:
        jpeg = self._preview()
        return Answer(jpeg, "image/jpeg") if jpeg else sentence(404, "nothing is drawn yet")


@cache
def _read(package: str, path: str) -> bytes:
    return resources.files(package).joinpath(path).read_bytes()
