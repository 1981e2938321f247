"""CloudFormation of the embedded AWS: a SAM template becomes resources."""
