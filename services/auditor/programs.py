"""I2 for what a program itself did: its facts on their topic are numbered without gap, and told once.

Called by `firstbell verify`. Records nobody can read are the audit's to name.
"""

from collections.abc import Iterable

from schemas.model import digest_of
from schemas.program_fact import ProgramFact
from schemas.topics import PROGRAM_FACTS
from services.auditor.breach import Breach, Invariant
from services.kit.envelope import Ok
from services.kit.settings import Settings
from services.kit.snapshot import whole_topic


def read_program_facts(settings: Settings) -> list[ProgramFact]:
    """The topic of every program's facts. Blocks on Kafka; raises as `whole_topic`."""
    found = whole_topic(settings, PROGRAM_FACTS.name, PROGRAM_FACTS.decoder)
    values = [each.record.value for each in found if isinstance(each, Ok)]
    return [value for value in values if isinstance(value, ProgramFact)]


def check_program_facts(facts: Iterable[ProgramFact]) -> list[Breach]:
    """The first gap of each program, and each number told in two ways. The same fact twice is dropped by readers."""
    programs: dict[str, dict[int, ProgramFact]] = {}
    breaches: list[Breach] = []
    for fact in facts:
        earlier = programs.setdefault(fact.program_id, {}).setdefault(fact.fact_sequence, fact)
        if digest_of(earlier) != digest_of(fact):
            breaches.append(
                _breach(
                    fact, "one fact of this number", f"two that differ: {earlier.body.kind} and {fact.body.kind}",
                    "two workflows may have run for one program: compare their histories",
                )
            )  # fmt: skip
    for _, kept in sorted(programs.items()):
        for expected, sequence in enumerate(sorted(kept), start=1):
            if sequence != expected:
                breaches.append(
                    _breach(
                        kept[sequence], f"fact {expected}", f"fact {sequence}: a gap, beside which nobody is admitted",
                        "`firstbell bridge recall` takes it from its history; what that calls lost is an incident",
                    )
                )  # fmt: skip
                break
    return breaches


def _breach(fact: ProgramFact, expected: str, seen: str, next_step: str) -> Breach:
    subject = f"program {fact.program_id} fact {fact.fact_sequence} ({fact.body.kind})"
    return Breach(invariant=Invariant.ONE_EFFECT, subject=subject, expected=expected, seen=seen, next_step=next_step)
