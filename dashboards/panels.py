"""The one place that speaks to grafana-foundation-sdk: panels as plain data, built into v1 JSON (schemaVersion 42).

Called by the three dashboards beside it. File provisioning of schema v2 still fails in Grafana 13, so v1 it is;
the SDK's warning about that is silenced here and nowhere else.
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import DataSourceRef, StackingMode
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    GridPos,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Kind = Literal["stat", "lines", "stack", "bars", "table", "matrix"]
SOURCE = "${source}"
"""A datasource variable, never a uid: the file serves any Grafana."""
COLUMNS = 24
GREEN, AMBER, RED = "green", "orange", "red"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line on a panel: from this value on, this colour."""

    at: float
    colour: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; its description says what the number means and what to do about it."""

    title: str
    description: str
    kind: Kind
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    """Of 24 columns."""
    height: int = 8
    lines: tuple[Line, ...] = ()
    """Empty: no value is better than another."""
    matrix: tuple[str, str] = ("", "")
    """Of a matrix: labels of its rows and of its columns."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable of the dashboard: the values of a label."""

    name: str
    metric: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    choices: tuple[Choice, ...]
    panels: tuple[Panel, ...]


Builder = stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel


def build(board: Board) -> str:
    """The dashboard's JSON, the same bytes every time."""
    made = (
        dashboard.Dashboard(board.title).uid(board.uid).description(board.description).tags(["firstbell"])
        .readonly().time("now-6h", "now").refresh("30s").timezone("browser")
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
    )  # fmt: skip
    for choice in board.choices:
        made = made.with_variable(_variable(choice))
    for number, (panel, place) in enumerate(zip(board.panels, _places(board.panels), strict=True), 1):
        made = made.with_panel(_panel(panel, number).grid_pos(place))
    tree = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    return json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _variable(choice: Choice) -> dashboard.QueryVariable:
    values = f"label_values({choice.metric}, {choice.name})"
    return (
        dashboard.QueryVariable(choice.name).label(choice.name).query({"query": values, "refId": choice.name})
        .definition(values).datasource(_source()).multi(True).include_all(True).all_value(".*")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )  # fmt: skip


def _source() -> DataSourceRef:
    return DataSourceRef(type_val="prometheus", uid=SOURCE)


def _places(panels: Sequence[Panel]) -> list[GridPos]:
    """Left to right, top to bottom; a row is as high as its highest panel."""
    places: list[GridPos] = []
    x = y = row_height = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        places.append(GridPos(h=panel.height, w=panel.width, x=x, y=y))
        x, row_height = x + panel.width, max(row_height, panel.height)
    return places


def _panel(panel: Panel, number: int) -> Builder:
    made = _kind(panel)
    made = made.id(number).title(panel.title).description(panel.description).datasource(_source()).unit(panel.unit)
    for index, query in enumerate(panel.queries):
        made = made.with_target(_target(panel, query, chr(ord("A") + index)))
    if panel.lines:
        steps = [
            Threshold(value=None, color=GREEN),
            *(Threshold(value=each.at, color=each.colour) for each in panel.lines),
        ]
        made = made.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return made


def _kind(panel: Panel) -> Builder:
    match panel.kind:
        case "stat":
            return stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        case "lines":
            return timeseries.Panel().fill_opacity(5)
        case "stack":
            return timeseries.Panel().fill_opacity(40).stacking(common.StackingConfig().mode(StackingMode.NORMAL))
        case "bars":
            return bargauge.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).min(0)
        case "table":
            return table.Panel().with_transformation(
                DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})
            )
        case "matrix":
            row, column = panel.matrix
            options: dict[str, object] = {
                "rowField": row,
                "columnField": column,
                "valueField": "Value",
                "emptyValue": "null",
            }
            return table.Panel().with_transformation(DataTransformerConfig(id_val="groupingToMatrix", options=options))


def _target(panel: Panel, query: Query, ref: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(_source())
    if query.legend:
        made = made.legend_format(query.legend)
    if panel.kind in ("table", "matrix"):
        return made.instant().format(PromQueryFormat.TABLE)
    return made.instant() if panel.kind in ("stat", "bars") else made.range()
