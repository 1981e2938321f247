"""Made-up benchmark results, and a runner that returns them instead of running the benchmarks."""

import json

from benchmarks import __main__ as runner
from benchmarks import check
from benchmarks.parts import Part

BASELINE = {"machine": "a machine", "ratios": {"speech": {"faster": 10.0, "better": 2.0}}}
BASELINES = {"bf16": BASELINE}
MEASURED = {"machine": "a machine", "processor": "bf16", "date": "2026-01-01"}


def result(**fields):
    """The result of a part: the required fields, overridden by `fields`."""
    return {"title": "Speech", "rows": [], "ratios": {}, **MEASURED, **fields}


class Parts:
    """Replaces the running of parts. `answers` has each part's results, one per run; None means a crash."""

    def __init__(self, monkeypatch, tmp_path, **answers):
        self.runs = []
        self.answers = {name: iter(given) for name, given in answers.items()}
        self.chosen = [Part(name, minutes=1, checked=True) for name in answers]
        self.folder = tmp_path
        self.baseline = tmp_path / "baseline.json"
        self.baseline.write_text(json.dumps(BASELINES))
        self.on("bf16", monkeypatch)
        monkeypatch.setattr(runner, "run_part", self.run)
        for function in (check.read_baselines, check.read_baseline, check.write_baseline):
            monkeypatch.setattr(function, "__defaults__", (self.baseline,))

    def on(self, processor, monkeypatch):
        """Pretend to run on a machine with this processor class."""
        monkeypatch.setattr(runner, "processor_class", lambda: processor)

    def run(self, part, folder, *, quick):
        self.runs.append(part.name)
        given = next(self.answers[part.name])
        if given is not None:
            (folder / f"{part.name}.json").write_text(json.dumps(given))
        return given

    def check(self, update=False):
        return runner.bench_check(self.chosen, self.folder, update=update)
