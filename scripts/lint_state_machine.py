"""Lint the state machine with statelint. Its own command cannot read the template's substitutions.

statelint checks the grammar of the Amazon States Language: every Next exists, every state can be reached.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from statelint.linter import Linter

DEFINITION = Path(__file__).parents[1] / "statemachine" / "av_workflow.asl.yaml"


def main() -> int:
    """Print each problem. Return 1 if there is one, else 0."""
    problems = Linter.validate(yaml.safe_load(DEFINITION.read_text(encoding="utf-8")))
    for problem in problems:
        print(f"{DEFINITION.name}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
