"""How each type of resource is created; the import of this package registers all types."""

from local_aws.cloudformation.resources import (
    budgets,
    by_name,
    compute,
    custom,
    messaging,
    nested,
    network,
    operations,
    storage,
    workflow,
)

__all__ = [
    "budgets",
    "by_name",
    "compute",
    "custom",
    "messaging",
    "nested",
    "network",
    "operations",
    "storage",
    "workflow",
]
