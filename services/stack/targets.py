"""Where Prometheus finds every process: `<home>/ports/*.json` turned into its list of targets.

Called by the supervisor, since a process that is restarted listens on another port. Light, as the supervisor is.
"""

import json
from pathlib import Path

from services.stack.state import write_whole

REFRESH_SECONDS = 2.0
"""How soon Prometheus hears of a new port. Range 1-15 s; our judgement, 2026-11-23."""


def write_targets(home: Path) -> None:
    """Makes `prometheus/targets.json` true, if Prometheus was ever asked for here. Writes only a change."""
    folder = home / "prometheus"
    if not folder.exists():
        return
    groups = []
    for path in sorted((home / "ports").glob("*.json")):
        try:
            port = int(json.loads(path.read_text("utf-8"))["metrics"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half written, or gone this instant: seen at the next look
        groups.append({"targets": [f"127.0.0.1:{port}"], "labels": {"process": path.stem}})
    text = json.dumps(groups, indent=1)
    target = folder / "targets.json"
    if not target.exists() or target.read_text("utf-8") != text:
        write_whole(target, text)
