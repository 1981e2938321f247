"""Lint the state machine with statelint, whose own command reads no substitutions.

statelint checks the Amazon States Language's grammar: every Next exists, every state is reached.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from statelint.linter import Linter

DEFINITION = Path(__file__).parents[1] / "statemachine" / "av_workflow.asl.yaml"


def main() -> int:
    """Print each problem; 1 if there is any."""
    problems = Linter.validate(yaml.safe_load(DEFINITION.read_text(encoding="utf-8")))
    for problem in problems:
        print(f"{DEFINITION.name}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
