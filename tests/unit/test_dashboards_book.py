"""Dashboards are built, declared, and explained; their committed JSON is what the code builds."""

import json
import re
from pathlib import Path

import pytest
import yaml

from dashboards.book import BOARDS, FOLDER, files, queries
from schemas.metrics import BY_NAME

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "alerts" / "firstbell.yaml"
NAME = re.compile(r"\b((?:firstbell|temporal)_[a-z0-9_]+)")
TEMPORALS_OWN = {
    "temporal_workflow_task_execution_failed_total",
    "temporal_workflow_task_execution_latency_seconds",
    "temporal_workflow_task_schedule_to_start_latency_seconds",
    "temporal_sticky_cache_size",
}
"""What the Temporal SDK measures of itself and we look at."""


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]]


def names(expression: str) -> set[str]:
    """Metric names without the suffixes of histograms."""
    found = set()
    for name in NAME.findall(expression):
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        found.add(base if base in BY_NAME or base in TEMPORALS_OWN else name)
    return found


def used() -> set[str]:
    expressions = [expression for _, expression in queries()] + [str(rule["expr"]) for rule in rules()]
    return {name for expression in expressions for name in names(expression)}


def test_the_committed_json_is_what_the_code_builds() -> None:
    built = files()
    assert {file.name for file in FOLDER.glob("*.json")} == {file.name for file in built}
    for file, text in built.items():
        assert file.read_text("utf-8") == text, f"{file.name} drifted; run `python -m dashboards` and commit"


def test_every_metric_in_use_is_declared() -> None:
    assert used() - TEMPORALS_OWN <= BY_NAME.keys(), "declare it in schemas/metrics.py, or correct the name"


def test_every_declared_metric_is_used() -> None:
    assert BY_NAME.keys() <= used(), "give it a panel or an alert, or remove it from schemas/metrics.py"


def test_every_label_in_use_is_declared() -> None:
    for where, expression in queries():
        for name, matchers in re.findall(r"(firstbell_[a-z0-9_]+)\{([^}]*)\}", expression):
            labels = set(re.findall(r"(\w+)=~?\"", matchers)) - {"le"}
            metric = BY_NAME[re.sub(r"_(bucket|count|sum)$", "", name) if name not in BY_NAME else name]
            assert labels <= set(metric.labels), f"{where}: {labels - set(metric.labels)} of {name}"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_panel_says_what_it_means_and_fits(board) -> None:  # type: ignore[no-untyped-def]
    tree = json.loads(files()[FOLDER / f"{board.uid}.json"])
    assert tree["schemaVersion"] == 42
    assert "uid" not in json.dumps(tree["templating"]).replace('"uid": "${source}"', ""), "a datasource variable only"
    identifiers = [panel["id"] for panel in tree["panels"]]
    assert identifiers == sorted(set(identifiers))
    for panel in tree["panels"]:
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["datasource"]["uid"] == "${source}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_multi_value_variables_are_matched_as_expressions() -> None:
    for where, expression in queries():
        assert not re.search(r'="\$', expression), f"{where}: several values need =~"


def test_an_instant_table_asks_for_a_table() -> None:
    for text in files().values():
        for panel in json.loads(text)["panels"]:
            if panel["type"] == "table":
                assert all(target["format"] == "table" and target["instant"] for target in panel["targets"])


def test_every_alert_tells_what_and_where_to_read_on() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) > 10
    for rule in alerts:
        annotations = rule["annotations"]
        assert isinstance(annotations, dict)
        assert {"summary", "description", "runbook_url"} <= annotations.keys(), rule["alert"]
        book = ROOT / annotations["runbook_url"]
        assert book.is_file(), f"{rule['alert']}: no runbook at {book}"
        assert book.read_text("utf-8").startswith(f"# {rule['alert']}\n")
        assert {"## Look", "## Mend"} <= set(book.read_text("utf-8").splitlines())


def test_every_runbook_is_some_alerts() -> None:
    linked = {Path(str(rule["annotations"]["runbook_url"])).name for rule in rules() if "alert" in rule}  # type: ignore[index]
    assert {file.name for file in (ROOT / "deploy" / "runbooks").glob("*.md")} == linked


def test_every_alert_has_a_test_of_its_line() -> None:
    tested = set()
    for file in (ALERTS.parent / "tests").glob("*.yaml"):
        for case in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            tested |= {(each["alertname"], bool(each["exp_alerts"])) for each in case["alert_rule_test"]}
    for rule in rules():
        if "alert" in rule:
            assert (rule["alert"], True) in tested, f"{rule['alert']} is never seen to fire"
            assert (rule["alert"], False) in tested, f"{rule['alert']} is never seen quiet"


def test_grafana_is_provisioned_from_files() -> None:
    folder = ROOT / "deploy" / "local" / "grafana" / "provisioning"
    sources = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text("utf-8"))
    boards = yaml.safe_load((folder / "dashboards" / "firstbell.yaml").read_text("utf-8"))
    assert sources["datasources"][0]["type"] == "prometheus"
    assert boards["providers"][0]["allowUiUpdates"] is False
