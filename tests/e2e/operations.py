"""Every operation of the interface: how it is asked for, which role it needs, and what it answers then."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from contracts.vocabulary import Role

KNOWN = None


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document.

    needs    the least role; None: whoever is known may ask
    answers  statuses of whoever may
    shared   it is about no one project or recording: another project's member is answered, too, with what is theirs
    last     it gives its caller a role more, and is therefore asked for after all others
    once     it changes its recording, which is therefore uploaded for it alone
    deleted  that recording is deleted before
    """

    needs: Role | None
    answers: frozenset[int] = frozenset({200})
    shared: bool = False
    last: bool = False
    once: bool = False
    deleted: bool = False
    query: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    sends_audio: bool = False


def _reading(**facts: Any) -> Operation:
    return Operation(Role.READER, **facts)


def _owning(status: int = 200, **facts: Any) -> Operation:
    return Operation(Role.OWNER, answers=frozenset({status}), **facts)


# By operation id. `$recording`, `$project` and the like stand for what the test made, `$new` for no name yet.
OPERATIONS: dict[str, Operation] = {
    "uploadRecording": Operation(
        Role.WRITER, answers=frozenset({200, 202}), query={"project": "$project"}, sends_audio=True
    ),
    "findRecordingByHash": _reading(
        answers=frozenset({404}), query={"project": "$project", "sha256": hashlib.sha256(b"").hexdigest()}
    ),
    "listRecordings": _reading(shared=True),
    "getRecording": _reading(),
    "changeRecording": Operation(Role.WRITER, json={"tags": ["seen"]}),
    "deleteRecording": Operation(Role.WRITER, answers=frozenset({204}), once=True),
    "deleteRecordings": Operation(Role.WRITER, shared=True, json={"ids": ["nobody's"]}),
    "restoreRecording": Operation(Role.WRITER, once=True, deleted=True),
    "getAudio": _reading(),
    "beginUpload": Operation(
        Role.WRITER, answers=frozenset({201}), json={"name": "a.wav", "size_bytes": 7, "project": "$project"}
    ),
    "getUpload": Operation(Role.WRITER),
    "getPartUrls": Operation(Role.WRITER, json={"numbers": [1]}),
    "completeUpload": Operation(Role.WRITER, answers=frozenset({409})),
    "abortUpload": Operation(Role.WRITER, answers=frozenset({204})),
    "getSpectrogram": _reading(),
    "getSpectrogramStatus": _reading(),
    "getFirstLook": _reading(),
    "getSpectrogramGeometry": _reading(),
    "getSpectrogramRegion": _reading(query={"start_s": 0, "end_s": 0.5}),
    "getTiles": _reading(),
    "getTile": _reading(),
    "getWaveform": _reading(),
    "getPeaks": _reading(),
    "getAnalysis": _reading(),
    "getAnalysisStatus": _reading(),
    "getSeries": _reading(),
    "requestAnalysis": Operation(Role.WRITER, answers=frozenset({202}), json={}),
    "cancelRecording": Operation(Role.WRITER, answers=frozenset({202}), once=True),
    "retryRecording": Operation(Role.WRITER, answers=frozenset({409})),
    "reprocessRecording": Operation(Role.WRITER, answers=frozenset({202}), json={}),
    "createBatch": Operation(
        Role.WRITER, answers=frozenset({202}), json={"project": "$project", "items": [{"recording_id": "$recording"}]}
    ),
    "listBatches": _reading(shared=True),
    "getBatch": _reading(),
    "listBatchItems": _reading(),
    "retryFailedItems": Operation(Role.WRITER, answers=frozenset({202})),
    "cancelBatch": Operation(Role.WRITER, answers=frozenset({202})),
    "processRecording": Operation(
        Role.WRITER,
        answers=frozenset({202}),
        query={"project": "$project"},
        json={"input_uri": "s3://nobody/s", "video_id": "a"},
    ),
    "processBatch": Operation(
        Role.WRITER,
        answers=frozenset({202}),
        query={"project": "$project"},
        json={"items": [{"input_uri": "s3://nobody/s", "video_id": "a"}]},
    ),
    "getTaskStatus": _reading(),
    "getCapabilities": Operation(KNOWN, shared=True),
    "listProjects": _reading(shared=True),
    "createProject": Operation(KNOWN, answers=frozenset({201}), shared=True, last=True, json={"id": "$new"}),
    "getProject": _reading(),
    "listMembers": Operation(Role.OWNER),
    "setMember": Operation(Role.OWNER, json={"role": "reader"}),
    "removeMember": Operation(Role.OWNER, answers=frozenset({204})),
    "createKey": Operation(
        Role.OWNER,
        answers=frozenset({201}),
        json={"name": "test", "projects": [{"project": "$project", "role": "reader"}]},
    ),
    "listKeys": Operation(Role.OWNER, shared=True),
    "revokeKey": Operation(Role.OWNER, answers=frozenset({204})),
    "getProjectRendering": _reading(),
    "setProjectRendering": Operation(Role.OWNER, json={}),
    "resetProjectRendering": Operation(Role.OWNER, answers=frozenset({204})),
    "listExtractors": Operation(KNOWN, shared=True),
    "planBackfill": Operation(Role.WRITER, shared=True),
    "startBackfill": Operation(Role.WRITER, answers=frozenset({202}), shared=True),
    "getSimilar": _reading(),
    "searchSimilar": _reading(shared=True, json={"vector": [1.0] * 384}),
    "getDuplicates": _reading(),
    "listenToEvents": _reading(query={"recording": "$recording"}),
    "getRecordingHistory": _reading(),
    "createEventTicket": Operation(KNOWN, answers=frozenset({201}), shared=True),
    "createWebhook": _owning(201, json={"url": "http://127.0.0.1:9/hook", "project": "$project"}),
    "listWebhooks": _owning(shared=True),
    "getWebhook": _owning(),
    "changeWebhook": _owning(json={"description": "another"}),
    "deleteWebhook": _owning(204),
    "rotateWebhookSecret": _owning(),
    "pingWebhook": _owning(202),
    "listDeliveries": _owning(),
    "repeatDelivery": _owning(202),
    "getHealth": Operation(KNOWN, shared=True),
    "getServiceHealth": Operation(KNOWN, shared=True),
    "getDetailedHealth": Operation(KNOWN, answers=frozenset({403}), shared=True),
    "getQueues": Operation(KNOWN, shared=True),
    "listDeadLetters": _owning(query={"project": "$project"}),
    "replayDeadLetters": _owning(json={"project": "$project"}),
    "getDeadLetter": _owning(),
    "replayDeadLetter": _owning(),
    "discardDeadLetter": _owning(204),
}
# What stands in the place of each parameter of a path.
PATH = {
    "recording_id": "$recording",
    "webhook_id": "$webhook",
    "event_id": "$event",
    "letter_id": "$letter",
    "part": "database",
    "upload_id": "$upload",
    "batch_id": "$batch",
    "task_id": "$task",
    "project": "$project",
    "key_id": "$key",
    "member": "$key",
    "name": "loudness",
    "level": "0",
    "tile": "0.png",
    "file_name": "spectral.parquet",
}
