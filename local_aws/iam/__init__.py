"""Judges by the policies of IAM what a role may do.

It judges the calls that functions and jobs make with the keys of their roles; S3 asks it (`local_aws.s3.permissions`).
"""

#: key in the WSGI environment: the ARN of the role with whose key a request is signed; absent for the account's user
ROLE = "local_aws.role"
