"""`avflow console`, and the page of `avflow up`: a stack's executions in a browser, as Step Functions shows them."""
