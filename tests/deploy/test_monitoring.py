"""The alert rules and the dashboard name metrics, labels, reasons and pages that exist."""

import functools
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.documents import ROOT, anchors, table_rows, text_of
from tests.scrape import full_scrape

FOLDER: Final = ROOT / "deploy/monitoring"
MONITORING: Final = Path("docs/monitoring.md")
TARGET: Final = {"job", "instance"}  # labels that Prometheus adds to every metric
RULES: Final[list[dict[str, Any]]] = YAML(typ="safe").load(FOLDER / "alerts.yaml")["groups"][0][
    "rules"
]
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: Final = {variable["name"] for variable in DASHBOARD["templating"]["list"]}

_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) *\(([^)]*)\)")
_SELECTOR: Final = re.compile(r"([a-zA-Z_]\w*) *\{([^}]*)\}")
_MATCHER: Final = re.compile(r'(\w+) *(?:=~|!~|!=|=) *"([^"]*)"')
# Functions, durations, numbers and operators.
_OTHER: Final = re.compile(r"\w+(?= *\()|\[[^\]]*\]|\b\d[\w.]*|\b(?:and|or|unless|offset)\b")


@functools.cache
def scraped() -> dict[str, set[str]]:
    """Return the labels of every sample of a scrape, by its name."""
    found = {"up": set(TARGET)}  # Prometheus makes this metric
    for family in full_scrape():
        for sample in family.samples:
            found.setdefault(sample.name, set(TARGET)).update(sample.labels)
    return found


def problems(expression: str) -> list[str]:
    """Return the metrics and labels of an expression that no scrape has."""
    selectors = _SELECTOR.findall(expression)
    text = _GROUPING.sub(" ", _SELECTOR.sub(" ", expression))
    names = {name for name, _ in selectors} | set(
        re.findall(r"[a-zA-Z_]\w*", _OTHER.sub(" ", text))
    )
    unknown = [f"metric {name}" for name in names - scraped().keys()]
    for name, matchers in selectors:
        labels = {label for label, _ in _MATCHER.findall(matchers)}
        unknown += [f"label {label} of {name}" for label in labels - scraped().get(name, set())]
    return unknown + [f"label {label}" for label in groups(expression) - labels_in(expression)]


def groups(expression: str) -> set[str]:
    """Return the labels by which an expression groups."""
    return {label for found in _GROUPING.findall(expression) for label in re.findall(r"\w+", found)}


def labels_in(expression: str) -> set[str]:
    """Return the labels of the metrics of an expression."""
    names = [name for name, _ in _SELECTOR.findall(expression)]
    return {label for name in names for label in scraped().get(name, ())}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(rate(http_requests_total[5m]))", ["metric http_requests_total"]),
        ('up{job="a"} and nothing > 2', ["metric nothing"]),
        ('http_unavailable_total{reason="x"}', ["label reason of http_unavailable_total"]),
        ("sum by (reason) (http_unavailable_total{})", ["label reason"]),
        ('sum by (cause) (rate(http_unavailable_total{cause="x"}[5m] offset 5m)) > 0.5', []),
    ],
)
def test_unknown_names_in_an_expression_are_found(expression: str, expected: list[str]) -> None:
    assert problems(expression) == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_names_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert problems(rule["expr"]) == []
    shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert shown <= groups(rule["expr"]) | (TARGET if not groups(rule["expr"]) else set())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_names_reasons_that_are_documented(rule: dict[str, Any]) -> None:
    rows = table_rows(MONITORING) + table_rows(Path("docs/errors.md"))
    documented = {cell.strip("`") for row in rows for cell in row[:2]}
    for label, value in _MATCHER.findall(rule["expr"]):
        if label == "reason":
            assert {*value.split("|")} <= documented


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_has_a_severity_and_a_documented_remedy(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in anchors(Path(page))
    assert f"`{rule['alert']}`" in text_of(MONITORING)


def test_the_rules_select_the_job_that_the_configuration_scrapes() -> None:
    configuration = YAML(typ="safe").load(FOLDER / "prometheus.yaml")
    assert configuration["rule_files"] == ["alerts.yaml"]
    (job,) = [scrape["job_name"] for scrape in configuration["scrape_configs"]]
    for rule in RULES:
        assert set(re.findall(r'job="([^"]*)"', rule["expr"])) == {job}


def test_the_rules_for_promtool_test_every_alert_in_both_directions() -> None:
    silent, firing = YAML(typ="safe").load(FOLDER / "alerts_test.yaml")["tests"]
    names = {rule["alert"] for rule in RULES}
    assert {test["alertname"] for test in silent["alert_rule_test"]} == names
    samples = firing["promql_expr_test"][0]["exp_samples"]
    assert {sample["labels"].split('"')[1] for sample in samples} == names


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_names_metrics_and_labels_that_exist(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        expression = target["expr"]
        assert problems(expression.replace("$__rate_interval", "5m")) == []
        legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert legend <= (groups(expression) or labels_in(expression))
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(target))) - {"__rate_interval"}
        assert used == VARIABLES


def test_the_variables_of_the_dashboard_name_metrics_that_exist() -> None:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            ((name, label),) = re.findall(r"label_values\((\w+).*, (\w+)\)", variable["definition"])
            assert label in scraped()[name]


def test_the_panels_have_unique_ids_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for first, second in combinations([panel["gridPos"] for panel in panels], 2):
        assert (
            first["x"] + first["w"] <= second["x"]
            or second["x"] + second["w"] <= first["x"]
            or first["y"] + first["h"] <= second["y"]
            or second["y"] + second["h"] <= first["y"]
        )


def test_the_dashboard_shows_every_metric_of_the_api() -> None:
    text = json.dumps(DASHBOARD)
    names = {family.name for family in full_scrape()}
    ours = {name for name in names if not re.match("python_|process_", name)}
    assert {name for name in ours if name not in text} == {
        "auth_key_set_failing",
        "auth_key_set_last_fetch_timestamp_seconds",
        "auth_key_set_usable",
    }
