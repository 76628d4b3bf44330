"""`python -m schemas`: writes the generated JSON Schema and AsyncAPI beside this file. `make generate` calls it."""

import json
from pathlib import Path
from typing import Any

from schemas.asyncapi import asyncapi, json_schemas

FOLDER = Path(__file__).parent / "generated"


def rendered() -> dict[str, str]:
    """File name to its text, exactly as committed."""

    def text(document: dict[str, Any]) -> str:
        return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    files = {f"{name}.json": text(schema) for name, schema in json_schemas().items()}
    return files | {"asyncapi.json": text(asyncapi())}


def main() -> None:
    """Writes every file and removes those that nothing generates any more."""
    FOLDER.mkdir(exist_ok=True)
    files = rendered()
    for stale in FOLDER.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
