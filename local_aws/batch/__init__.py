"""AWS Batch: keeps queues and job definitions as they are declared, and runs each job as a process or a container."""

from local_aws.batch.api import BatchApi
from local_aws.batch.service import Batch

__all__ = ["Batch", "BatchApi"]
