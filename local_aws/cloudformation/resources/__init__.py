"""How each type of resource is created; the import of this package registers all types."""

from local_aws.cloudformation.resources import (
    by_name,
    compute,
    custom,
    messaging,
    network,
    operations,
    storage,
    workflow,
)

__all__ = ["by_name", "compute", "custom", "messaging", "network", "operations", "storage", "workflow"]
