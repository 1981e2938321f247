"""A corpus of what people upload: each input is made by script, with what must come out of it.

`kinds/` has one module per kind of input. `python -m tests.corpus [ID ...]` runs cases and prints what is wrong with
each. docs/uploads.md is the table of all cases.
"""
