"""Says of a run what became of every recording; knows no server, no clock and no chance."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.vocabulary import State

from .outcome import Document, documents_of, named_keys, outcome
from .recorded import TASKS, Heard, Observed, Upload

# What a client is told while something behind the gateway is away, or full: documented, and to be repeated.
DOCUMENTED_5XX = frozenset({503, 507})
VERDICTS = ("lost", "stuck", "wrong", "unexpected", "more_than_once")
ENDINGS = ("completed", "failed")
SHOWN = 300

Findings = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Verdict:
    """What the checker found; a run passes when no verdict has a finding.

    completed             recordings whose tasks all ended once, were announced once, and are what they should be
    duplicate_executions  attempts beyond the first of each task
    repeated_events       messages of the history that say again, word for word, what was said before
    conflicting_events    events that came with one id and two contents
    orphans               objects that no document names
    """

    attempted: int
    acknowledged: int
    refused: int
    completed: int
    findings: Mapping[str, tuple[str, ...]]
    duplicate_executions: int
    repeated_events: int
    conflicting_events: int
    orphans: int
    parked: int

    @property
    def passed(self) -> bool:
        return not any(self.findings.values())

    def count(self, verdict: str) -> int:
        return len(self.findings[verdict])


def check(observed: Observed) -> Verdict:
    """Return the verdict on a run."""
    found: dict[str, list[str]] = {name: [] for name in VERDICTS}
    completed = 0
    for upload in observed.uploads:
        of_upload = list(_of_upload(upload, observed))
        completed += bool(upload.acknowledged) and not of_upload
        for verdict, sentence in of_upload:
            found[verdict].append(f"{upload.content} ({upload.project}): {sentence}")
    for verdict, sentence in (*_of_events(observed.heard), *_of_services(observed)):
        found[verdict].append(sentence)
    return Verdict(
        attempted=len(observed.uploads),
        acknowledged=sum(bool(each.acknowledged) for each in observed.uploads),
        refused=sum(each.refusal is not None for each in observed.uploads),
        completed=completed,
        findings={name: tuple(sentences) for name, sentences in found.items()},
        duplicate_executions=sum(max(task["attempts"] - 1, 0) for kind in TASKS for task in observed.documents[kind]),
        repeated_events=len(observed.heard) - len({each.event_id for each in observed.heard}),
        conflicting_events=len(list(_conflicting(observed.heard))),
        orphans=len(orphans(observed)),
        parked=observed.parked,
    )


def orphans(observed: Observed) -> list[str]:
    """Return the keys of the objects that no document names."""
    documents = [*observed.recordings, *(each for kind in TASKS for each in observed.documents[kind])]
    named = {key for document in documents for key in named_keys(document)}
    # A manifest names objects, too.
    manifests = (observed.objects[key].text for key in named if key in observed.objects)
    named |= {key for text in manifests if text is not None for key in named_keys(json.loads(text))}
    return sorted(observed.objects.keys() - named)


def _of_upload(upload: Upload, observed: Observed) -> Findings:
    yield from _of_answers(upload)
    expected = observed.reference[upload.sha256]
    if upload.refusal is not None and not upload.acknowledged:
        if upload.refusal.code != expected.get("refused"):
            yield "unexpected", f"refused as {upload.refusal.status} {upload.refusal.code}"
        return
    if len(upload.acknowledged) > 1:
        yield "more_than_once", f"acknowledged as {', '.join(sorted(upload.acknowledged))}"
    known = {each["_id"]: each for each in observed.recordings}
    for recording_id in upload.acknowledged:
        if recording_id not in known:
            yield "lost", f"{recording_id} was acknowledged, and there is no document of it"
        else:
            yield from _of_recording(known[recording_id], expected, observed)
    if len(twins := _twins(upload, observed)) > 1:
        yield "more_than_once", f"the same bytes are the recordings {', '.join(twins)}"


def _of_answers(upload: Upload) -> Findings:
    for each in upload.attempts:
        if each.status is not None and each.status >= 500 and each.status not in DOCUMENTED_5XX:
            yield "unexpected", f"answered {each.status} {each.code} during {', '.join(each.faults) or 'no fault'}"
    if not upload.is_over:
        yield "unexpected", f"not taken after {len(upload.attempts)} requests"


def _twins(upload: Upload, observed: Observed) -> list[str]:
    return [
        each["_id"]
        for each in observed.recordings
        if (each["project_id"], each["sha256"], each["current"]) == (upload.project, upload.sha256, True)
    ]


def _of_recording(recording: Document, expected: Mapping[str, Any], observed: Observed) -> Findings:
    open_tasks = list(_of_tasks(recording, expected, observed))
    yield from open_tasks
    if open_tasks or recording["outbox"]:
        return
    for facet, difference in _differences(expected, outcome(recording, observed)):
        yield "wrong", f"{recording['_id']}: {facet}: {difference}"


def _of_tasks(recording: Document, expected: Mapping[str, Any], observed: Observed) -> Findings:
    for kind in TASKS:
        tasks = documents_of(observed, kind, recording["_id"])
        if not tasks and recording["outbox"]:
            yield "stuck", f"{recording['_id']}: its event has not left for {kind}"
        elif not tasks:
            yield "lost", f"{recording['_id']}: nothing knows of its {kind}"
        for task in tasks:
            yield from _of_task(kind, task, expected.get(kind, {}), observed.heard)


def _of_task(kind: str, task: Document, expected: Mapping[str, Any], heard: Iterable[Heard]) -> Findings:
    if not State(task["state"]).is_terminal:
        yield "stuck", f"{kind} of {task['recording_id']} is {task['state']} after {task['attempts']} attempts"
        return
    code = (task.get("error") or {}).get("code")
    if code != expected.get("error"):
        yield "unexpected", f"{kind} of {task['recording_id']} ended as {task['state']} ({code}): {task.get('error')}"
    endings = {each.event_id for each in heard if _ends(each, kind, task)}
    if not endings and task["outbox"]:
        yield "stuck", f"{kind} of {task['recording_id']} ended, and that has not left"
    elif not endings:
        yield "lost", f"{kind} of {task['recording_id']} ended, and nobody was told"
    elif len(endings) > 1:
        yield "more_than_once", f"{kind} of {task['recording_id']} was announced as {', '.join(sorted(endings))}"


def _ends(heard: Heard, kind: str, task: Document) -> bool:
    is_ending = heard.type.startswith(tuple(f"{kind}.{ending}" for ending in ENDINGS))
    about = (heard.recording_id, heard.body.get("parameters_id"))
    return is_ending and about == (task["recording_id"], task["parameters_id"])


def _of_events(heard: Iterable[Heard]) -> Findings:
    for event_id, contents in _conflicting(heard):
        yield "more_than_once", f"the event {event_id} came with {contents} contents"


def _conflicting(heard: Iterable[Heard]) -> Iterator[tuple[str, int]]:
    contents: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in heard:
        told = json.dumps([each.type, each.recording_id, each.time, each.body], sort_keys=True)
        contents[each.event_id][told] += 1
    for event_id, told in contents.items():
        if len(told) > 1:
            yield event_id, len(told)


def _of_services(observed: Observed) -> Findings:
    for death in observed.deaths:
        yield "unexpected", f"a service ended by itself: {death}"


def _differences(expected: Any, found: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name in sorted(expected.keys() | found.keys()):
            yield from _differences(expected.get(name), found.get(name), f"{where}/{name}")
    elif expected != found:
        yield where, f"{expected!s} became {found!s}"[:SHOWN]
