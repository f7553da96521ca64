"""The control page: its files, the presets' pictures, and what is shown now."""

import io
import time
from collections.abc import Callable
from functools import cache
from importlib import resources

from PIL import Image

from synth.settings.preset import shipped

from .address_space import AddressSpace
from .http_server import Answer, sentence

_KINDS = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
_PREVIEW = 320  # pixels
_PREVIEWED = 0.2  # seconds for which one preview does for everybody
_KEPT = {"Cache-Control": "max-age=3600"}


class ControlPage:
    """Answers what lies under /page; no name from outside becomes a path."""

    def __init__(
        self, address_space: AddressSpace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # Read now: where descriptors are used up later, the page is still there.
        self._controls, self._clock = address_space, clock
        self._files = {name: _read("live.control", f"page/{name}") for name in _KINDS}
        self._preview, self._previewed = b"", 0.0

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
        if not self._preview or self._clock() - self._previewed > _PREVIEWED:
            picture = self._controls.picture()
            if picture is None:
                return sentence(404, "nothing is drawn yet")
            small = Image.fromarray(picture)
            small.thumbnail((_PREVIEW, _PREVIEW))
            data = io.BytesIO()
            small.save(data, "JPEG", quality=70)
            self._preview, self._previewed = data.getvalue(), self._clock()
        return Answer(self._preview, "image/jpeg")


@cache
def _read(package: str, path: str) -> bytes:
    return resources.files(package).joinpath(path).read_bytes()
