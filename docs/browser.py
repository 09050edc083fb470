"""Chromium without a window, driven through its DevTools protocol over a pipe: no port, no driver, no library.

The protocol is JSON messages that end in a zero byte (`--remote-debugging-pipe`). Nothing that the browser is shown can
reach a network: every name is answered "not found".
"""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from flows.errors import ToolFailed, ToolMissing

SILENCE_SECONDS = 60.0
"""A browser that has said nothing for so long while it owes an answer has hung."""
ARGUMENTS = (
    "--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-sync", "--disable-extensions", "--disable-component-update",
    "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars",
)  # fmt: skip
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), " ": (32, " "), "ArrowDown": (40, "")}


def find() -> str:
    """The browser's program. Raises ToolMissing."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    raise ToolMissing("no Chromium is installed; apt-get install chromium")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A running browser whose profile and log (`chromium.log`) are in `folder`. Raises ToolMissing, ToolFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "chromium.log"
    # Chromium's sandbox refuses to run as root, as continuous integration and containers do.
    alone = ("--no-sandbox",) if os.geteuid() == 0 else ()
    launcher = Path(__file__).with_name("_pipes.py")
    argv = [sys.executable, str(launcher), find(), *ARGUMENTS, *alone, f"--user-data-dir={folder / 'profile'}"]
    with log.open("wb") as stream:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream)
    found = Browser(process, log)
    try:
        yield found
    finally:
        found.close()


@dataclass
class Browser:
    """One browser process; `call` is the protocol, `open` a page of it."""

    process: subprocess.Popen[bytes]
    log: Path
    _said: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)
    _pages: dict[str, Page] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        assert self.process.stdout is not None
        threading.Thread(target=_read, args=(self.process.stdout, self._said.put), daemon=True).start()

    def open(self, page: Path, width: int, height: int = 900, dark: bool = False) -> Page:
        """The file `page` in a new tab of `width` × `height` CSS pixels, loaded."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        made = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            made.call(f"{domain}.enable")
        made.theme(dark)
        made.resize(width, height)
        made.call("Page.navigate", {"url": page.resolve().as_uri()})
        self.wait(lambda: "Page.loadEventFired" in made.events)
        return made

    def call(self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        """The result of one command. Raises ToolFailed where the browser refuses it, hangs or has ended."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters or {}}
        if session is not None:
            message["sessionId"] = session
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\0")
            self.process.stdin.flush()
        except OSError:
            raise ToolFailed(f"Chromium has ended; see {self.log}") from None
        while (answer := self._next()).get("id") != self._number:
            pass
        if "error" in answer:
            raise ToolFailed(f"Chromium: {method}: {answer['error']['message']}; see {self.log}")
        return dict(answer["result"])

    def wait(self, condition: Callable[[], bool]) -> None:
        """Takes in events until `condition` holds. Raises ToolFailed."""
        while not condition():
            self._next()

    def _next(self) -> dict[str, Any]:
        try:
            message = self._said.get(timeout=SILENCE_SECONDS)
        except queue.Empty:
            raise ToolFailed(f"Chromium has said nothing for {SILENCE_SECONDS:.0f} s; see {self.log}") from None
        if message is None:
            raise ToolFailed(f"Chromium has ended; see {self.log}")
        if (page := self._pages.get(message.get("sessionId", ""))) and "method" in message:
            page.take(message["method"], message["params"])
        return message

    def close(self) -> None:
        """Ends the process; quietly, whatever state it is in."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b'{"id":0,"method":"Browser.close"}\0')
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def _read(stream: IO[bytes], put: Callable[[dict[str, Any] | None], None]) -> None:
    """Hands on message after message, then None at the end."""
    rest = b""
    while data := os.read(stream.fileno(), 1 << 16):
        *whole, rest = (rest + data).split(b"\0")
        for text in whole:
            put(json.loads(text))
    put(None)


@dataclass
class Page:
    """One tab. `problems`: what it complained of; `requests`: the addresses it asked for, data: left out."""

    browser: Browser
    session: str
    events: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def take(self, method: str, parameters: dict[str, Any]) -> None:
        """Notes an event."""
        self.events.append(method)
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.problems.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith("data:"):
            self.requests.append(parameters["request"]["url"])

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.browser.call(method, parameters, self.session)

    def evaluate(self, script: str) -> Any:
        """The JSON value of a JavaScript expression. Raises ToolFailed where it throws."""
        found = self.call("Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in found:
            raise ToolFailed(f"JavaScript {script!r}: {found['exceptionDetails']['exception'].get('description')}")
        return found["result"].get("value")

    def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        """CSS pixels; `scale`: device pixels to each of them."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", size)

    def theme(self, dark: bool) -> None:
        """What the page is told that its reader prefers."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [feature]})

    def click(self, selector: str) -> None:
        """A click of the mouse in the middle of the first element that matches. Raises ToolFailed without one."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', inline: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            button = {"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", button)

    def key(self, name: str) -> None:
        """Presses and releases a key of KEYS where the focus is."""
        code, text = KEYS[name]
        down = {"type": "keyDown", "key": name, "windowsVirtualKeyCode": code, "text": text}
        self.call("Input.dispatchKeyEvent", down)
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", "key": name, "windowsVirtualKeyCode": code})

    def write(self, text: str) -> None:
        """Types `text` where the focus is."""
        self.call("Input.insertText", {"text": text})

    def screenshot(self) -> bytes:
        """A PNG of what is in the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", {"format": "png"})["data"])

    def pdf(self) -> bytes:
        """The page as it prints on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.call("Page.printToPDF", paper)["data"])
