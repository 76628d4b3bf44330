"""Documents on file: what facts leave there, which a gate asks for, and under which version a gate was approved.

Called by picture, state, approvals, acts and settle. It judges no document: that is criteria/acts.py.
"""

from collections.abc import Iterable, Mapping

from schemas.document import DocumentApproved, DocumentFiled, FiledDocument
from schemas.fact import Picture
from schemas.gate import Document, Gate, Severity

VERSIONS_MAX = 50
"""Versions of one document that were replaced, whose digests a school carries. Our judgement, 2026-11-25."""


def asked_for(gate: Gate) -> tuple[Document, ...]:
    """The gate's document criteria, in policy order."""
    return tuple(criterion for criterion in gate.criteria if isinstance(criterion, Document))


def on_file(documents: Mapping[str, FiledDocument], gate: Gate) -> tuple[FiledDocument, ...]:
    """What is on file of the kinds the gate asks for, sorted by kind."""
    kinds = {criterion.document for criterion in asked_for(gate)}
    return tuple(documents[kind] for kind in sorted(kinds) if kind in documents)


def versions(gate: Gate, documents: Iterable[FiledDocument]) -> dict[str, str]:
    """The digest of each document on which the gate rests; what the gate only observes is left out."""
    kinds = {each.document for each in asked_for(gate) if each.severity is not Severity.OBSERVE}
    return {filed.document: filed.digest for filed in documents if filed.document in kinds}


def changed(gate: Gate, bound: Mapping[str, str], documents: Iterable[FiledDocument]) -> tuple[str, ...]:
    """The criteria whose document has another version than an answer was bound to, in policy order.

    One that was not on file then, and is now, contradicts nothing that was answered.
    """
    now = versions(gate, documents)
    return tuple(
        each.id for each in asked_for(gate) if each.document in bound and now.get(each.document) != bound[each.document]
    )


def fold_document(picture: Picture, body: DocumentFiled | DocumentApproved) -> dict[str, object]:
    """What a document's fact changes. An approval is of the version it names, and of no other on file."""
    if isinstance(body, DocumentFiled):
        kind, before = body.document.document, picture.documents.get(body.document.document)
        change: dict[str, object] = {"documents": {**picture.documents, kind: body.document}}
        if before is not None:
            gone = (*picture.replaced_documents.get(kind, ()), before.digest)[-VERSIONS_MAX:]
            change["replaced_documents"] = {**picture.replaced_documents, kind: gone}
        return change
    filed = picture.documents.get(body.document)
    if filed is None or filed.digest != body.digest:
        return {}
    approved = filed.model_copy(update={"approvals": (*filed.approvals, body.approval)})
    return {"documents": {**picture.documents, body.document: approved}}
