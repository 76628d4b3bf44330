"""`policy check` and `signal list` need no server and say by exit code whether a policy may be used."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.readiness import CATALOGUE
from services.policies import cli, signal_cli

DEFAULT = Path(__file__).parents[2] / "deploy" / "policies" / "default.yaml"


def test_a_good_policy_is_exit_0_with_its_digest() -> None:
    result = CliRunner().invoke(cli.app, ["check", str(DEFAULT), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["digest"].startswith("sha256:")


def test_a_refused_policy_is_exit_1_with_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(DEFAULT.read_text("utf-8").replace("pass_at: 25.0", "pass_at: many", 1), "utf-8")
    result = CliRunner().invoke(cli.app, ["check", str(file)])
    assert result.exit_code == 1
    assert "coach-at-hand.pass_at" in result.output
    machine = CliRunner().invoke(cli.app, ["check", str(file), "--json"])
    assert machine.exit_code == 1
    assert json.loads(machine.stdout)["faults"][0]["line"] > 1


def test_a_refused_policy_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTBELL_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:1/none")
    file = tmp_path / "policy.yaml"
    file.write_text("name: x\n", "utf-8")
    assert CliRunner().invoke(cli.app, ["store", str(file)]).exit_code == 1, "refused before the database is asked"
    assert CliRunner().invoke(cli.app, ["store", str(DEFAULT)]).exit_code == 3


def test_a_difference_is_told_by_gate_and_criterion_in_words(tmp_path: Path) -> None:
    file = tmp_path / "newer.yaml"
    text = DEFAULT.read_text("utf-8").replace("version: 1", "version: 2", 1)
    text = text.replace("pass_at: 1.0   # Mbps", "pass_at: 1.2   # Mbps", 1).replace(
        "minimum_days: 30", "minimum_days: 20"
    )
    file.write_text(text.replace("id: existing-identity", "id: own-identity", 1), "utf-8")
    told = CliRunner().invoke(cli.app, ["diff", str(DEFAULT), str(file), "--profile", "standard"])
    assert told.exit_code == 1
    assert told.output.splitlines() == [
        "profile standard",
        "  G1 network-speed: tightened: pass_at from 1 to 1.2",
        "  G1 own-identity: added: yes (hard)",
        "  G1 existing-identity: removed: yes (hard)",
        "  G2 beta-dwell: loosened: minimum_days from 30 to 20",
    ]
    machine = json.loads(CliRunner().invoke(cli.app, ["diff", str(DEFAULT), str(file), "--json"]).stdout)
    assert {each["profile_after"] for each in machine["changes"]} == {"standard", "small-school"}
    assert [each["turn"] for each in machine["changes"]][:4] == ["tighter", "tighter", "looser", "looser"]


def test_a_policy_does_not_differ_from_itself() -> None:
    result = CliRunner().invoke(cli.app, ["diff", str(DEFAULT), str(DEFAULT)])
    assert (result.exit_code, result.output.strip()) == (0, "no difference in what any school gets")
    assert CliRunner().invoke(cli.app, ["diff", str(DEFAULT), "no-such.yaml"]).exception is not None


def test_every_signal_is_listed() -> None:
    result = CliRunner().invoke(signal_cli.app, ["list", "--json"])
    assert {signal["name"] for signal in json.loads(result.stdout)} == set(CATALOGUE)
    only = CliRunner().invoke(signal_cli.app, ["list", "--json", "--owner", "training"])
    assert {signal["owner"] for signal in json.loads(only.stdout)} == {"training"}
    assert CliRunner().invoke(signal_cli.app, ["list", "--owner", "nobody"]).exit_code == 2
