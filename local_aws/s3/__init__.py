"""S3: objects in files, served over HTTP in blocks, so that no object is ever in memory as a whole."""

from local_aws.s3.app import S3App
from local_aws.s3.service import ObjectCreated

__all__ = ["ObjectCreated", "S3App"]
