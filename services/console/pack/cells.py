"""The small-cell rule: what is counted over too few people does not leave in numbers.

Called by the pack for each decision that leaves in public. A population below the minimum loses its numbers and
whatever was calculated from them. Where in a district one school alone would be hidden for a signal, the next
smallest is hidden as well, since a district's total is known from elsewhere. It hides; it never rounds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.decision import DecisionRecord
from workflows.policy.evaluate import evidence_digest

MINIMUM_DEFAULT = 10
"""People below whom a population's numbers are hidden. Source: practice of several states; Delaware's is 16."""
HIDDEN = {"numerator": None, "population": None}
Cell = tuple[str, str]
"""(school, signal)."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A decision without small cells."""

    decision: DecisionRecord
    places: tuple[str, ...]
    """What was hidden, as places in the record. Empty: nothing."""


def populations(decision: DecisionRecord) -> Iterator[tuple[str, int]]:
    """(signal, population) of all evidence and results that tell one."""
    for name, item in decision.inputs.evidence.items():
        if item.population is not None:
            yield name, item.population
    for result in decision.verdict.results:
        if result.signal is not None and result.population is not None:
            yield result.signal, result.population


def small_cells(decisions: Iterable[tuple[str, str, DecisionRecord]], minimum: int) -> frozenset[Cell]:
    """Every cell to be hidden, given (district, school, decision) of the whole program; complementary ones included."""
    least: dict[tuple[str, str], dict[str, int]] = {}
    for district, school, decision in decisions:
        for signal, population in populations(decision):
            schools = least.setdefault((district, signal), {})
            schools[school] = min(population, schools.get(school, population))
    hidden: set[Cell] = set()
    for (_, signal), schools in least.items():
        small = {school for school, population in schools.items() if population < minimum}
        others = sorted((population, school) for school, population in schools.items() if school not in small)
        if len(small) == 1 and others:
            small.add(others[0][1])
        hidden |= {(school, signal) for school in small}
    return frozenset(hidden)


def suppress(decision: DecisionRecord, school: str, hidden: frozenset[Cell], minimum: int) -> Suppressed:
    """The decision without the numbers of hidden cells, and without a school's own headcounts below the minimum."""
    places: list[str] = []
    evidence = dict(decision.inputs.evidence)
    for name, item in evidence.items():
        if (school, name) in hidden and item.population is not None:
            evidence[name] = item.model_copy(update={**HIDDEN, "value": None})
            places.append(f"/inputs/evidence/{name}")
    results = list(decision.verdict.results)
    for index, result in enumerate(results):
        if result.signal is not None and (school, result.signal) in hidden and result.population is not None:
            results[index] = result.model_copy(update={**HIDDEN, "observed": None, "judged": None})
            places.append(f"/verdict/results/{index}")
    context = decision.inputs.context
    if context is not None:
        counts = {"students": context.students, "teachers": context.teachers}
        few = [name for name, count in counts.items() if count is not None and count < minimum]
        context = context.model_copy(update=dict.fromkeys(few))
        places += [f"/inputs/context/{name}" for name in few]
    if not places:
        return Suppressed(decision, ())
    inputs = decision.inputs.model_copy(update={"evidence": evidence, "context": context})
    # A digest of few numbers is as good as the numbers: whoever has the rest tries them all.
    digest = evidence_digest(evidence)
    verdict = decision.verdict.model_copy(update={"results": tuple(results), "evidence_digest": digest})
    return Suppressed(decision.model_copy(update={"inputs": inputs, "verdict": verdict}), tuple(places))
