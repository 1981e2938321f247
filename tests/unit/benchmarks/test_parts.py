"""The report of `make bench`, and what its parts share, without running a benchmark."""

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks import check, original_chain, reasons, report
from benchmarks.common import ROOT, Result, digest, in_turn, machine, markdown, median_ratio, repeated, synthetic
from benchmarks.parts import BY_NAME, PARTS
from benchmarks.processor import processor_class
from tests.benchmark_stand_ins import Parts, result


# ---------------------------------------------------------------- bench
@pytest.fixture
def outputs(monkeypatch, tmp_path):
    """The report's files, in a folder of the test's own."""
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report.load, "__defaults__", (tmp_path / "results",))
    for name in ("README", "DOCUMENT", "SCALING", "PLOT"):
        monkeypatch.setattr(report, name, tmp_path / name.lower())
    shutil.copyfile(ROOT / "README.md", tmp_path / "readme")
    shutil.copyfile(ROOT / "docs" / "scaling.md", tmp_path / "scaling")
    return tmp_path


def test_a_crash_of_one_part_keeps_what_the_others_found(monkeypatch, tmp_path, outputs):
    parts = Parts(monkeypatch, tmp_path, pipeline=[None], speech=[result(ratios={"faster": 12.345})])
    assert runner.bench(parts.chosen, tmp_path) == 1
    assert "| faster | 12.3 | |" in (outputs / "document").read_text()
    assert "| *pipeline* | unmeasured | |" in (outputs / "document").read_text()
    assert digest(report.load()) in outputs.joinpath("plot.svg").read_text()
    assert outputs.joinpath("plot.png").stat().st_size > 10_000


def test_a_failing_module_gives_no_result(monkeypatch, tmp_path):
    stale = tmp_path / "scale.json"
    stale.write_text("{}")
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "scale.py").write_text("raise SystemExit(3)")
    assert runner.run_part(BY_NAME["scale"], tmp_path, quick=True) is None
    assert not stale.exists()


def test_a_module_that_succeeds_gives_what_it_wrote(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    code = (
        'import sys, pathlib; assert "--quick" in sys.argv; pathlib.Path(sys.argv[-1]).write_text(\'{"ratios": {}}\')'
    )
    (tmp_path / "benchmarks" / "scale.py").write_text(code)
    found = runner.run_part(BY_NAME["scale"], tmp_path, quick=True)
    of = {"machine": machine(), "processor": processor_class(), "date": found["date"]}
    assert found == {"ratios": {}, "quick": True, **of}
    assert json.loads((tmp_path / "scale.json").read_text()) == found


def test_the_readme_has_the_report_of_the_committed_results():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert report.between_markers(readme, report.highlights(report.load())) == readme


def test_the_readme_has_the_values_and_the_targets_of_the_whole_table():
    results = report.load()
    lines, short = report.table(results).splitlines(), report.highlights(results)
    for _, ratio, words in report.HIGHLIGHTS:
        (row,) = [line.removeprefix(f"| {ratio} ") for line in lines if line.startswith(f"| {ratio} |")]
        assert f"| {words} {row}" in short
    assert "Measured on class bf16" in short


def test_what_the_readme_shows_may_be_unmeasured_or_skipped():
    part, ratio, words = report.HIGHLIGHTS[0]
    assert f"| {words} | unmeasured | |" in report.highlights({})
    skipped = {part: result(skipped={ratio: original_chain.UNAVAILABLE})}
    assert f"| {words} | not measured: {original_chain.UNAVAILABLE} | ≥ 10 |" in report.highlights(skipped)


def test_the_table_of_scaling_is_the_report_of_the_committed_results():
    results = report.load()
    scaling = report.SCALING.read_text(encoding="utf-8")
    assert report.between_markers(scaling, report.scenarios(results)) == scaling
    uploads = [row["uploads/h"] for row in results["scale"]["series"]["scenarios"]]
    assert uploads == ["10", "1 000", "1 000", "100 000", "100 000"]


def test_the_readme_has_no_measured_figure_beside_the_report():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## How fast it is\n")[2].partition("\n## ")[0]
    by_hand = section.partition(report.BEGIN)[0] + section.partition(report.END)[2]
    assert "make bench" in by_hand
    assert re.findall(r"\d[\d.]*(?: %| m?s\b| times)", by_hand) == []


def test_the_page_names_the_tolerance_of_the_check():
    assert f"more than {100 * check.TOLERANCE:.0f} % below" in " ".join(report.document({}).split())


def test_the_page_and_the_plot_are_the_report_of_the_committed_results():
    results = report.load()
    assert report.DOCUMENT.read_text(encoding="utf-8") == report.document(results)
    assert digest(results) in report.PLOT.with_suffix(".svg").read_text(encoding="utf-8")
    assert report.PLOT.with_suffix(".png").exists()


def test_a_table_that_was_edited_by_hand_is_noticed():
    text = f"before {report.BEGIN}\n| x | 99.9 |\n{report.END} after"
    rewritten = report.between_markers(text, report.table({"speech": result(ratios={"x": 1.5})}))
    assert "99.9" not in rewritten
    assert "| x | 1.50 | |" in rewritten
    assert rewritten.startswith("before ")
    assert rewritten.endswith(" after")
    with pytest.raises(ValueError, match="bench:start"):
        report.between_markers("no markers", "")


def test_the_table_marks_what_is_quick_missed_or_not_measured():
    pipeline, chain, inference = BY_NAME["pipeline"], BY_NAME["chain"], BY_NAME["inference"]
    by_class = next(name for name, target in inference.targets.items() if isinstance(target, dict))
    (ratio, wanted), peer = next(iter(pipeline.targets.items())), next(iter(chain.targets))
    table = report.table(
        {
            "pipeline": result(ratios={ratio: wanted / 2}, quick=True),
            "chain": result(skipped={peer: original_chain.UNAVAILABLE}),
            "gpu": result(
                rows=[{"name": "CUDA", "value": None, "unit": "frames/s"}], ratios={"CPU": 1}, machine="another"
            ),
            "inference": result(ratios={by_class: 0.5}, processor="arm", machine="a board"),
            "scale": result(title="Uploads", rows=[{"name": "finished", "value": 9, "unit": "an hour"}]),
        }
    )
    assert re.search(rf"\| {re.escape(ratio)} \| [\d.]+ \(quick\) \(missed\) \| ≥ [\d.]+ \|", table)
    assert f"| {peer} | not measured: {original_chain.UNAVAILABLE} | ≥ " in table
    assert "| CUDA | unmeasured | |\n| CPU | 1 | |" in table
    assert "| *Uploads* | figures only, no ratio | |" in table
    assert f"| {by_class} | 0.50 | no target for this class |" in table
    assert "Measured on class bf16: a machine, 2026-01-01 (pipeline, chain, scale)." in table
    assert "Measured on class bf16: another, 2026-01-01 (gpu)." in table
    assert "Measured on class arm: a board, 2026-01-01 (inference)." in table


def pipeline(ratio, **fields):
    what = {"bare inference": 14.0, "whole video": 21.0, "decoding alone": 1.25, "encoding alone": 1.15}
    rows = [
        {"name": f"yolov3-tiny: processor time of {name}, all cores", "value": value, "unit": "ms a frame"}
        for name, value in what.items()
    ]
    return {"pipeline": result(rows=rows, ratios={"yolov3-tiny: whole video of bare inference": ratio}, **fields)}


def test_a_missed_target_is_explained_by_the_figures_that_were_measured():
    (sentence,) = reasons.missed(pipeline(0.67))
    assert sentence.startswith("yolov3-tiny: whole video of bare inference: 0.67, target 0.80. Inference takes 14.0 ms")
    assert "leaves 3.50 ms for everything else. Decoding alone takes 1.25 ms and encoding alone 1.15 ms." in sentence
    assert sentence.endswith("together with letterboxing and drawing they take 7.00 ms.")
    assert sentence in " ".join(report.summary(pipeline(0.67), "plot").replace("\n", " ").split())


def test_without_its_figures_a_missed_target_is_named_all_the_same():
    found = pipeline(0.67)
    del found["pipeline"]["rows"][-1]
    assert list(reasons.missed(found)) == ["yolov3-tiny: whole video of bare inference: 0.67, target 0.80."]


def test_what_another_class_should_reach_is_not_missed():
    scripts = "yolov3-random: avflow run over the three scripts"
    for processor, missed in (("bf16", 1), ("avx2", 0)):
        found = {"chain": result(ratios={scripts: 3}, processor=processor)}
        assert len(list(reasons.missed(found))) == missed


def test_what_is_reached_needs_no_reason():
    assert list(reasons.missed(pipeline(0.81))) == []
    assert "missed" not in report.summary(pipeline(0.81), "plot")


def test_a_gpu_that_was_not_there_is_named():
    (sentence,) = reasons.missed({"gpu": result(rows=[{"name": "CUDA", "value": None, "unit": ""}])})
    assert sentence.startswith("CUDA: unmeasured")


def test_every_target_is_of_a_ratio_that_was_measured():
    for name, measured in report.load().items():
        known = {*measured["ratios"], *measured.get("skipped", {})}
        assert set(BY_NAME[name].targets) <= known, name


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_every_part_is_a_module_that_explains_itself(part):
    command = [sys.executable, "-m", f"benchmarks.{part}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
    assert "--quick" in done.stdout


# ---------------------------------------------------------------- what the parts share
def test_a_result_is_printed_and_written_alike(tmp_path, capsys):
    found = Result("Title")
    found.row("pace", 1234.4, "frames/s")
    found.row("on a GPU", None, "")
    found.declare("faster", "better")
    found.ratio("faster", 2.5)
    found.skip("no peer here", "better")
    found.publish(tmp_path / "new" / "found.json")
    written = json.loads((tmp_path / "new" / "found.json").read_text())
    assert capsys.readouterr().out.strip() == markdown(written)
    assert markdown(written) == textwrap.dedent(
        """\
        | Title | |
        |---|---|
        | pace | 1 234 frames/s |
        | on a GPU | unmeasured |
        | **faster** | **2.50** |
        | **better** | not measured: no peer here |"""
    )


def test_a_ratio_that_is_neither_measured_nor_skipped_is_an_error(tmp_path):
    found = Result("Title")
    found.declare("faster", "better", "further")
    found.ratio("faster", 2)
    found.skip("no peer here", "better")
    with pytest.raises(ValueError, match="Title: neither measured nor skipped for a reason: further"):
        found.publish(tmp_path / "found.json")
    assert not (tmp_path / "found.json").exists()


def test_a_ratio_has_to_be_declared():
    with pytest.raises(ValueError, match="has not declared the ratio 'faster'"):
        Result("Title").ratio("faster", 2)
    with pytest.raises(ValueError, match="has not declared the ratio 'faster'"):
        Result("Title").skip("no peer here", "faster")


def test_a_result_names_its_class():
    assert Result("Title").processor == processor_class()


def test_sides_are_measured_in_turn():
    calls = []
    times = in_turn(2, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b", "a", "b"]
    assert [len(each) for each in times] == [2, 2]


def test_a_busy_round_changes_no_ratio():
    assert median_ratio([10, 30, 10], [5, 15, 5]) == 2


def test_clips_have_a_constant_rate_and_the_length_asked_for(tmp_path):
    from avflow.media import probe

    long = probe(synthetic(tmp_path / "long.avi", 150, rate=4)).video
    assert (long.frames, long.constant_rate) == (600, True)
    again = probe(repeated(ROOT / "samples" / "my_video.mkv", 15, tmp_path / "again.mkv"))
    assert (again.video.frames, again.video.constant_rate) == (150, True)
    assert again.audio is not None
    assert not Path(tmp_path / "minute-of-long.avi").exists()
