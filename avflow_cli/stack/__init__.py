"""Commands for a stack that is there already: on AWS, or on the embedded AWS of `avflow up`."""
