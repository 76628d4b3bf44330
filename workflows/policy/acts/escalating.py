"""The acts of taking an escalation and of saying what was done about it."""

from datetime import datetime

from schemas.calendar import Calendar
from schemas.escalation import Escalation, EscalationAcknowledged, EscalationActed
from schemas.ladder import Ladder
from schemas.message import AcknowledgeEscalation, ActOnEscalation, CommandReply
from schemas.school import Role
from workflows.policy.acts.refusal import refuse
from workflows.policy.escalation.ladders import act_by, next_due
from workflows.policy.evaluate import usable_calendar
from workflows.policy.ledger import Ledger
from workflows.policy.people import may_lift
from workflows.policy.state import RolloutState, inputs_for


def check_acknowledge(state: RolloutState, command: AcknowledgeEscalation) -> CommandReply | None:
    """Whether this person may take this escalation: it stands, nobody has it, and it concerns their role."""
    escalation = state.picture.escalations.get(command.escalation_id)
    refusal = _check(state, command, escalation)
    if refusal is not None or escalation is None:
        return refusal
    if escalation.acted is not None:
        return refuse(
            command, "already-acted", "an escalation that nobody has acted on", f"acted on: {escalation.acted.value}",
            "nothing: its ladder is silent",
        )  # fmt: skip
    if escalation.acknowledged_by is not None:
        return refuse(
            command, "already-acknowledged", "an escalation that nobody has taken",
            f"taken by the {escalation.acknowledged_by.value}", "act on it, or let who took it act",
        )  # fmt: skip
    return None


def check_act(state: RolloutState, command: ActOnEscalation) -> CommandReply | None:
    """Whether this person may say what they did: the escalation stands and concerns their role."""
    return _check(state, command, state.picture.escalations.get(command.escalation_id))


def _check(
    state: RolloutState, command: AcknowledgeEscalation | ActOnEscalation, escalation: Escalation | None
) -> CommandReply | None:
    if escalation is None or escalation.ladder not in state.policy.ladders:
        known = ", ".join(sorted(state.picture.escalations)) or "no escalation"
        return refuse(
            command, "escalation-not-open", known, f"{command.escalation_id}, which is closed or was never raised",
            "name an escalation that stands",
        )  # fmt: skip
    concerned = _concerned(state, escalation)
    if not any(may_lift(command.actor.role, role) for role in concerned):
        names = ", ".join(role.value for role in concerned)
        return refuse(
            command, "role-not-told", f"one of {names}, or a role above", command.actor.role.value,
            f"let the {concerned[0].value} do it",
        )  # fmt: skip
    return None


def _concerned(state: RolloutState, escalation: Escalation) -> tuple[Role, ...]:
    """Those told so far; before the first rung, everybody the ladder would tell."""
    if escalation.told:
        return escalation.told
    ladder = state.policy.ladders[escalation.ladder]
    return tuple(role for rung in ladder.rungs for role in rung.roles) or (Role.STATE_DIRECTOR,)


def acknowledge(ledger: Ledger, command: AcknowledgeEscalation) -> None:
    """Takes it: the ladder is silent until the hours that the policy gives have passed."""
    state = ledger.state
    ladder = state.policy.ladders[state.picture.escalations[command.escalation_id].ladder]
    calendar = usable_calendar(state.calendar, inputs_for(state, state.picture.phase.gate))
    ledger.write(
        EscalationAcknowledged(
            escalation_id=command.escalation_id, act_id=command.act_id, actor=command.actor,
            act_by=_silent_until(state, command, ladder, calendar, ledger.now),
        )
    )  # fmt: skip


def _silent_until(
    state: RolloutState, command: AcknowledgeEscalation, ladder: Ladder, calendar: Calendar | None, now: datetime
) -> datetime | None:
    taken = state.picture.escalations[command.escalation_id].model_copy(update={"acknowledged_at": now})
    due = next_due(taken, ladder, calendar, state.policy.semantics)
    return act_by(ladder, calendar, now) if due is None else due.at


def act(ledger: Ledger, command: ActOnEscalation) -> None:
    """Records what was done: the ladder is silent from now."""
    ledger.write(
        EscalationActed(
            escalation_id=command.escalation_id, act_id=command.act_id, action=command.action, actor=command.actor
        )
    )
