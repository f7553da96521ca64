"""The control page in a real browser, steering a running show."""

import asyncio
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from live.audio.file_player import Playback
from live.control.address_space import AddressSpace
from live.control.control_page import ControlPage
from live.control.oscquery import OscQuery
from live.engine.parameters import Parameters
from live.output.preview import Preview
from live.output.window import NoWindow
from live.show import Show
from synth.settings.preset import preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.live.test_show import steps
from tests.stage import until

TOKEN = "as-printed"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[tuple[Show, OscQuery]]:
    """A show that runs, and its page."""
    import threading

    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 60))
    lamp = Lamp()
    show = show_of(
        Playback(song, aloud=False), Parameters(preset_of("silk"), [], None), lamp, steps(lamp)
    )
    show.panel.overlay_on = False
    address_space = AddressSpace(show.deck)
    preview = Preview()
    show.sinks.append(("page", preview))
    page = ControlPage(preview.jpeg)
    server = OscQuery(address_space, ("127.0.0.1", 0), None, page=page, token=TOKEN)
    server.start(show.supervisor)
    stage = threading.Thread(target=show.run, args=(NoWindow(),))
    stage.start()
    yield show, server
    show.key(NoWindow(), "escape")
    show.key(NoWindow(), "escape")
    stage.join(10)
    server.stop()


def ask(server: OscQuery, path: str) -> tuple[str, bytes]:
    cookie = {"Cookie": f"latent-jockey-{server.place[1]}={TOKEN}"}
    request = urllib.request.Request(f"http://127.0.0.1:{server.place[1]}{path}", headers=cookie)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read()


def is_shown(server: OscQuery) -> bool:
    try:
        return bool(ask(server, "/page/preview.jpg")[1])
    except urllib.error.HTTPError as error:
        error.close()
        return False


def test_the_page_and_its_pictures_are_served(playing: tuple[Show, OscQuery]) -> None:
    _, server = playing
    for path in ("/page", "/page/", "/page/index.html", f"/page?token={TOKEN}"):
        kind, page = ask(server, path)
        assert kind.startswith("text/html")
        assert b"<title>Latent Jockey" in page
    assert b"style=" not in page
    assert b"<script>" not in page
    assert ask(server, "/page/page.js")[0].startswith("text/javascript")
    assert ask(server, "/page/thumbnail/reef")[1].startswith(b"\xff\xd8")
    until(lambda: is_shown(server), "a preview", 10)
    assert ask(server, "/page/preview.jpg")[1].startswith(b"\xff\xd8")
    for path in ("/page/secret.txt", "/page/..%2fosc.py", "/page/thumbnail/..%2f..%2fREADME.md"):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(server, path)
        error.value.close()
        assert error.value.code == 404


class Tab:
    """A page in the browser, spoken to by its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._count = socket, 0

    async def run(self, script: str) -> Any:
        self._count += 1
        parameters = {"expression": script, "returnByValue": True, "awaitPromise": True}
        order = {"id": self._count, "method": "Runtime.evaluate", "params": parameters}
        await self._socket.send_json(order)
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == self._count:
                assert "exceptionDetails" not in answer["result"], answer
                return answer["result"]["result"].get("value")

    async def until(self, script: str) -> None:
        for _ in range(100):
            if await self.run(script):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never true: {script}")


@asynccontextmanager
async def browser(profile: Path, url: str, tabs: int) -> AsyncIterator[list[Tab]]:
    """Headless Chromium with so many tabs on a page."""
    assert CHROMIUM, "chromium is missing; `make test` installs it where it may"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += [f"--user-data-dir={profile}", "--remote-debugging-port=0", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        place = profile / "DevToolsActivePort"
        for _ in range(200):
            if place.is_file() and place.read_text():
                break
            await asyncio.sleep(0.1)
        port = place.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            pages: list[dict[str, Any]] = []
            for _ in range(tabs - 1):
                await (await session.put(f"http://127.0.0.1:{port}/json/new?{url}")).read()
            while len(pages) < tabs:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    listed = json.loads(await answer.text())
                pages = [page for page in listed if page["type"] == "page"]
                await asyncio.sleep(0.1)
            sockets = [await session.ws_connect(p["webSocketDebuggerUrl"]) for p in pages[:tabs]]
            yield [Tab(socket) for socket in sockets]
            for socket in sockets:
                await socket.close()
    finally:
        process.terminate()
        process.wait(10)


def test_a_slider_moves_the_latents_and_the_other_page_follows(
    playing: tuple[Show, OscQuery], tmp_path: Path
) -> None:
    show, server = playing
    url = f"http://127.0.0.1:{server.place[1]}/page?token={TOKEN}"
    slider = "document.getElementById('steer.truncation')"

    async def steer() -> None:
        async with browser(tmp_path / "profile", url, 2) as (first, second):
            for tab in (first, second):
                await tab.until(f"!!{slider} && Number({slider}.value) > 0.69")
                assert await tab.run("document.documentElement.scrollWidth <= innerWidth")
                assert await tab.run("location.href.endsWith('/page')"), "no token to be read"
                assert await tab.run("document.cookie") == ""
                limit = "document.getElementById('look.flash_limit')"
                assert await tab.run(f"{limit}.tagName") == "OUTPUT", "no switch"
                await tab.until(f"{limit}.textContent === 'on'")
                await tab.until("document.getElementById('preview').naturalWidth > 0")
                look = "document.querySelector('[data-preset=reef] img')"
                await tab.run(f"{look}.loading = 'eager'")  # also behind another tab
                await tab.until(f"{look}.naturalWidth > 0")
                style = "getComputedStyle(document.body).backgroundColor"
                assert await tab.run(style) == "rgb(16, 16, 20)"
            await first.run(f"{slider}.value = 0.2; {slider}.dispatchEvent(new Event('input'))")
            await second.until(f"Math.abs({slider}.value - 0.2) < 0.01")
            for _ in range(50):
                if abs(show.deck.engine.knobs.steer.truncation - 0.2) < 0.01:
                    break
                await asyncio.sleep(0.05)
            show.deck.parameters.turn("steer.truncation", 0.37)
            told = "document.querySelector('output[for=\"steer.truncation\"]')"
            await second.until(f"{told}.textContent.startsWith('0.37')")
            assert await second.run(f"{told}.textContent") == "0.37"
            await first.run("document.querySelector('[data-preset=reef]').click()")
            await second.until("document.getElementById('preset').textContent === 'reef'")

    before = show.deck.renderer.generator.shown[-1].truncation if show.deck.renderer.drawn else 0.7  # type: ignore[attr-defined]
    asyncio.run(asyncio.wait_for(steer(), 60))
    assert before == pytest.approx(0.7)
    assert min(latent.truncation for latent in show.deck.renderer.generator.shown) < 0.3  # type: ignore[attr-defined]
    assert show.deck.parameters.preset.name == "reef"
