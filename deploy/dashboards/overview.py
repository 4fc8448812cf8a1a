"""Overview: is the system keeping its promise?"""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from .panels import HALF, Panel, Query, board, graph, number
from .promql import or_zero, per_minute, per_second, percentile


def overview() -> Dashboard:
    """Return the dashboard to look at first."""
    return board(
        "overview",
        "Overview",
        "Is it keeping its promise? What is red here has an alert and a runbook page.",
        {
            "The promise": _the_promise(),
            "What people notice": _what_people_notice(),
            "Work": _work(),
        },
    )


def _the_promise() -> list[Panel]:
    return [*_kept(), *_in_the_way()]


def _kept() -> list[Panel]:
    return [
        number(
            "Requests that fail, 1 h",
            Query("dawnchorus:api_errors:ratio_rate1h"),
            about="5xx of all requests to the gateway; 0.1 % is what is promised.",
            unit="percentunit",
            bad_from=0.001,
        ),
        number(
            "Tasks we gave up, 1 h",
            Query("dawnchorus:task_errors:ratio_rate1h"),
            about="`poison` of all tasks; 0.1 % is what is promised.",
            unit="percentunit",
            bad_from=0.001,
        ),
        number(
            "Recordings stuck",
            Query("max(dawnchorus_recordings_stuck) or vector(0)"),
            about="They do not end although they were announced anew. It is 0.",
            bad_from=1,
        ),
        number(
            "Parked messages",
            Query("sum(max by (service) (dawnchorus_dead_letters))"),
            about="Dead letters that nobody has seen to.",
            bad_from=1,
        ),
    ]


def _in_the_way() -> list[Panel]:
    return [
        number(
            "Alerts firing",
            Query('count(ALERTS{alertname=~"Dawnchorus.+",alertstate="firing"}) or vector(0)'),
            about="Each has a runbook page in docs/runbook.",
            bad_from=1,
        ),
        number(
            "Events that wait",
            Query("sum(max by (collection) (dawnchorus_outbox_pending))"),
            about="In outboxes, for the broker.",
            bad_from=100,
        ),
        number(
            "Breakers open",
            Query("count(max by (dependency) (dawnchorus_breaker_state) == 2) or vector(0)"),
            about="Servers that our workers wait for.",
            bad_from=1,
        ),
        number(
            "Fullest storage",
            Query("max(dawnchorus_storage_used_ratio) or vector(0)"),
            about="Disk or bucket; new work is refused when it is full.",
            unit="percentunit",
            bad_from=0.85,
        ),
    ]


def _what_people_notice() -> list[Panel]:
    return [
        graph(
            "From upload to result, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_end_to_end_seconds", "what", '{lane="interactive"}'),
                "{{what}}",
                has_exemplars=True,
            ),
            about="The interactive lane: until each thing can be read. Points lead to the trace of one recording.",
            unit="s",
            width=HALF,
        ),
        graph(
            "Recordings a minute",
            Query(per_minute("dawnchorus_recordings_taken_total", "lane, outcome"), "{{lane}} {{outcome}}"),
            about="That arrived whole, by what came of them.",
            width=HALF,
            stacked=True,
        ),
    ]


def _work() -> list[Panel]:
    return [
        graph(
            "Hours of audio an hour",
            Query(per_second("dawnchorus_audio_seconds_total", "task, lane"), "{{task}} {{lane}}"),
            about="How many times faster than it plays the whole system works.",
            stacked=True,
        ),
        graph(
            "Messages that wait",
            Query(
                'sum by (queue) (rabbitmq_detailed_queue_messages_ready{queue=~".+[.](work|retry)[.].+"})', "{{queue}}"
            ),
            about="In work queues and on the retry ladder.",
        ),
        graph(
            "Failed tasks a minute",
            Query(or_zero(per_minute("dawnchorus_task_failures_total", "task, code")), "{{task}} {{code}}"),
            about="By error code. `poison` is ours; the others are the recordings'.",
        ),
    ]
