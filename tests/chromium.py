"""A Chromium without a window, driven through the two pipes of its own protocol.

https://chromedevtools.github.io/devtools-protocol: messages are JSON, each ended by a zero byte.
"""

import json
import os
import select
import shutil
import subprocess
import time

import debian
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {"Tab": 9}
PATIENCE_S = 120.0


def found():
    """Path of a browser, which CI installs; the test is skipped where there is none."""
    if os.environ.get("CI") == "true" and not any(map(shutil.which, NAMES)):
        try:
            debian.ensure({"chromium": ["/usr/bin/chromium"]})
        except debian.UnavailableError as reason:
            pytest.skip(f"no browser: {reason}")
    path = next((path for path in map(shutil.which, NAMES) if path), None)
    return path or pytest.skip("no browser; on Debian: sudo apt-get install chromium")


class Browser:
    """One page in one browser.

    Attributes:
        events: what the page told, as it came.
    """

    def __init__(self, path, profile, downloads):
        ours, to_browser = os.pipe()
        from_browser, theirs = os.pipe()
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe",
            f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        # The browser reads from file 3 and writes to file 4.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{ours} 4>&{theirs}', "bash", path, *options],
            pass_fds=(ours, theirs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours)
        os.close(theirs)
        self._in, self._out = os.fdopen(to_browser, "wb"), os.fdopen(from_browser, "rb")
        self._number, self._rest, self._session, self.events = 0, b"", None, []
        page = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._in.close()
        self._process.terminate()
        self._process.wait(20)
        self._out.close()

    def send(self, method, **params):
        """Give an order and return its result; events on the way are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._in.write(json.dumps(message).encode() + b"\0")
        self._in.flush()
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                return told["result"]
            self.events.append(told)

    def _next(self):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._out], [], [], PATIENCE_S)
            assert ready, f"the browser says nothing for {PATIENCE_S:g} s"
            more = os.read(self._out.fileno(), 1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        told, _, self._rest = self._rest.partition(b"\0")
        return json.loads(told)

    def open(self, url):
        """Go to a page and wait until it stands."""
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, expression):
        """Value of an expression of JavaScript, awaited."""
        done = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, expression, seconds=60.0):
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(expression):
            assert time.monotonic() < end, f"never: {expression}"
            time.sleep(0.02)

    def press(self, key):
        """Strike a key: a character's, or one of ``KEYS``."""
        what = {"windowsVirtualKeyCode": KEYS[key]} if key in KEYS else {"text": key}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **what)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def told(self, method):
        """Events of a kind."""
        return [event["params"] for event in self.events if event.get("method") == method]
