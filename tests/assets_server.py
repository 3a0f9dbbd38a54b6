"""A web server on this machine that misbehaves on request."""

import hashlib
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Misbehaving(ThreadingHTTPServer):
    """Serves `content` at every path; each request takes the next of `behaviours`, then `whole`."""

    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.behaviours = []
        self.asked = []  # (path, Range, If-Range) of every request
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


@contextmanager
def serving(content=b""):
    server = Misbehaving(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        behaviour = server.behaviours.pop(0) if server.behaviours else whole
        behaviour(self)

    def log_message(self, *_):
        pass

    def head(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


def tag(content):
    return f'"{hashlib.md5(content).hexdigest()}"'


def whole(handler, most=None, pause=None, ranges=True, validator=True):
    """As RFC 9110 has it: the rest where the condition holds, else everything."""
    content = handler.server.content
    start = 0
    asked = handler.headers.get("Range")
    if ranges and asked and handler.headers.get("If-Range") == tag(content):
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            handler.head(416, 0)
            return
    rest = content[start:]
    headers = {"ETag": tag(content)} if validator else {}
    if start:
        headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    handler.head(206 if start else 200, len(rest), **headers)
    handler.wfile.write(rest[:most])
    handler.wfile.flush()
    if pause is not None:
        pause()


def cut(most):
    return lambda handler: whole(handler, most)


def stall(most):
    def behave(handler):
        whole(handler, most, pause=lambda: handler.server.released.wait(20))

    return behave


def drip(block, pause_s):
    """Everything, but slowly."""

    def behave(handler):
        content = handler.server.content
        handler.head(200, len(content), ETag=tag(content))
        for start in range(0, len(content), block):
            handler.wfile.write(content[start : start + block])
            handler.wfile.flush()
            time.sleep(pause_s)

    return behave


def without_ranges(handler):
    whole(handler, ranges=False)


def status(code, **headers):
    return lambda handler: handler.head(code, 0, **headers)


def redirect(to, code=302):
    return lambda handler: handler.head(code, 0, Location=to)


def page(handler):
    text = b"<!DOCTYPE html><html>Please log in</html>"
    handler.head(200, len(text), Content_Type="text/html; charset=utf-8")
    handler.wfile.write(text)


def unmarked_page(handler):
    text = b"<!DOCTYPE html><html>Please accept our terms</html>" * 1000
    handler.head(200, len(text), Content_Type="application/octet-stream")
    handler.wfile.write(text)


def other_bytes(handler):
    content = bytes(len(handler.server.content))
    handler.head(200, len(content), ETag=tag(content))
    handler.wfile.write(content)


def unconditional_rest(handler):
    """Knows ranges, but sends them whatever `If-Range` says."""
    content = handler.server.content
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    rest = content[start:]
    headers = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
    handler.head(206 if start else 200, len(rest), **headers)
    handler.wfile.write(rest)


def other_part(handler):
    content = handler.server.content
    span = f"bytes 7-{len(content) - 1}/{len(content)}"
    handler.head(206, len(content) - 7, ETag=tag(content), Content_Range=span)
    handler.wfile.write(content[7:])


def unannounced(most=None):
    """No length: the end of the connection is the end of the file."""

    def behave(handler):
        handler.head(200, None, ETag=tag(handler.server.content))
        handler.wfile.write(handler.server.content[:most])

    return behave


def chunked(most=None):
    """No length, but the end is marked; cut short, the mark is missing."""

    def behave(handler):
        content = handler.server.content[:most]
        handler.head(200, None, ETag=tag(handler.server.content), Transfer_Encoding="chunked")
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))
        if most is None:
            handler.wfile.write(b"0\r\n\r\n")

    return behave
