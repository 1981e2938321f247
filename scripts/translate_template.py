"""Write the template in CloudFormation's form: with SAM resources translated, and YAML anchors and merges expanded.

usage: python scripts/translate_template.py OUT.json [PARAMETER=VALUE ...]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from local_aws.cloudformation.sam import load

ROOT = Path(__file__).parents[1]


def main(out: str, *parameters: str) -> None:
    """Translate the project's template."""
    with tempfile.TemporaryDirectory() as cache:
        template = load(ROOT / "template.yaml", dict(each.split("=", 1) for each in parameters), Path(cache))
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(json.dumps(template, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
