"""The pack's tables: schools, the timeline of phases, the register of waivers and overrides. CSV, one line a fact."""

import csv
import io
import json
from collections.abc import Iterable, Sequence

from schemas.fact import Fact
from services.console.pack.redaction import Json, private_ids, roles_in
from services.console.views import SchoolLine

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Signs with which a spreadsheet begins a formula; such a cell gets an apostrophe."""
EXCEPTIONS = ("waiver-", "override-")
TIMELINE = ("school_id", "fact_sequence", "occurred_at", "phase", "kind", "gate", "attempt", "outcome", "by", "roles")
REGISTER = (
    "school_id", "fact_sequence", "occurred_at", "kind", "number", "gate", "criteria", "category", "compensating_control",
    "reason", "sponsor", "roles", "expires_at",
)  # fmt: skip
SCHOOLS = ("school_id", "school", "district_id", "district", "phase", "outcome", "stopped", "as_of")


def schools(lines: Iterable[SchoolLine]) -> bytes:
    """Each school and where it stands."""
    rows = [
        (
            line.school_id, line.school, line.district_id, line.district, line.phase.value,
            line.outcome and line.outcome.value, line.stopped, line.as_of.isoformat(),
        )
        for line in lines
    ]  # fmt: skip
    return _csv(SCHOOLS, rows)


def timeline(facts: Sequence[Fact], *, with_ids: bool) -> bytes:
    """What happened, fact by fact, by role."""
    rows = []
    for fact in facts:
        body = _body(fact)
        decision = _part(body, "decision")
        inputs, verdict = _part(decision, "inputs"), _part(decision, "verdict")
        told: dict[str, Json] = {} if decision else body
        roles = roles_in(told)
        row = (
            fact.school_id, fact.fact_sequence, fact.occurred_at.isoformat(), fact.phase.value, fact.body.kind,
            body.get("gate") or inputs.get("gate"), body.get("attempt") or inputs.get("attempt"), verdict.get("outcome"),
            body.get("by"), " ".join(roles or ([str(told["role"])] if "role" in told else [])),
        )  # fmt: skip
        rows.append((*row, " ".join(sorted(set(private_ids(told))))) if with_ids else row)
    return _csv((*TIMELINE, "ids") if with_ids else TIMELINE, rows)


def register(facts: Sequence[Fact], *, with_ids: bool) -> bytes:
    """Waivers and overrides: what was asked for, given, ended, and by which roles. Never a name."""
    numbers: dict[tuple[str, str], int] = {}
    rows = []
    for fact in facts:
        if not fact.body.kind.startswith(EXCEPTIONS):
            continue
        body = _body(fact)
        what = _part(body, "proposal") or _part(body, "waiver") or _part(body, "override") or body
        own = str(what.get("waiver_id") or what.get("override_id"))
        number = numbers.setdefault(
            (fact.school_id, own), len([key for key in numbers if key[0] == fact.school_id]) + 1
        )
        criteria = what.get("criterion_ids")
        row = (
            fact.school_id, fact.fact_sequence, fact.occurred_at.isoformat(), fact.body.kind, number, what.get("gate"),
            " ".join(map(str, criteria)) if isinstance(criteria, list) else "", what.get("category"),
            what.get("compensating_control"), what.get("reason"), what.get("sponsor"), " ".join(roles_in(body)),
            what.get("expires_at"),
        )  # fmt: skip
        rows.append((*row, " ".join(sorted(set(private_ids(body))))) if with_ids else row)
    return _csv((*REGISTER, "ids") if with_ids else REGISTER, rows)


def _body(fact: Fact) -> dict[str, Json]:
    tree: Json = json.loads(fact.body.model_dump_json())
    assert isinstance(tree, dict)
    return tree


def _part(tree: dict[str, Json], name: str) -> dict[str, Json]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue().encode()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
