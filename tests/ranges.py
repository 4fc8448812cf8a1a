"""A web server that gives ranges of one body, remembers what it was asked for, and breaks off when it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class RangeServer(ThreadingHTTPServer):
    """Serves `body`.

    asked   the ranges that were asked for, first and last byte
    breaks  by the number of a request, after how many bytes its connection is closed; 0 gives no answer at all
    """

    daemon_threads = True

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.body = body
        self.asked: list[tuple[int, int]] = []
        self.breaks: dict[int, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/object?signature=x"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A body follows its head at once, and does not wait for that to be acknowledged.
    disable_nagle_algorithm = True
    server: RangeServer

    def do_GET(self) -> None:
        first, last = (int(each) for each in self.headers["Range"].removeprefix("bytes=").split("-"))
        allowed = self.server.breaks.get(len(self.server.asked))
        self.server.asked.append((first, last))
        self.close_connection = allowed is not None
        if allowed == 0:
            return
        body = self.server.body[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:allowed])

    def handle(self) -> None:
        # Who has read enough closes the connection.
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def range_server(body: bytes) -> Iterator[RangeServer]:
    with RangeServer(body) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
