"""Whether people can read what the console of Step Functions shows: each state's input and output on one screen."""

import json

#: lines of a screen, of indented JSON as the console shows it
LINES = 40


def texts(events):
    """(what, JSON) of the input and output of an execution and of each of its states."""
    for event in events:
        for kind in ("stateEntered", "stateExited", "executionStarted", "executionSucceeded"):
            details = event.get(f"{kind}EventDetails", {})
            for side in ("input", "output"):
                if side in details:
                    yield f"{kind} {details.get('name', '')} {side}", details[side]


def lines(text):
    """The number of lines of indented JSON."""
    return len(json.dumps(json.loads(text), indent=2).splitlines())


def longest(events):
    """(lines, what) of the longest input or output."""
    return max((lines(text), what) for what, text in texts(events))
