"""Journey: what one recording went through, and what others go through now."""

from grafana_foundation_sdk.builders import dashboard, tempo
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from .panels import HALF, Panel, Query, board, graph, words

TRACES = DataSourceRef(type_val="jaeger", uid="${tracing}")
HOW_TO = """\
Every answer about a recording has its `trace_id`; so has every log line. Write it into the field above.

[The trace, in Explore](/explore?left={"datasource":"${tracing}","queries":[{"refId":"A","query":"${trace_id}"}]}) ·
the log lines: search for `${trace_id}` · the events: `GET /v1/recordings/{id}/history` ·
the states and times: `GET /v1/recordings/{id}`
"""


def journey() -> Dashboard:
    """Return the dashboard that leads from a recording to its trace."""
    made = board(
        "journey",
        "One recording's journey",
        "From a trace id to all that happened to one recording, beside what others take now.",
        {"This recording": [words("How to", HOW_TO)], "Others, now": _others()},
    )
    source = dashboard.DatasourceVariable("tracing").label("Traces").type("jaeger")
    wanted = dashboard.TextBoxVariable("trace_id").label("Trace id").default_value("")
    return made.with_variable(source).with_variable(wanted).with_panel(_trace())


def _trace() -> dashboard.Panel:
    asked = tempo.TempoQuery().ref_id("A").query("${trace_id}").datasource(TRACES)
    panel = dashboard.Panel().id(100).type("traces").title("The trace").datasource(TRACES).span(24).height(20)
    return panel.description("Spans of all services, from the upload to both results.").targets([asked])


def _others() -> list[Panel]:
    return [
        graph(
            "Stages, median",
            Query(
                "histogram_quantile(0.5, sum by (task, lane, stage, le) "
                "(rate(dawnchorus_stage_duration_seconds_bucket[$__rate_interval])))",
                "{{task}} {{lane}} {{stage}}",
                has_exemplars=True,
            ),
            about="What fetching, computing and storing take others.",
            unit="s",
            width=HALF,
        ),
        graph(
            "From upload to result, median",
            Query(
                "histogram_quantile(0.5, sum by (what, lane, le) "
                "(rate(dawnchorus_end_to_end_seconds_bucket[$__rate_interval])))",
                "{{what}} {{lane}}",
                has_exemplars=True,
            ),
            about="Points lead to the trace of one recording.",
            unit="s",
            width=HALF,
        ),
    ]
