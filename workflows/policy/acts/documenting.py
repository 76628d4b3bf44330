"""The acts of filing a document and of approving it. The document's bytes stay with its owner; we hold their digest."""

from schemas.document import (
    ApproveDocument,
    DocumentApproval,
    DocumentApproved,
    DocumentFiled,
    FiledDocument,
    FileDocument,
)
from schemas.gate import Document
from schemas.message import CommandReply
from workflows.policy.acts.refusal import refuse
from workflows.policy.documents import VERSIONS_MAX, asked_for
from workflows.policy.ledger import Ledger
from workflows.policy.people import approval_that_counts, covers, persons
from workflows.policy.state import RolloutState

Documenting = FileDocument | ApproveDocument


def criteria_for(state: RolloutState, document: str) -> tuple[Document, ...]:
    """Every criterion of the school's policy that asks for this kind of document, at any gate."""
    gates = state.policy.gates.values()
    return tuple(each for gate in gates for each in asked_for(gate) if each.document == document)


def check_file(state: RolloutState, command: FileDocument) -> CommandReply | None:
    """Whether this version may be put on file."""
    refusal = _no_such(state, command)
    if refusal is not None:
        return refusal
    filed = state.picture.documents.get(command.document)
    if filed is not None and filed.digest == command.digest:
        return refuse(
            command, "already-filed", "another version than the one on file", command.digest,
            "nothing: this version is on file; to renew it, date it anew and file that",
        )  # fmt: skip
    replaced = state.picture.replaced_documents.get(command.document, ())
    if state.policy.semantics >= 2 and command.digest in replaced:  # or its author could approve it as another's
        return refuse(
            command, "filed-before", "a version that was not on file before", command.digest,
            "date it anew and file that: whoever files bytes is their author",
        )  # fmt: skip
    if state.policy.semantics >= 2 and len(replaced) >= VERSIONS_MAX:
        return refuse(
            command, "too-many-versions", f"at most {VERSIONS_MAX} versions in one program", str(len(replaced)),
            "settle what is on file: have it approved, or take it up in another program",
        )  # fmt: skip
    return None


def file(ledger: Ledger, command: FileDocument) -> None:
    """Puts the version on file, approved by nobody yet."""
    filed = FiledDocument(
        act_id=command.act_id, document=command.document, digest=command.digest, author=command.actor,
        filed_at=ledger.now,
    )  # fmt: skip
    ledger.write(DocumentFiled(document=filed))


def check_approve(state: RolloutState, command: ApproveDocument) -> CommandReply | None:
    """Whether this person may approve the version they read."""
    refusal = _no_such(state, command)
    if refusal is not None:
        return refusal
    actor, filed = command.actor, state.picture.documents.get(command.document)
    if filed is None:
        return refuse(
            command, "no-document", f"a {command.document} on file", "none",
            f"file it first: firstbell document file {command.document}",
        )  # fmt: skip
    if filed.digest != command.digest:
        return refuse(
            command, "document-changed", f"the version on file, {filed.digest}", command.digest,
            "read the version on file, and approve that",
        )  # fmt: skip
    if persons(actor) & persons(filed.author):
        return refuse(
            command, "author-may-not-approve", "a person who did not file it", actor.actor_id,
            "let another person approve it",
        )  # fmt: skip
    return _check_role(state, command, filed)


def _check_role(state: RolloutState, command: ApproveDocument, filed: FiledDocument) -> CommandReply | None:
    actor = command.actor
    asking = [each for each in criteria_for(state, command.document) if actor.role in each.approvers]
    if not asking:
        roles = sorted({role.value for each in criteria_for(state, command.document) for role in each.approvers})
        return refuse(
            command, "role-not-asked", f"one of {', '.join(roles)}", actor.role.value,
            "ask one of these roles to approve it",
        )  # fmt: skip
    if not covers(actor.scope, state.context):  # the approval would not count: say so now
        return refuse(
            command, "scope-does-not-cover-school", "a role at the school, its district or its state",
            f"{actor.scope.kind.value} {actor.scope.id}", "act in a scope that holds the school",
        )  # fmt: skip
    if all(approval_that_counts(each, filed, state.context) for each in asking):
        return refuse(
            command, "already-approved", "a version that nobody has approved", "one that is approved",
            "nothing: the approval counts",
        )  # fmt: skip
    return None


def approve(ledger: Ledger, command: ApproveDocument) -> None:
    """Records the approval of this version."""
    approval = DocumentApproval(act_id=command.act_id, actor=command.actor, approved_at=ledger.now)
    ledger.write(DocumentApproved(document=command.document, digest=command.digest, approval=approval))


def _no_such(state: RolloutState, command: Documenting) -> CommandReply | None:
    if criteria_for(state, command.document):
        return None
    known = sorted({each.document for gate in state.policy.gates.values() for each in asked_for(gate)})
    return refuse(
        command, "no-such-document", ", ".join(known) or "no document: the policy asks for none", command.document,
        "name a kind of document that the policy asks for",
    )  # fmt: skip
