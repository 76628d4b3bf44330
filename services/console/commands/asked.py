"""Who may answer a school's ask, first choice first. Called by the verbs that answer one ask or many."""

from collections.abc import Sequence

from schemas.gate import SchoolPolicy
from schemas.school import Role
from services.console.views import PictureRow
from workflows.policy.acts.answering import asked_roles


def asked(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    """The roles asked and their deputy; without an ask, the gate's approver."""
    picture = row.picture
    if picture.asked:
        deputies = (picture.deputy,) if picture.deputy else ()
        return (*asked_roles(picture), *deputies)
    return (policy.gates[picture.phase.gate].approver,) if policy else ()
