"""One thing wrong with a policy document. Made by document.py and undecidable.py; shown with its line by services."""

from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document, and where: keys and indexes from its top."""

    path: Path
    message: str
