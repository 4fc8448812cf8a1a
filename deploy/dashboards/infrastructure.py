"""Infrastructure: RabbitMQ, MongoDB, S3, storage."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from .panels import HALF, WHOLE, Panel, Query, board, graph, number
from .promql import or_zero, per_minute, percentile


def infrastructure() -> Dashboard:
    """Return the dashboard of the servers behind us."""
    return board(
        "infrastructure",
        "Infrastructure",
        "RabbitMQ, MongoDB, S3 and storage, as our services see them, and as RabbitMQ sees itself.",
        {
            "Breakers": _breakers(),
            "RabbitMQ": _rabbitmq(),
            "MongoDB": _mongodb(),
            "S3 and storage": _s3_and_storage(),
        },
    )


def _breakers() -> list[Panel]:
    return [
        graph(
            "State",
            Query("max by (dependency) (dawnchorus_breaker_state) or vector(0)", "{{dependency}}"),
            about="0 closed, 1 half open, 2 open; the worst of all replicas.",
            width=HALF,
        ),
        graph(
            "Opened, an hour",
            Query("sum by (dependency) (increase(dawnchorus_breaker_opened_total[1h])) or vector(0)", "{{dependency}}"),
            about="How often each breaker opened.",
            width=HALF,
        ),
    ]


def _rabbitmq() -> list[Panel]:
    return [
        number(
            "Alarms",
            Query(
                'max({__name__=~"rabbitmq_alarms_(memory_used_watermark|free_disk_space_watermark|file_descriptor_limit)"})'
            ),
            about="1 is an alarm: publishing is blocked.",
            bad_from=1,
        ),
        number("Connections", Query("sum(rabbitmq_connections)"), about="To the broker."),
        number(
            "Consumers of work",
            Query('sum(rabbitmq_detailed_queue_consumers{queue=~".+[.]work[.].+"})'),
            about="Of all work queues.",
        ),
        number(
            "Messages in all queues",
            Query('sum(rabbitmq_detailed_queue_messages{queue!="dawnchorus.history"})'),
            about="Without the stream, which keeps what was.",
        ),
        graph(
            "Publishing, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_publish_duration_seconds", "exchange"), "{{exchange}}", has_exemplars=True
            ),
            about="Until the broker has the message.",
            unit="s",
        ),
        graph(
            "Publishes that failed, a minute",
            Query(
                or_zero(
                    per_minute("dawnchorus_publish_duration_seconds_count", "exchange, outcome", '{outcome!="ok"}')
                ),
                "{{exchange}} {{outcome}}",
            ),
            about="By code.",
        ),
        graph(
            "Consumers",
            Query('sum by (queue) (rabbitmq_detailed_queue_consumers{queue=~".+[.]work[.].+"})', "{{queue}}"),
            about="Of each work queue: none is an alert.",
        ),
    ]


def _mongodb() -> list[Panel]:
    return [
        graph(
            "Commands, 95th percentile",
            Query(percentile(0.95, "dawnchorus_mongodb_duration_seconds", "command"), "{{command}}"),
            about="By the driver's clock.",
            unit="s",
        ),
        graph(
            "Commands that failed, a minute",
            Query(
                or_zero(per_minute("dawnchorus_mongodb_duration_seconds_count", "command", '{outcome="failed"}')),
                "{{command}}",
            ),
            about="By name.",
        ),
        graph(
            "Connections in use",
            Query(
                'sum by (job, instance) (dawnchorus_mongodb_pool_connections{state="in_use"})', "{{job}} {{instance}}"
            ),
            Query("max(dawnchorus_mongodb_pool_connections_max)", "most"),
            about="Of each process; the most there may be above.",
        ),
    ]


def _s3_and_storage() -> list[Panel]:
    return [
        graph(
            "Calls, 95th percentile",
            Query(
                percentile(0.95, "dawnchorus_object_store_duration_seconds", "operation"),
                "{{operation}}",
                has_exemplars=True,
            ),
            about="A stream lasts as long as it is read.",
            unit="s",
        ),
        graph(
            "Calls that failed, a minute",
            Query(
                or_zero(
                    per_minute(
                        "dawnchorus_object_store_duration_seconds_count",
                        "operation, outcome",
                        '{outcome!~"ok|cancelled"}',
                    )
                ),
                "{{operation}} {{outcome}}",
            ),
            about="By code.",
        ),
        graph(
            "How full",
            Query("max by (what) (dawnchorus_storage_used_ratio) or vector(0)", "{{what}}"),
            about="Disks and bucket; new work is refused when they are full.",
            unit="percentunit",
        ),
        graph(
            "Objects swept, an hour",
            Query("sum by (kind) (increase(dawnchorus_objects_swept_total[1h])) or vector(0)", "{{kind}}"),
            about="That nothing named.",
            width=WHOLE,
        ),
    ]
