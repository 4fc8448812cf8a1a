"""How a case is sent to a running system, and how it ended."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from contracts.events import RecordingUploaded
from tests.e2e.hostile import Hostile
from tests.receiver import Receiver, Reply, Taken
from tests.system import System

from .broker import ends_of
from .case import COMPLETED, TRUNCATED, Case, Door, Sending
from .messages import Message

# How a client, a person, would do it: some at once.
AT_ONCE = 4
_NO_ERROR = 500
_ENDED_WITHIN_S = 180


@dataclass(frozen=True)
class Ending:
    """How one case ended: `code`, and the status of the answer, None where nobody answered."""

    code: str
    status: int | None = None

    @property
    def is_documented(self) -> bool:
        """Whether it is none of those that say that something here is wrong."""
        return self.status is None or self.status < _NO_ERROR


class Doors:
    """The ways into a running system.

    known  the event of a recording that is there, and done with
    """

    def __init__(self, system: System, receiver: Receiver, known: RecordingUploaded) -> None:
        self._system = system
        self._receiver = receiver
        self._known = known
        receiver.answering = _answer
        self._send: dict[Door, Callable[[Any], Ending]] = {
            Door.UPLOAD: self._upload,
            Door.IMPORT: self._import,
            Door.WEBHOOK: self._webhook,
            Door.REQUEST: self._request,
        }

    def sent(self, case: Case) -> Ending:
        """Send one, and return how it ended."""
        return self.send(case)()

    def send(self, case: Case) -> Callable[[], Ending]:
        """Make what a case sends, and return what sends it."""
        if case.door is Door.MESSAGE:
            built = case.build()(self._known)
            return lambda: self._messages({case.name: built})[case.name]
        given = case.build()
        return lambda: self._send[case.door](given)

    def all_sent(self, cases: Sequence[Case]) -> dict[str, Ending]:
        """Send many at once."""
        messages = [case for case in cases if case.door is Door.MESSAGE]
        others = [case for case in cases if case.door is not Door.MESSAGE]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            parked = pool.submit(self._messages, {case.name: case.build()(self._known) for case in messages})
            ends = dict(zip((case.name for case in others), pool.map(self.sent, others), strict=True))
            return ends | parked.result()

    def _messages(self, messages: Mapping[str, Message]) -> dict[str, Ending]:
        return {name: Ending(code) for name, code in asyncio.run(ends_of(self._system, messages)).items()}

    def _upload(self, given: bytes | Sending) -> Ending:
        sending = given if isinstance(given, Sending) else Sending(given)
        query = f"name={''.join(f'%{byte:02x}' for byte in sending.name)}"
        headers: Any = [(name.encode(), value) for name, value in sending.headers.items()]
        answer = self._system.client.post(f"/v1/recordings?{query}", content=sending.content, headers=headers)
        return self._ended(answer) if answer.is_success else _refused(answer)

    def _ended(self, answer: httpx.Response) -> Ending:
        found = self._system.ended(answer.json()["id"], within_s=_ENDED_WITHIN_S)
        if found["errors"]:
            return Ending(found["errors"][0]["code"], answer.status_code)
        warnings = {each["code"] for task in ("spectrogram", "analysis") for each in found[task]["warnings"]}
        return Ending(TRUNCATED if TRUNCATED in warnings else COMPLETED, answer.status_code)

    def _import(self, uri: str) -> Ending:
        items = [{"uri": uri.replace("{receiver}", self._receiver.url)}]
        made = self._system.client.post("/v1/batches", json={"name": "corpus", "items": items})
        if not made.is_success:
            return _refused(made)
        links = made.json()["links"]
        self._system.until(lambda: self._system.client.get(links["self"]).json()["completed_at"] is not None)
        [item] = self._system.client.get(links["items"]).json()["items"]
        return Ending(item["error"]["code"] if item["error"] else item["status"], made.status_code)

    def _webhook(self, url: str) -> Ending:
        made = self._system.client.post("/v1/webhooks", json={"url": url, "project": "default"})
        return Ending("taken", made.status_code) if made.is_success else _refused(made)

    def _request(self, request: Hostile) -> Ending:
        key = self._system.client.headers["Authorization"].removeprefix("Bearer ")
        status, answer = request.answered(str(self._system.client.base_url), key, self._known.recording_id)
        _, _, said = answer.partition(b'"code":"')
        return Ending(said.partition(b'"')[0].decode() or f"HTTP {status}", status)


def known_recording(system: System, content: bytes) -> RecordingUploaded:
    """Upload a recording, wait until it has ended, and return the event that announced it."""
    recording_id = system.client.post("/v1/recordings", content=content).json()["id"]
    system.ended(recording_id)
    told = system.client.get(f"/v1/recordings/{recording_id}/history").json()["events"]
    [uploaded] = [each["data"] for each in told if each["type"] == RecordingUploaded.versioned_type()]
    return RecordingUploaded.model_validate(uploaded)


def _refused(answer: httpx.Response) -> Ending:
    return Ending(answer.json()["code"], answer.status_code)


def _answer(taken: Taken) -> Reply:
    """Answer as a server would that wants to lead whoever asks astray."""
    if taken.path.startswith("/to/"):
        return Reply(302, {"location": taken.path.removeprefix("/to/")})
    return {
        "/circle": Reply(302, {"location": "/circle"}),
        "/html": Reply(200, {"content-type": "audio/wav"}, b"<html>no recording</html>"),
        "/500": Reply(500),
        "/endless": Reply(200, {"content-length": str(10**13)}),
        "/wordy": Reply(200, {"content-length": "many"}, b"RIFF"),
        "/gzip": Reply(200, {"content-encoding": "gzip"}, b"\x1f\x8b\x08" + bytes(100)),
    }.get(taken.path, Reply(404))
