"""S3 of the embedded AWS: objects on disk, served over HTTP, without ever holding one in memory."""

from local_aws.s3.app import S3App
from local_aws.s3.service import ObjectCreated

__all__ = ["ObjectCreated", "S3App"]
