"""Documents that gates ask for: what is on file, by whom, who approved these very bytes, and the acts of both.

A document's text stays with its owner, and so do the names in it: the language holds its kind and its digest.
"""

from typing import Literal

from schemas.model import ActId, Code, Digest, Instant, Kinded, Tolerant
from schemas.school import Actor


class DocumentApproval(Tolerant):
    """One person's yes to the version on file."""

    act_id: ActId
    actor: Actor
    approved_at: Instant


class FiledDocument(Tolerant):
    """The version of a document on file: the newest, with the approvals of it."""

    act_id: ActId
    document: Code
    """Its kind; a school has at most one on file of each."""
    digest: Digest
    """Of its bytes. Another digest is another version, which starts without approvals."""
    author: Actor
    """Who filed it, and so may not approve it."""
    filed_at: Instant
    approvals: tuple[DocumentApproval, ...] = ()


class DocumentFiled(Kinded, Tolerant):
    """A version of a document was put on file; approvals of another version no longer count."""

    kind: Literal["document-filed"] = "document-filed"
    document: FiledDocument


class DocumentApproved(Kinded, Tolerant):
    """Somebody other than its author approved the version on file."""

    kind: Literal["document-approved"] = "document-approved"
    document: Code
    digest: Digest
    approval: DocumentApproval


class FileDocument(Kinded, Tolerant):
    """Update: a person puts a version of a document on file; another version ends the approvals of the one before."""

    kind: Literal["file-document"] = "file-document"
    act_id: ActId
    actor: Actor
    document: Code
    digest: Digest
    """Of the document's bytes, which stay with its owner."""


class ApproveDocument(Kinded, Tolerant):
    """Update: a person who is not its author approves the version on file."""

    kind: Literal["approve-document"] = "approve-document"
    act_id: ActId
    actor: Actor
    document: Code
    digest: Digest
    """Of the bytes that were read: another version on file is refused."""
