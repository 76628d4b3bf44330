"""What the verbs about waivers share: categories, and who may grant, first choice first."""

from collections.abc import Sequence
from enum import StrEnum

from schemas.gate import SchoolPolicy
from schemas.school import Role
from services.console.views import PictureRow
from workflows.policy.people import RANK, above


class Category(StrEnum):
    """What stands in for the criterion."""

    WAIVED = "waived"
    MITIGATED = "mitigated"


def granters(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    """Roles above the approver of the school's gate, the nearest first."""
    if policy is None:
        return ()
    approver = policy.gates[row.picture.phase.gate].approver
    return sorted((role for role in RANK if above(role, approver)), key=lambda role: (RANK[role], role.value))
