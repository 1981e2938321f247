"""CloudFormation: creates the resources of a SAM template, each through the service to which it belongs."""
