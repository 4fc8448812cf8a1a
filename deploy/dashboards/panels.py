"""The few kinds of panels that our dashboards are made of, in Grafana's own types."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, text, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.text import TextMode

Panel = timeseries.Panel | stat.Panel | text.Panel

TAG = "dawnchorus"
METRICS = DataSourceRef(type_val="prometheus", uid="${datasource}")
THIRD, HALF, QUARTER, WHOLE = 8, 12, 6, 24


@dataclass(frozen=True)
class Query:
    """What is asked of Prometheus, and what a line of the answer is called; with exemplars, points lead to traces."""

    expression: str
    legend: str = ""
    has_exemplars: bool = False


def board(uid: str, title: str, about: str, rows: Mapping[str, Sequence[Panel]]) -> dashboard.Dashboard:
    """Return a dashboard of rows, which leads to the others."""
    others = dashboard.DashboardLink("Dawnchorus").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    source = dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    made = dashboard.Dashboard(f"Dawnchorus / {title}").uid(f"{TAG}-{uid}").description(about).tags([TAG])
    made = made.refresh("30s").time("now-1h", "now").tooltip(DashboardCursorSync.CROSSHAIR).readonly()
    made = made.link(others).with_variable(source)
    ids = itertools.count(1)
    for name, panels in rows.items():
        made = made.with_row(dashboard.Row(name).id(next(ids)))
        for panel in panels:
            made = made.with_panel(panel.id(next(ids)))
    return made


def graph(
    title: str, *queries: Query, about: str, unit: str = "short", width: int = THIRD, stacked: bool = False
) -> timeseries.Panel:
    """Return lines over time."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    panel = timeseries.Panel().title(title).description(about).unit(unit).min(0).span(width).height(8)
    panel = panel.datasource(METRICS).fill_opacity(10).legend(legend.show_legend(True))
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    return panel.targets(_targets(queries))


def number(
    title: str, query: Query, *, about: str, unit: str = "short", bad_from: float | None = None, width: int = QUARTER
) -> stat.Panel:
    """Return one number, red from `bad_from` on."""
    steps = [Threshold(value=None, color="green")]
    if bad_from is not None:
        steps.append(Threshold(value=bad_from, color="red"))
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .span(width)
        .height(4)
        .datasource(METRICS)
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .targets(_targets([query]))
    )


def words(title: str, markdown: str, *, width: int = WHOLE, height: int = 4) -> text.Panel:
    """Return a paragraph."""
    return text.Panel().title(title).mode(TextMode.MARKDOWN).content(markdown).span(width).height(height)


def _targets(queries: Sequence[Query]) -> list[Builder[Dataquery]]:
    return [
        prometheus.Dataquery()
        .ref_id(chr(ord("A") + number))
        .expr(query.expression)
        .legend_format(query.legend)
        .exemplar(query.has_exemplars)
        for number, query in enumerate(queries)
    ]
