"""Chains for tests: links as the journal makes them, keys, heads in a folder."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.audit import AuditEntry, genesis
from schemas.model import digest_of
from services.auditor.chain import heads
from services.auditor.chain.heads import Tip
from services.auditor.chain.keys import Signer, load_signer
from services.auditor.chain.links import Link, follow
from services.kit.settings import Settings
from tests.harness.scenario import DISTRICT

BEGUN = datetime(2026, 9, 1, 15, tzinfo=UTC)


def draft(number: int, word: str = "") -> AuditEntry:
    """Something that was made durable."""
    return AuditEntry(
        chain=DISTRICT, number=1, kind="gate-decided", key=f"fact:wa-2026/school{word}/{number}",
        digest=digest_of([number, word]), occurred_at=BEGUN + timedelta(minutes=number), previous=genesis(DISTRICT),
    )  # fmt: skip


def chain_of(count: int) -> list[Link]:
    """So many links, one after the other."""
    links: list[Link] = []
    for number in range(1, count + 1):
        links.append(follow(DISTRICT, number - 1, links[-1].hash if links else genesis(DISTRICT), draft(number)))
    return links


def tip_of(links: list[Link]) -> Tip:
    """What a signer is shown."""
    return Tip(DISTRICT, len(links), links[-1].hash if links else genesis(DISTRICT))


def signer_in(home: Path) -> Signer:
    """A key of this home's own."""
    return load_signer(Settings(home=home), make=True)


def sign(folder: Path, signer: Signer, links: list[Link], accepted_for: str | None = None) -> None:
    """One more head in the folder."""
    following = heads.following(folder, DISTRICT)
    assert heads.append(folder, heads.make_head(signer, tip_of(links), following, BEGUN, accepted_for=accepted_for))
