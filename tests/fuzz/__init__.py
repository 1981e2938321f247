"""A fuzzer of the probe: `make fuzz`, or `python -m tests.fuzz --seconds N --seed N`.

It spoils good files of all containers, and describes each in a child process (`tests.bounded`). A crash, a hang, too
much memory or an error without a name is a finding: its file is saved, and becomes a case of the corpus.
"""
