"""Criteria on what people did: sign-offs, documents. Called by `judge` only.

The workflow owns signatures and documents, so that there is none is known: "no", not UNKNOWN.
"""

from schemas.decision import Reason, Status
from schemas.document import FiledDocument
from schemas.gate import Document, SignOffs
from workflows.policy.calendar import ages_out_at, ends_at
from workflows.policy.criteria.reading import unknown
from workflows.policy.judgement import Ground, Judgement, latest
from workflows.policy.people import approval_that_counts, signatures


def sign_offs(criterion: SignOffs, ground: Ground) -> Judgement:
    """Every role asked has signed, each by another person."""
    signed = signatures(criterion, ground.inputs.gate, ground.inputs.sign_offs, ground.inputs.context)
    unsigned = tuple(role.value for role in criterion.roles if role not in signed)
    last = latest(*(sign_off.signed_at for sign_off in signed.values()))
    seen = Judgement(
        Status.UNMET, Reason.UNSIGNED, unit="sign-offs", observed=float(len(signed)),
        required=float(len(criterion.roles)), observed_at=last, detail=unsigned,
    )  # fmt: skip
    if not unsigned:
        seen.satisfied_at = last
        seen.be(Status.MET, Reason.SIGNED)
    return seen


def document(criterion: Document, ground: Ground) -> Judgement:
    """Filed, young enough, and approved by somebody who may: else "no" with its own reason, or stale."""
    inputs = ground.inputs
    filed = next((each for each in inputs.documents if each.document == criterion.document), None)
    seen = Judgement(Status.UNMET, Reason.NO_DOCUMENT, expected=criterion.document)
    if filed is None:
        return seen
    seen.observed_at = filed.filed_at
    if not _is_young(seen, criterion, filed, ground):
        return seen
    approval = approval_that_counts(criterion, filed, inputs.context)
    if approval is None:
        seen.detail = tuple(role.value for role in criterion.approvers)
        return seen.be(Status.UNMET, Reason.DOCUMENT_UNAPPROVED)
    seen.detail = (approval.actor.role.value,)
    seen.satisfied_at = approval.approved_at
    return seen.be(Status.MET, Reason.DOCUMENT_APPROVED)


def _is_young(seen: Judgement, criterion: Document, filed: FiledDocument, ground: Ground) -> bool:
    """Whether the document is no older than it may be; if not, or nobody can tell, the judgement says so."""
    if criterion.age_days_max is None:
        return True
    if ground.calendar is None:
        unknown(seen, Reason.NO_CALENDAR)
        return False
    seen.stale_at = ages_out_at(ground.calendar, filed.filed_at, criterion.age_days_max)
    look_at = seen.stale_at or ends_at(ground.calendar)
    if ground.now < look_at:
        seen.next_look_at = look_at
        return True
    if seen.stale_at is None:
        unknown(seen, Reason.OUTSIDE_CALENDAR)
    else:
        seen.be(Status.STALE, Reason.STALE)
    return False
