"""The ways out: Apprise for mail and chat, PagerDuty's Events API v2 for pages. Each call blocks for seconds at most.

Called by delivery.py in threads, and by `notify test`. An error's text never holds the address: addresses are secrets and
people.
"""

import logging
from dataclasses import dataclass

import apprise
import requests

from services.notifier.wording import Message, Notice, message_of

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
TIMEOUT_SECONDS = 10.0
"""For connecting and for each answer. Our judgement, 2026-11-25."""
_EVENT = {"tell": "trigger", "acknowledge": "acknowledge", "resolve": "resolve"}

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses


class UndeliveredError(Exception):
    """The receiver did not take it; the text says what it answered, never where it is."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where one person is reached on one channel."""

    kind: str
    """apprise | pagerduty."""
    address: str
    """An Apprise address, or a PagerDuty routing key."""


def is_usable(receiver: Receiver) -> bool:
    """Whether the address has a form its channel understands. Asks nobody."""
    if receiver.kind == "pagerduty":
        return receiver.address.isalnum() and 16 <= len(receiver.address) <= 64
    return apprise.Apprise.instantiate(receiver.address, suppress_exceptions=True) is not None


def send(receiver: Receiver, notices: list[Notice], pagerduty: str = PAGERDUTY) -> None:
    """Delivers notices of one person as one message; a page's notices share one subject. Blocks. Raises UndeliveredError."""
    if receiver.kind == "pagerduty":
        _page(receiver.address, notices, pagerduty)
    else:
        _tell(receiver.address, message_of(notices))


def _tell(address: str, message: Message) -> None:
    way = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Firstbell", async_mode=False))
    timeouts = f"cto={TIMEOUT_SECONDS}&rto={TIMEOUT_SECONDS}"
    if not way.add(f"{address}{'&' if '?' in address else '?'}{timeouts}"):
        raise UndeliveredError("the address has no form that Apprise understands")
    try:
        taken = way.notify(title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:
        raise UndeliveredError(f"the channel failed: {type(error).__name__}") from error
    if not taken:
        raise UndeliveredError("the receiver did not take it")


def _page(key: str, notices: list[Notice], pagerduty: str) -> None:
    first = notices[0]
    message = message_of(notices)
    event: dict[str, object] = {
        "routing_key": key, "event_action": _EVENT[first.action], "dedup_key": first.subject,
    }  # fmt: skip
    if first.action == "tell":
        event["payload"] = {
            "summary": message.title, "source": f"firstbell/{first.program_id}", "group": first.school_id,
            "severity": "critical" if first.urgent else "warning", "custom_details": {"body": message.body},
        }  # fmt: skip
    try:
        # No redirects: where pages go is set by an operator, not by a receiver's answer.
        answer = requests.post(pagerduty, json=event, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise UndeliveredError(f"PagerDuty: {type(error).__name__}") from error
    if answer.status_code != 202:
        raise UndeliveredError(f"PagerDuty: expected 202, seen {answer.status_code}")
