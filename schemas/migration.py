"""A policy replaced while schools are under way: the command, the facts, and what stays pending until a phase opens.

Imported by message.py and fact.py; decided by `workflows/policy/migration.py`. A school takes a policy at the opening
of a phase and never between.
"""

from typing import Literal

from schemas.decision import ActId
from schemas.gate import SchoolPolicy
from schemas.model import Code, Digest, Kinded, Tolerant
from schemas.school import Actor


class MigratePolicy(Kinded, Tolerant):
    """Update: a state role gives the school another policy, to be taken when its next phase opens."""

    kind: Literal["migrate-policy"] = "migrate-policy"
    act_id: ActId
    actor: Actor
    policy: SchoolPolicy
    reason: Code = "policy-changed"


class PolicyMigrationAccepted(Kinded, Tolerant):
    """A policy is pending, or, given the pinned one anew, nothing is pending any more."""

    kind: Literal["policy-migration-accepted"] = "policy-migration-accepted"
    act_id: ActId
    actor: Actor
    reason: Code
    policy_name: Code
    policy_version: int
    policy_digest: Digest
    profile: Code
    pending: bool = True
    """False: it is the policy the school has; what was pending is taken back."""


class PolicyMigrated(Kinded, Tolerant):
    """The school has taken the pending policy: the phase that opens now is decided by it."""

    kind: Literal["policy-migrated"] = "policy-migrated"
    act_id: ActId
    previous_digest: Digest
    policy_name: Code
    policy_version: int
    policy_digest: Digest
    profile: Code
    semantics: int
    signals: tuple[str, ...]
    """The signals the policy names: all that the bridge need send from now."""


class PendingPolicy(Tolerant):
    """What a picture says of a policy that waits for a phase to open."""

    act_id: ActId
    policy_name: Code
    policy_version: int
    policy_digest: Digest
    profile: Code
