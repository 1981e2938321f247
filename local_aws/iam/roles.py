"""The policies of roles, from moto's IAM: a change by `aws iam put-role-policy` counts at once.

On AWS a new role's policies may not count for some seconds (IAM User Guide, "Troubleshoot IAM", changes are not always
immediately visible). `late_seconds` is that fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_aws.iam.policies import Policy
from local_aws.names import ACCOUNT, PARTITION

if TYPE_CHECKING:
    from moto.iam.models import ManagedPolicy

#: for how long after its creation a role has no policies yet; tests of what IAM's propagation does set it
late_seconds = 0.0


def policies_of(role_arn: str) -> list[Policy]:
    """The policies of a role, its own and the managed ones. A role that does not exist has none.

    AWS's own managed policies are not among them: see `local_aws.cloudformation.resources.operations.role`. Nor are
    permissions boundaries.

    Raises
    ------
    PolicyError
        One of them has something that nothing here can judge.
    """
    from moto.core.utils import utcnow  # noqa: PLC0415 - slow to import, and here already
    from moto.iam.models import iam_backends  # noqa: PLC0415 - as above

    for role in iam_backends[ACCOUNT][PARTITION].roles.values():
        if role.arn == role_arn:
            if late_seconds and (utcnow() - role.create_date).total_seconds() < late_seconds:
                return []
            documents = [*role.policies.values(), *map(_current, role.managed_policies.values())]
            return [Policy.of(document) for document in documents]
    return []


def _current(policy: ManagedPolicy) -> str:
    """The document of a managed policy's default version."""
    return next(version.document for version in policy.versions if version.version_id == policy.default_version_id)
