"""Pipeline: what recordings wait for, per stage and lane."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from .panels import HALF, Panel, Query, board, graph
from .promql import or_zero, per_minute, per_second, percentile

_ONE = per_second("dawnchorus_task_attempts_bucket", "task", '{le="1.0"}')
MORE_THAN_ONE = f"1 - {_ONE} / ({per_second('dawnchorus_task_attempts_count', 'task')} > 0)"


def pipeline() -> Dashboard:
    """Return the dashboard of recordings on their way."""
    return board(
        "pipeline",
        "Pipeline",
        "What recordings wait for, per stage and lane: the outbox, the queue, the stages of the work.",
        {
            "Out of the outbox": _out_of_the_outbox(),
            "In the queues": _in_the_queues(),
            "At work": _at_work(),
            "At the end": _at_the_end(),
        },
    )


def _out_of_the_outbox() -> list[Panel]:
    return [
        graph(
            "Events that wait",
            Query("max by (collection) (dawnchorus_outbox_pending)", "{{collection}}"),
            about="Per collection; every replica says the same.",
        ),
        graph(
            "How long the oldest waits",
            Query("max by (collection) (dawnchorus_outbox_oldest_age_seconds)", "{{collection}}"),
            about="It grows while the broker, or the relay, is away.",
            unit="s",
        ),
        graph(
            "Events published a minute",
            Query(per_minute("dawnchorus_outbox_published_total", "collection"), "{{collection}}"),
            Query(or_zero(per_minute("dawnchorus_outbox_failures_total", "collection")), "failed {{collection}}"),
            about="Confirmed by the broker; failed rounds below.",
        ),
    ]


def _in_the_queues() -> list[Panel]:
    return [
        graph(
            "Ready",
            Query(
                'sum by (queue) (rabbitmq_detailed_queue_messages_ready{queue=~".+[.](work|retry)[.].+"})', "{{queue}}"
            ),
            about="Messages that nobody has taken yet.",
        ),
        graph(
            "Taken, not acknowledged",
            Query('sum by (queue) (rabbitmq_detailed_queue_messages_unacked{queue=~".+[.]work[.].+"})', "{{queue}}"),
            about="As many as there are slots, at most.",
        ),
        graph(
            "From announcement to first claim, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_task_wait_seconds", "task, lane"), "{{task}} {{lane}}", has_exemplars=True
            ),
            about="What a recording waits for a free slot.",
            unit="s",
        ),
    ]


def _at_work() -> list[Panel]:
    return [*_how_long(), *_how_they_ended()]


def _how_long() -> list[Panel]:
    return [
        graph(
            "Stages, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_stage_duration_seconds", "task, lane, stage"),
                "{{task}} {{lane}} {{stage}}",
                has_exemplars=True,
            ),
            about="Fetch, compute and store.",
            unit="s",
        ),
        graph(
            "Tasks, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_task_duration_seconds", "task, lane"),
                "{{task}} {{lane}}",
                has_exemplars=True,
            ),
            about="From claim to finalize.",
            unit="s",
        ),
    ]


def _how_they_ended() -> list[Panel]:
    return [
        graph(
            "Tasks that ended a minute",
            Query(
                per_minute("dawnchorus_task_duration_seconds_count", "task, lane, state"), "{{task}} {{lane}} {{state}}"
            ),
            about="By state.",
            stacked=True,
        ),
        graph(
            "Messages by outcome, a minute",
            Query(per_minute("dawnchorus_messages_handled_total", "consumer, outcome"), "{{consumer}} {{outcome}}"),
            about="`postponed` climbs the retry ladder, `parked` is a dead letter.",
            stacked=True,
        ),
        graph(
            "Tasks that took more than one attempt",
            Query(
                MORE_THAN_ONE,
                "{{task}}",
            ),
            about="The share of all.",
            unit="percentunit",
        ),
        graph(
            "Messages parked",
            Query("max by (service) (dawnchorus_dead_letters)", "{{service}}"),
            about="Dead letters that nobody has seen to.",
        ),
    ]


def _at_the_end() -> list[Panel]:
    return [
        _to_result("median", 0.5),
        _to_result("99th percentile", 0.99),
        graph(
            "Announced anew",
            Query(or_zero(per_minute("dawnchorus_recordings_reannounced_total", "")), "announced anew"),
            about="Recordings and wishes that the reconciler had to repeat, a minute.",
        ),
        graph(
            "Stuck",
            Query("max(dawnchorus_recordings_stuck) or vector(0)", "stuck"),
            about="They do not end although they were announced anew. It is 0.",
        ),
        graph(
            "Failures by code, a minute",
            Query(or_zero(per_minute("dawnchorus_task_failures_total", "task, code")), "{{task}} {{code}}"),
            about="`poison` is ours; the others are the recordings'.",
        ),
    ]


def _to_result(called: str, share: float) -> Panel:
    seconds = percentile(share, "dawnchorus_end_to_end_seconds", "what, lane")
    return graph(
        f"From upload to result, {called}",
        Query(seconds, "{{what}} {{lane}}", has_exemplars=True),
        about="By lane.",
        unit="s",
        width=HALF,
    )
