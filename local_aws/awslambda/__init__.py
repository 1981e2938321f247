"""AWS Lambda: keeps functions as they are declared, and runs each invocation as a process or a container of its own."""
