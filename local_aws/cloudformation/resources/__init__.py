"""How each type of resource is created; importing this package registers all creators."""

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
