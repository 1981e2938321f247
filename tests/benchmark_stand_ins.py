"""Results of benchmarks that nobody ran, and the runner with such results in place of the parts'."""

import json

from benchmarks import __main__ as runner
from benchmarks import check
from benchmarks.parts import Part

BASELINE = {"machine": "a machine", "ratios": {"speech": {"faster": 10.0, "better": 2.0}}}
BASELINES = {"bf16": BASELINE}
MEASURED = {"machine": "a machine", "processor": "bf16", "date": "2026-01-01"}


def result(**fields):
    """A part's, with what is given here in place of what a result has at least."""
    return {"title": "Speech", "rows": [], "ratios": {}, **MEASURED, **fields}


class Parts:
    """Stands in for running the parts: what each gives, run after run; None for a crash."""

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
        """Run on a machine of that class."""
        monkeypatch.setattr(runner, "processor_class", lambda: processor)

    def run(self, part, folder, *, quick):
        self.runs.append(part.name)
        given = next(self.answers[part.name])
        if given is not None:
            (folder / f"{part.name}.json").write_text(json.dumps(given))
        return given

    def check(self, update=False):
        return runner.bench_check(self.chosen, self.folder, update=update)
