"""What is said: notices of one person -> one message. Pure.

It says the school or the incident, what stands, and the command that tells more. It names no person. A link would be
navigation and never authority: acts are done at the door, by somebody who says who they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

LINES_MAX = 40
"""Notices written out in one digest; the rest are counted. Our judgement, 2026-11-25."""

_SAID = {
    "rung-fired": "escalated",
    "approval-asked": "waits for your answer",
    "work-item-opened": "work to do",
    "waiver-reminded": "a waiver is about to end",
    "incident-opened": "an incident stands",
    "incident-closed": "the incident is over",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice as it is said."""

    notice_id: int
    program_id: str
    school_id: str
    school: str
    kind: str
    role: str
    action: str
    subject: str
    gate: str
    criterion_ids: tuple[str, ...]
    urgent: bool
    simulated: bool
    due_at: datetime | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A title of one line, and a body of plain text."""

    title: str
    body: str


def message_of(notices: Sequence[Notice]) -> Message:
    """One message for one person: a single notice, or a digest in the order of events. Never empty."""
    ordered = sorted(notices, key=lambda each: (not each.urgent, each.occurred_at, each.notice_id))
    first = ordered[0]
    mark = "SIMULATED " if any(each.simulated for each in ordered) else ""
    urgent = "URGENT " if first.urgent else ""
    if len(ordered) == 1:
        title = f"{mark}{urgent}Firstbell: {_about(first)} {_said(first)}"
    else:
        schools = len({each.school_id for each in ordered if each.school_id})
        about = f" about {schools} school{'s' if schools > 1 else ''}" if schools else ""
        title = f"{mark}{urgent}Firstbell: {len(ordered)} notices{about}"
    shown = [_line(each) for each in ordered[:LINES_MAX]]
    if len(ordered) > LINES_MAX:
        shown.append(f"and {len(ordered) - LINES_MAX} more: firstbell notify list")
    return Message(title, "\n".join(shown))


def _about(notice: Notice) -> str:
    """The school and its gate; or, of no school, the incident."""
    return f"{notice.school}, {notice.gate}" if notice.school_id else f"{notice.subject},"


def _said(notice: Notice) -> str:
    return _SAID.get(notice.kind, notice.kind.replace("-", " "))


def _line(notice: Notice) -> str:
    about = f" ({', '.join(notice.criterion_ids)})" if notice.criterion_ids else ""
    until = f", by {notice.due_at:%Y-%m-%d %H:%M} UTC" if notice.due_at else ""
    if not notice.school_id:
        return (
            f"- {notice.subject}: {_said(notice)}{about}; you are told as its owner\n"
            f"  firstbell escalation incidents --program {notice.program_id}"
        )
    return (
        f"- {notice.school}: {notice.gate} {_said(notice)}{about}{until}; you are told as {notice.role}\n"
        f"  firstbell school why {notice.school_id} --program {notice.program_id}"
    )
