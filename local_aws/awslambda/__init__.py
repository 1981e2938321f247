"""AWS Lambda of the embedded AWS: keeps functions, and runs each invocation in a process or a container."""
