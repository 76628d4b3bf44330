"""Calendars and policies by digest, parsed once a process: a digest's document never changes.

Used by the relay, the sender and the commands. An unknown digest is None, never an empty document.
"""

from schemas.calendar import Calendar
from schemas.gate import PolicyDocument, SchoolPolicy
from services.bridge.interest import Criteria, criteria_by_signal
from services.kit.database import Connection
from workflows.policy.authoring.document import resolve
from workflows.policy.authoring.inheritance import heirs_of

KEPT_MAX = 1_000
"""Documents remembered, 1 or more; a calendar takes about 100 KB. Our judgement, 2026-11-23."""


class Documents:
    """A cache in front of two tables."""

    def __init__(self) -> None:
        self._calendars: dict[str, Calendar] = {}
        self._policies: dict[str, PolicyDocument] = {}
        self._resolved: dict[tuple[str, str], SchoolPolicy] = {}
        self._criteria: dict[tuple[str, str], Criteria] = {}

    async def calendar(self, connection: Connection, digest: str | None) -> Calendar | None:
        """The calendar of this digest. None: none is named, or it has not come yet."""
        if digest is None:
            return None
        if digest not in self._calendars:
            text = await connection.fetchval("select document from calendar where digest = $1", digest)
            if text is None:
                return None
            if len(self._calendars) >= KEPT_MAX:
                self._calendars.clear()
            self._calendars[digest] = Calendar.model_validate_json(text)
        return self._calendars[digest]

    async def policy(self, connection: Connection, digest: str) -> PolicyDocument | None:
        """The policy document of this digest. None: it has not come yet."""
        if digest not in self._policies:
            text = await connection.fetchval("select document from policy where digest = $1", digest)
            if text is None:
                return None
            self._policies[digest] = PolicyDocument.model_validate_json(text)
        return self._policies[digest]

    async def heirs(self, connection: Connection, digest: str) -> tuple[tuple[str, PolicyDocument], ...]:
        """The stored documents that inherit this one, directly or not, by digest. Read anew: they may be added."""
        rows = await connection.fetch(
            "select digest, document from policy where document::jsonb ->> 'inherits' is not null"
        )
        found = {row["digest"]: PolicyDocument.model_validate_json(row["document"]) for row in rows}
        return heirs_of(digest, found)

    async def school_policy(self, connection: Connection, digest: str, profile: str) -> SchoolPolicy | None:
        """What a school of this profile pins. None: the document has not come yet. Raises KeyError: no such profile."""
        key = (digest, profile)
        if key not in self._resolved:
            document = await self.policy(connection, digest)
            if document is None:
                return None
            self._resolved[key] = resolve(document, profile)
        return self._resolved[key]

    async def criteria(self, connection: Connection, digest: str, profile: str) -> Criteria:
        """Every criterion of a profile, by the signal it reads; empty while the document has not come."""
        key = (digest, profile)
        if key not in self._criteria:
            policy = await self.school_policy(connection, digest, profile)
            if policy is None:
                return {}
            self._criteria[key] = criteria_by_signal(policy)
        return self._criteria[key]
