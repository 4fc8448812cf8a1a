"""Workers: slots, children, extractors."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from .panels import HALF, Panel, Query, board, graph
from .promql import or_zero, per_minute, per_second, percentile


def workers() -> Dashboard:
    """Return the dashboard of who computes."""
    return board(
        "workers",
        "Workers",
        "Slots, child processes, extractors: who computes what, and how fast.",
        {
            "Slots": _slots(),
            "Speed": _speed(),
            "Extractors": _extractors(),
            "Processes": _processes(),
        },
    )


def _slots() -> list[Panel]:
    return [
        graph(
            "Busy slots",
            Query(
                "sum by (job, pool) (dawnchorus_pool_busy) / sum by (job, pool) (dawnchorus_pool_slots)",
                "{{job}} {{pool}}",
            ),
            about="The share of the pool's children that work on a job. 1 for long: add replicas.",
            unit="percentunit",
        ),
        graph(
            "Tasks running",
            Query("sum by (task) (dawnchorus_tasks_running)", "{{task}}"),
            about="Claimed, not finalized.",
        ),
        graph(
            "Jobs that did not finish, a minute",
            Query(
                or_zero(per_minute("dawnchorus_job_ends_total", "job, pool, outcome", '{outcome!="finished"}')),
                "{{job}} {{pool}} {{outcome}}",
            ),
            about="Crashed, hung, cancelled, or wanted too much memory.",
        ),
    ]


def _speed() -> list[Panel]:
    return [
        graph(
            "Seconds of work per second of audio, median",
            Query(percentile(0.5, "dawnchorus_real_time_factor", "task"), "{{task}}"),
            about="Of the stage compute: 0.01 is a minute in 0.6 s.",
        ),
        graph(
            "Hours of audio an hour",
            Query(per_second("dawnchorus_audio_seconds_total", "task, lane"), "{{task}} {{lane}}"),
            about="Of all workers together.",
            stacked=True,
        ),
        graph(
            "Computing, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_stage_duration_seconds", "task, lane", '{stage="compute"}'),
                "{{task}} {{lane}}",
                has_exemplars=True,
            ),
            about="Of the stage compute.",
            unit="s",
        ),
    ]


def _extractors() -> list[Panel]:
    return [
        graph(
            "Cost",
            Query(per_second("dawnchorus_extractor_duration_seconds_sum", "extractor"), "{{extractor}}"),
            about="Seconds a second that each extractor computes.",
            width=HALF,
            stacked=True,
        ),
        graph(
            "Failures a minute",
            Query(
                or_zero(per_minute("dawnchorus_extractor_duration_seconds_count", "extractor", '{outcome="failed"}')),
                "{{extractor}}",
            ),
            about="The others' results stand.",
            width=HALF,
        ),
    ]


def _processes() -> list[Panel]:
    return [
        graph(
            "Processor",
            Query(per_second("process_cpu_seconds_total", "job, instance"), "{{job}} {{instance}}"),
            about="Cores; of the service itself, not of its children.",
        ),
        graph(
            "Memory",
            Query("sum by (job, instance) (process_resident_memory_bytes)", "{{job}} {{instance}}"),
            about="Of the service itself, not of its children.",
            unit="bytes",
        ),
        graph(
            "Event loop, 99th percentile",
            Query(percentile(0.99, "dawnchorus_event_loop_lag_seconds", "job, instance"), "{{job}} {{instance}}"),
            about="How late it comes to what is due.",
            unit="s",
        ),
    ]
