"""What `firstbell event` says: a fault as it is, brackets included, and nothing sent in a dry run."""

import json
from pathlib import Path

from typer.testing import CliRunner

from schemas.samples import raw_samples
from services.gateway.cli import app
from services.gateway.files import structured


def test_a_fault_keeps_its_brackets(tmp_path: Path) -> None:
    event = structured(raw_samples()[0], "provisioning")
    file = tmp_path / "events.json"
    file.write_text(json.dumps({**event, "data": {**event["data"], "entity_ref": "probe-u"}}))
    result = CliRunner().invoke(app, ["send", "--dry-run", str(file)])
    assert result.exit_code == 1
    assert "[a-z]" in result.output
