"""A gateway that keeps everything in memory, as far as the client speaks with it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

PROBLEM = {"content-type": "application/problem+json"}
URL = "http://gateway"
STORE = "http://store"

Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeGateway:
    """Takes recordings in one piece or in parts; `disturb` may answer, or fail, instead."""

    part_bytes: int = 10
    known: dict[str, str] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)
    begun: dict[str, Any] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    disturb: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._answer(request)

    async def later(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self._answer(request)

    @property
    def lines(self) -> list[str]:
        return [f"{each.method} {each.url.path}" for each in self.asked]

    @property
    def audio_bytes(self) -> int:
        return sum(len(each.content) for each in self.asked if each.headers.get("content-type") != "application/json")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.disturb(request) or self._usual(request)

    def _usual(self, request: httpx.Request) -> httpx.Response:
        match request.method, request.url.path.split("/")[1:]:
            case "HEAD", ["v1", "recordings"]:
                found = self.known.get(request.url.params["sha256"])
                headers = {"location": f"/v1/recordings/{found}"}
                return httpx.Response(200, headers=headers) if found else httpx.Response(404)
            case "POST", ["v1", "recordings"]:
                return self._take(request.content)
            case "POST", ["v1", "uploads"]:
                self.begun = json.loads(request.content)
                return httpx.Response(201, json=self._upload())
            case "GET", ["v1", "uploads", "u1"] if self.begun:
                return httpx.Response(200, json=self._upload())
            case "POST", ["v1", "uploads", "u1", "urls"]:
                return httpx.Response(
                    200, json={"items": [self._url(n) for n in json.loads(request.content)["numbers"]]}
                )
            case "PUT", ["parts", number]:
                self.parts[int(number)] = request.content
                return httpx.Response(200)
            case "POST", ["v1", "uploads", "u1", "complete"]:
                return self._take(b"".join(self.parts[number] for number in sorted(self.parts)))
            case _:
                return httpx.Response(404, json={"code": "not_found", "detail": "Not here."}, headers=PROBLEM)

    def _take(self, body: bytes) -> httpx.Response:
        sha256 = hashlib.sha256(body).hexdigest()
        self.known[sha256] = f"r-{sha256[:6]}"
        return httpx.Response(202, json={"id": self.known[sha256], "status": "queued"})

    def _upload(self) -> dict[str, Any]:
        size_bytes = self.begun["size_bytes"]
        parts = -(-size_bytes // self.part_bytes)
        facts = {"size_bytes": size_bytes, "part_bytes": self.part_bytes, "parts": parts}
        return {"id": "u1", "stored": sorted(self.parts), **facts}

    def _url(self, number: int) -> dict[str, Any]:
        offset_bytes = (number - 1) * self.part_bytes
        size_bytes = min(self.part_bytes, self.begun["size_bytes"] - offset_bytes)
        url = f"{STORE}/parts/{number}?signature=s"
        return {"number": number, "offset_bytes": offset_bytes, "size_bytes": size_bytes, "url": url}
