"""Requests that nobody in their right mind sends, as bytes on a connection."""

import base64
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ANSWER_WITHIN_S = 30.0
_BOUNDARY = "b0undary"


@dataclass(frozen=True)
class Hostile:
    """One request; `{id}` in the target stands for a recording that is there."""

    name: str
    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None

    def answered(self, url: str, key: str, recording_id: str) -> tuple[int, bytes]:
        """Send it, and return the status and the whole answer."""
        where = urlsplit(url)
        with socket.create_connection((where.hostname, where.port), timeout=ANSWER_WITHIN_S) as connection:
            _send(connection, self.raw if self.raw is not None else self._message(key, recording_id))
            answer = _received(connection)
        return int(answer.split(b" ", 2)[1]), answer

    def _message(self, key: str, recording_id: str) -> bytes:
        headers = {
            "Host": "gateway",
            "Connection": "close",
            "Authorization": f"Bearer {key}",
            **({"Content-Length": str(len(self.body))} if self.body or self.method in ("POST", "PATCH", "PUT") else {}),
            **self.headers,
        }
        lines = [f"{self.method} {self.target.replace('{id}', recording_id)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1", "surrogateescape") + b"\r\n\r\n" + self.body


def hostile_requests() -> Iterator[Hostile]:
    """Yield every one of them."""
    yield from _methods()
    yield from _paths()
    yield from _queries()
    yield from _cursors()
    yield from _json_bodies()
    yield from _json_shapes()
    yield from _multiparts()
    yield from _headers()
    yield from _heads()


def _methods() -> Iterator[Hostile]:
    for method in ("DELETE", "PUT", "PATCH", "TRACE", "FOO", "get", "CONNECT", "G" * 5000):
        yield Hostile(f"method {method[:8]}", method, "/v1/recordings")


def _paths() -> Iterator[Hostile]:
    names = {
        "null": "%00",
        "bad utf-8": "%ff%fe",
        "upwards": "..%2f..%2fetc%2fpasswd",
        "half an escape": "%zz",
        "emoji": "%F0%9F%90%A6",
        "half a pair": "%ed%a0%80",
        "right to left": "%E2%80%AEgnp.exe",
        "long": "a" * 5000,
        "dollar": "%24ne",
        "brackets": "%7B%22%24gt%22%3A%22%22%7D",
        "blank": "%20",
        "line break": "a%0d%0aX-Injected:%201",
    }
    for what, name in names.items():
        yield Hostile(f"recording {what}", "GET", f"/v1/recordings/{name}")
    yield Hostile("project null", "GET", "/v1/projects/%00")
    yield Hostile("dead letter null", "GET", "/v1/dead-letters/%00")
    yield Hostile("webhook half a pair", "GET", "/v1/webhooks/%ed%a0%80")
    yield Hostile("upload long", "GET", f"/v1/uploads/{'u' * 5000}")
    yield Hostile("member null", "DELETE", "/v1/projects/default/members/%00")
    yield Hostile("service unknown", "GET", "/v1/health/services/%F0%9F%90%A6")
    yield Hostile("tile level huge", "GET", f"/v1/recordings/{{id}}/spectrogram/tiles/{'9' * 400}/0.png")
    yield Hostile("tile negative", "GET", "/v1/recordings/{id}/spectrogram/tiles/-1/-1.png")
    yield Hostile("series upwards", "GET", "/v1/recordings/{id}/analysis/series/..%2fx.parquet")
    yield Hostile("extractor unicode", "GET", "/v1/extractors/%F0%9F%90%A6/backfill")


def _queries() -> Iterator[Hostile]:
    for query in (
        *("limit=-1", "limit=0", "limit=99999999999999999999", "limit=abc", "limit=NaN", "limit=1e999", "limit="),
        *("duration_min_s=NaN", "duration_min_s=-1", "duration_max_s=-inf", "recorded_from=99999-01-01"),
        *("recorded_to=never", "recorded_from=-1e400", "status=unknown", "has_failed=perhaps", "sort=%00"),
        *("sort=loudness", "fields=secret_sha256", "fields=%00", "where=a", "where=a.b%3ENaN", "name=%00"),
        *("where=loudness.integrated_lufs.value%3E1e999", f"name={'n' * 300}", f"project={'p' * 300}"),
        *("&".join(["tag=a"] * 100), f"where={'(' * 1000}", "status=%ff"),
    ):
        yield Hostile(f"list {query[:30]}", "GET", f"/v1/recordings?{query}")
    for query in (
        "start_s=NaN&end_s=1",
        "start_s=0&end_s=1e999",
        "start_s=-1&end_s=1",
        "start_s=1&end_s=0",
        "start_s=x",
    ):
        yield Hostile(f"clip {query}", "GET", f"/v1/recordings/{{id}}/audio?{query}")
        yield Hostile(f"region {query}", "GET", f"/v1/recordings/{{id}}/spectrogram/region?{query}")
    for query in ("palette=none", "floor_db=NaN", "floor_db=1e999", "floor_db=10", "window_size=-1", "window_size=1e9"):
        yield Hostile(f"image {query}", "GET", f"/v1/recordings/{{id}}/spectrogram?{query}")
    for target in (
        "dead-letters?limit=-1",
        "dead-letters?status=x",
        "dead-letters?project=%00",
        "dead-letters?limit=NaN",
    ):
        yield Hostile(target, "GET", f"/v1/{target}")
    yield Hostile("similar limit", "GET", "/v1/recordings/{id}/similar?limit=-5")
    yield Hostile("hash of no hash", "HEAD", "/v1/recordings?sha256=%00")
    yield Hostile("events of a type", "GET", "/v1/events?type=%00")
    yield Hostile("events of nobody", "GET", "/v1/events?recording=%ed%a0%80")


def _cursors() -> Iterator[Hostile]:
    contents = (b"", b"[", b"[]", b"null", b"[1e999, 1]", b"[NaN, NaN]", b'["\\ud800", "\\ud800"]', b'{"$gt": ""}')
    more = (
        b"[" * 100_000,
        b"\xff\xfe",
        b'["uploaded_at", true, "9999999-01-01", "a"]',
        b'["9999-12-31T23:59:59-23:59", ""]',
    )
    for content in (*contents, *more):
        cursor = base64.urlsafe_b64encode(content).decode()[:9000]
        yield Hostile(f"cursor {content[:20]!r}", "GET", f"/v1/recordings?cursor={cursor or '='}")
        yield Hostile(f"letters' cursor {content[:20]!r}", "GET", f"/v1/dead-letters?cursor={cursor or '='}")
    for cursor in ("%00", "%ff", "!", "%F0%9F%90%A6", "a"):
        yield Hostile(f"cursor {cursor}", "GET", f"/v1/recordings?cursor={cursor}")
        yield Hostile(f"letters' cursor {cursor}", "GET", f"/v1/dead-letters?cursor={cursor}")


def _json_bodies() -> Iterator[Hostile]:
    bodies = {
        "empty": b"",
        "null": b"null",
        "list": b"[]",
        "text": b'"x"',
        "number": b"1",
        "cut": b'{"vector": [',
        "deep lists": b"[" * 100_000,
        "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "NaN": b'{"vector": [NaN]}',
        "infinite": b'{"vector": [1e999]}',
        "endless number": b'{"vector": [' + b"9" * 5000 + b"]}",
        "bad utf-8": b'{"vector": "\xff\xfe"}',
        "half a pair": b'{"\\ud800": "\\ud800"}',
        "byte order mark": b"\xef\xbb\xbf{}",
        "null byte": b'{"a": "\x00"}',
        "utf-16": '{"vector": []}'.encode("utf-16"),
        "too large": b'{"a": "' + b"x" * 1_100_000 + b'"}',
        "quotes": b'"' * 200_000,
    }
    json = {"Content-Type": "application/json"}
    for what, body in bodies.items():
        yield Hostile(f"search {what}", "POST", "/v1/search/similar", json, body)
        yield Hostile(f"key {what}", "POST", "/v1/keys", json, body)
    for kind in (
        "text/xml",
        "application/x-msgpack",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "x",
        "",
    ):
        yield Hostile(f"content type {kind}", "POST", "/v1/keys", {"Content-Type": kind}, b"<a/>")
    charset = {"Content-Type": "application/json; charset=utf-99"}
    yield Hostile("charset unknown", "POST", "/v1/keys", charset, b"{}")
    yield Hostile("not gzip", "POST", "/v1/keys", {**json, "Content-Encoding": "gzip"}, b"not gzip")


def _json_shapes() -> Iterator[Hostile]:
    json = {"Content-Type": "application/json"}
    shapes: tuple[tuple[str, str, bytes], ...] = (
        ("PATCH", "/v1/recordings/{id}", b'{"tags": ["\\ud800"]}'),
        ("PATCH", "/v1/recordings/{id}", b'{"name": ""}'),
        ("PATCH", "/v1/recordings/{id}", b'{"place": {"latitude_deg": 1e999, "longitude_deg": 0}}'),
        ("PATCH", "/v1/recordings/{id}", b'{"recorded_at": "0000-00-00"}'),
        ("PATCH", "/v1/recordings/{id}", b'{"unknown": 1}'),
        ("POST", "/v1/recordings/delete", b'{"ids": []}'),
        ("POST", "/v1/recordings/delete", b'{"ids": [{"$ne": 1}]}'),
        ("POST", "/v1/projects", b'{"id": "\\u0000"}'),
        ("POST", "/v1/projects", b'{"id": "a/../b"}'),
        ("POST", "/v1/uploads", b'{"name": "a.wav", "size_bytes": -1}'),
        ("POST", "/v1/uploads", b'{"name": "a.wav", "size_bytes": 1e999}'),
        ("POST", "/v1/uploads", b'{"name": "a.wav", "size_bytes": 99999999999999999999999}'),
        ("POST", "/v1/webhooks", b'{"url": "http://10.0.0.1/"}'),
        ("POST", "/v1/webhooks", b'{"url": "file:///etc/passwd"}'),
        ("POST", "/v1/webhooks", b'{"url": "https://\\ud800/"}'),
        ("POST", "/v1/webhooks", b'{"url": "https://[::1"}'),
        ("POST", "/v1/dead-letters/replay", b'{"limit": 0}'),
        ("POST", "/v1/dead-letters/replay", b'{"limit": 1e999}'),
        ("POST", "/v1/dead-letters/replay", b'{"dry_run": "perhaps"}'),
        ("POST", "/v1/dead-letters/replay", b'{"project": "\\ud800"}'),
        ("POST", "/v1/keys", b'{"name": "x", "projects": [], "scopes": ["operate"]}'),
        ("POST", "/v1/recordings/{id}/analysis", b'{"extractors": ["\\u0000"]}'),
        ("POST", "/v1/recordings/{id}/analysis", b'{"parameters": {"mel": {"bands": 1e999}}}'),
        ("PUT", "/v1/projects/default/rendering", b'{"fft_size": -1}'),
        ("PUT", "/v1/projects/default/members/x", b'{"role": "king"}'),
    )
    for method, target, body in shapes:
        yield Hostile(f"{method} {target} {body[:60].decode()}", method, target, json, body)


def _multiparts() -> Iterator[Hostile]:
    def form(name: str, body: bytes, kind: str = f"multipart/form-data; boundary={_BOUNDARY}") -> Hostile:
        return Hostile(f"form {name}", "POST", "/v1/recordings", {"Content-Type": kind}, body)

    def part(disposition: str, content: bytes, more: str = "") -> bytes:
        head = f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{more}\r\n"
        return head.encode("latin-1", "replace") + content + f"\r\n--{_BOUNDARY}--\r\n".encode()

    named = 'form-data; name="file"; filename='
    yield form("without boundary", b"x", "multipart/form-data")
    yield form("of an empty boundary", b"x", 'multipart/form-data; boundary=""')
    yield form("of a long boundary", b"x", f"multipart/form-data; boundary={'b' * 3000}")
    yield form("of nothing", b"")
    yield form("of its end alone", f"--{_BOUNDARY}--\r\n".encode())
    yield form("cut", f"--{_BOUNDARY}\r\nContent-Dispo".encode())
    yield form("without a file", part('form-data; name="other"', b"x"))
    yield form("of a nameless part", part("form-data", b"x"))
    yield form("of a part that is no form data", part("attachment", b"x"))
    yield form("of text", part(f'{named}"a.wav"', b"no recording at all"))
    yield form("of a null in its name", part(f'{named}"a\x00.wav"', b"no recording"))
    yield form("of a long name", part(f'{named}"{"n" * 5000}.wav"', b"no recording"))
    yield form("of an upward name", part(f'{named}"../../etc/passwd"', b"no recording"))
    yield form("of a huge part head", part(f'{named}"a.wav"', b"x", f"X-Long: {'h' * 100_000}\r\n"))
    yield form("of a thousand heads", part(f'{named}"a.wav"', b"x", "X-More: 1\r\n" * 1000))
    yield form("of forms", part(f'{named}"a.wav"', b"x", "Content-Type: multipart/mixed; boundary=c\r\n"))
    yield form("of an odd name", part("form-data; name=\"file\"; filename*=utf-99''%ff%00", b"no recording"))
    yield form("of bad utf-8", part(f'{named}"\udcff\udcfe"', b"no recording"))
    yield form("without line ends", f"--{_BOUNDARY}".encode() * 2000)
    yield Hostile("upload of nothing", "POST", "/v1/recordings")
    yield Hostile("upload of noise", "POST", "/v1/recordings?name=%00", body=b"\x00" * 5000)
    yield Hostile("upload to nobody", "POST", "/v1/recordings?project=%00", body=b"RIFF")
    yield Hostile("upload by no lane", "POST", "/v1/recordings?lane=%ff", body=b"RIFF")


def _headers() -> Iterator[Hostile]:
    listed = "/v1/recordings"
    yield Hostile("header of 40 kB", "GET", listed, {"X-Long": "h" * 40_000})
    for name in (
        "Bearer",
        "Bearer ",
        "Basic eDp4",
        "Bearer \udcff\udcfe",
        "Bearer dc__",
        "Bearer a.b.c",
        "Bearer " + "." * 5000,
    ):
        yield Hostile(f"authorization {name[:14]!r}", "GET", listed, {"Authorization": name})
    yield Hostile("token of nothing", "GET", listed, {"Authorization": "Bearer e30.e30.e30"})
    yield Hostile("idempotency of 10 kB", "POST", listed, {"Idempotency-Key": "k" * 10_000}, b"RIFF")
    yield Hostile("idempotency unprintable", "POST", listed, {"Idempotency-Key": "\udcff\udcfe"}, b"RIFF")
    yield Hostile("digest of nothing", "POST", listed, {"Content-Digest": "sha-256=:x:"}, b"RIFF")
    yield Hostile("digest of another", "POST", listed, {"Digest": "sha-256=AAAA"}, b"RIFF")
    yield Hostile("content type unprintable", "POST", listed, {"Content-Type": "\udcff/\udcfe"}, b"RIFF")
    yield Hostile("range beyond", "GET", "/v1/recordings/{id}/audio", {"Range": "bytes=999999999999-"})
    yield Hostile("length negative", "POST", listed, {"Content-Length": "-1"})
    yield Hostile("length of letters", "POST", listed, {"Content-Length": "many"})
    yield Hostile("length beyond belief", "POST", listed, {"Content-Length": "9" * 30})
    yield Hostile(
        "chunk of letters", "POST", listed, {"Transfer-Encoding": "chunked", "Content-Length": "5"}, b"zz\r\nx"
    )
    yield Hostile("encoding unknown", "POST", "/v1/keys", {"Transfer-Encoding": "gzip"}, b"x")


def _heads() -> Iterator[Hostile]:
    heads = {
        "no HTTP": b"hello\r\n\r\n",
        "null in the path": b"GET /v1/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "no host": b"GET /v1/recordings HTTP/1.1\r\n\r\n",
        "version 9": b"GET /v1/recordings HTTP/9.9\r\nHost: x\r\nConnection: close\r\n\r\n",
        "header without a colon": b"GET /v1/recordings HTTP/1.1\r\nHost x\r\n\r\n",
        "header name of bytes": b"GET /v1/recordings HTTP/1.1\r\nHost: x\r\n\xff\xfe: 1\r\n\r\n",
        "two lengths": b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "binary": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    }
    for name, raw in heads.items():
        yield Hostile(f"head {name}", "", "", raw=raw)


def _send(connection: socket.socket, message: bytes) -> None:
    try:
        connection.sendall(message)
    except (BrokenPipeError, ConnectionResetError):
        # Refused before all of it was sent: the answer is there already.
        return


def _received(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while chunk := connection.recv(65_536):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer
