"""AWS on one machine, without Docker, for `make run` and the tests; the product never imports it (see README.md)."""
