"""The acts of opening work and of closing it."""

from schemas.escalation import WorkItemClosed, WorkItemOpened
from schemas.message import CloseWorkItem, CommandReply, OpenWorkItem
from workflows.policy.acts.refusal import refuse
from workflows.policy.escalation.work import due_at, set_aside, work_item_id
from workflows.policy.evaluate import usable_calendar
from workflows.policy.ledger import Ledger
from workflows.policy.people import may_lift
from workflows.policy.state import RolloutState, inputs_for

OPEN_MAX = 50
"""Work items open at a school at once: more is a list nobody reads, and state that travels. Our judgement."""


def check_open(state: RolloutState, command: OpenWorkItem) -> CommandReply | None:
    """Whether this work may be opened."""
    if command.ladder is not None and command.ladder not in state.policy.ladders:
        known = ", ".join(sorted(state.policy.ladders)) or "none: the policy has no ladder"
        return refuse(command, "unknown-ladder", known, command.ladder, "name a ladder of the school's policy, or none")
    if len(state.picture.work_items) >= OPEN_MAX:
        return refuse(
            command, "too-much-work-open", f"fewer than {OPEN_MAX} items", str(len(state.picture.work_items)),
            "close what is done first",
        )  # fmt: skip
    return None


def open_item(ledger: Ledger, command: OpenWorkItem) -> None:
    """Opens the work at the current gate."""
    state = ledger.state
    gate = state.picture.phase.gate
    calendar = usable_calendar(state.calendar, inputs_for(state, gate))
    ledger.write(
        WorkItemOpened(
            work_item_id=work_item_id(state), title=command.title, assignee=command.assignee, gate=gate,
            due_days=command.due_days, due_at=due_at(calendar, ledger.now, command.due_days), ladder=command.ladder,
            actor=command.actor,
        )
    )  # fmt: skip


def check_close(state: RolloutState, command: CloseWorkItem) -> CommandReply | None:
    """Whether this person may close this work: its assignee's role, or one above."""
    item = state.picture.work_items.get(command.work_item_id)
    if item is None:
        known = ", ".join(sorted(state.picture.work_items)) or "no work"
        return refuse(
            command, "work-not-open", known, f"{command.work_item_id}, which is closed or was never opened",
            "name work that is open",
        )  # fmt: skip
    if not may_lift(command.actor.role, item.assignee):
        return refuse(
            command, "role-may-not-close", f"{item.assignee.value}, or a role above it", command.actor.role.value,
            f"ask the {item.assignee.value} to close it",
        )  # fmt: skip
    return None


def close_item(ledger: Ledger, command: CloseWorkItem) -> None:
    """Closes the work. Its criterion opens it again only after it has not failed."""
    item = ledger.state.picture.work_items[command.work_item_id]
    if item.criterion_id is not None:
        mark = set_aside(item.gate, item.criterion_id)
        ledger.change(work_set_aside=(*ledger.state.work_set_aside, mark))
    ledger.write(
        WorkItemClosed(work_item_id=command.work_item_id, cause="person", reason=command.reason, actor=command.actor)
    )
