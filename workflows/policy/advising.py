"""What advisories do to one school: hold it while they match, let it go when they no longer do. Called by settle.

The picture's holds are made equal to what the advisories say, at every message and never by time alone, except an end.
Where it cannot be known whether the school matches, the policy says hold or pass; the default fails closed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from schemas.advisory import AdvisoriesArrived, Advisory
from schemas.decision import EvidenceItem, Hold
from schemas.fact import HoldAdded, HoldReleased
from schemas.model import digest_of
from workflows.policy.criteria.reading import is_usable
from workflows.policy.exceptions.waiving import counting
from workflows.policy.judgement import Ground
from workflows.policy.ledger import Ledger
from workflows.policy.predicate import Known, Truth, both, judge, within
from workflows.policy.state import RolloutState, inputs_for

Cause = Literal["expired", "withdrawn", "unmatched", "bypassed"]


def take(ledger: Ledger, message: AdvisoriesArrived) -> None:
    """Take what is newer, whole; an older word is dropped."""
    if message.version > ledger.state.advisories_version:
        ledger.change(advisories=message.advisories, advisories_version=message.version, wave=message.wave)


def advise(ledger: Ledger) -> None:
    """The school's holds by advisories become what the advisories say now."""
    state = ledger.state
    told = {_hold_id(state, each): each for each in state.advisories}
    by_advisory = {key: hold for key, hold in state.picture.holds.items() if hold.advisory_version is not None}
    if not told and not by_advisory:
        return
    wanted = {
        key: _hold(each, matched, ledger.now).model_copy(update={"hold_id": key})
        for key, each in told.items()
        if (matched := _holds(state, each, ledger.now))
    }
    for hold_id in sorted(by_advisory.keys() - wanted.keys()):
        ledger.write(HoldReleased(hold_id=hold_id, cause=_cause(state, told.get(hold_id), ledger.now)))
    for hold_id, hold in sorted(wanted.items()):
        held = state.picture.holds.get(hold_id)
        if held is None:
            ledger.write(HoldAdded(hold=hold))
        elif _differs(held, again := hold.model_copy(update={"placed_at": held.placed_at})):
            ledger.write(HoldAdded(hold=again))


def _hold_id(state: RolloutState, advisory: Advisory) -> str:
    """The advisory's own id; another where a person's hold has it, which stays theirs."""
    standing = state.picture.holds.get(advisory.advisory_id)
    if standing is None or standing.advisory_version is not None:
        return advisory.advisory_id
    return f"advisory-{digest_of([advisory.advisory_id])[7:23]}"


def _differs(held: Hold, again: Hold) -> bool:
    """Whether people would see another hold: that its advisory lets another school pass is no news here."""
    return held.model_copy(update={"advisory_version": again.advisory_version}) != again


def matches(advisory: Advisory, known: Known) -> Truth:
    """Whether a school is one of those an advisory speaks of; an exempted one is not."""
    if any(each.school_id == known.school_id for each in advisory.exempt):
        return False
    parts: list[Truth] = [within(advisory.scope, known)]
    if advisory.where is not None:
        parts.append(judge(advisory.where, known))
    return both(parts)


def known_of(state: RolloutState, now: datetime) -> Known:
    """What the school's workflow knows of its school. Stale and imagined names are not known, as at a gate."""
    ground = Ground(inputs_for(state, state.picture.phase.gate), counting(state), now, state.policy.semantics)
    return Known(state.school_id, state.program_id, state.context, believed(state.evidence, ground), state.wave)


def believed(evidence: Mapping[str, EvidenceItem], ground: Ground) -> Mapping[str, EvidenceItem]:
    """The evidence whose names count now, as at a gate; under the first semantics all of it."""
    if ground.semantics < 2:
        return evidence
    return {name: item for name, item in evidence.items() if not item.detail or is_usable(name, item, ground)}


def _holds(state: RolloutState, advisory: Advisory, now: datetime) -> Literal["yes", "unknown"] | None:
    if advisory.withdrawn or (advisory.expires_at is not None and advisory.expires_at <= now):
        return None
    truth = matches(advisory, known_of(state, now))
    if truth is None:
        return "unknown" if state.policy.exceptions.advisories.unknown == "hold" else None
    return "yes" if truth else None


def _hold(advisory: Advisory, matched: Literal["yes", "unknown"], now: datetime) -> Hold:
    return Hold(
        hold_id=advisory.advisory_id, kind=advisory.kind, scope=advisory.scope, reason=advisory.reason,
        placed_by=advisory.placed_by, placed_at=now, expires_at=advisory.expires_at, lifted_by=advisory.lifted_by,
        link=advisory.link, blocks=advisory.blocks, emergency=advisory.emergency, advisory_version=advisory.version,
        matched=matched,
    )  # fmt: skip


def _cause(state: RolloutState, advisory: Advisory | None, now: datetime) -> Cause:
    if advisory is None or advisory.withdrawn:
        return "withdrawn"
    if advisory.expires_at is not None and advisory.expires_at <= now:
        return "expired"
    exempted = any(each.school_id == state.school_id for each in advisory.exempt)
    return "bypassed" if exempted else "unmatched"
