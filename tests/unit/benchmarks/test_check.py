"""The verdict of `make bench-check`, without running a benchmark."""

import json

import pytest

from benchmarks import check
from benchmarks.parts import PARTS, Part
from benchmarks.processor import LEVELS
from tests.benchmark_stand_ins import BASELINE, BASELINES, Parts, result

SPEECH = Part("speech", minutes=1, checked=True)


def verdicts(**ratios):
    return {v.ratio: v for v in check.verdicts(SPEECH, BASELINE, result(ratios=ratios), "bf16")}


@pytest.mark.parametrize(("now", "passes"), [(8.4, False), (8.6, True), (12, True)])
def test_a_ratio_may_fall_by_fourteen_percent_and_not_by_sixteen(now, passes):
    assert verdicts(faster=now, better=2.0)["faster"].passes is passes


def test_a_ratio_of_another_engine_to_ours_is_told_however_far_it_fell():
    part = Part("speech", minutes=1, engines=("over OpenCV",))
    baseline = {"ratios": {"speech": {"over OpenCV": 4.6, "of benchmark_app": 1.0}}}
    result = {"ratios": {"over OpenCV": 2.6, "of benchmark_app": 0.7}}
    engine, own = check.verdicts(part, baseline, result, "bf16")
    assert engine.passes
    assert str(engine).startswith("told    speech: over OpenCV: 2.60, baseline 4.60, -43%")
    assert not own.passes


def test_engines_are_named_as_they_are_measured():
    for part in PARTS:
        measured = check.read_baseline("bf16")["ratios"].get(part.name, {})
        assert set(part.engines) <= set(measured)


def test_a_ratio_that_is_no_longer_measured_fails():
    assert not verdicts(faster=10)["better"].passes
    assert str(verdicts(faster=10)["better"]).endswith(
        "better: not measured: the part has no such ratio any more, baseline 2.00"
    )
    failed = check.verdicts(SPEECH, BASELINE, None, "bf16")
    assert [verdict.passes for verdict in failed] == [False, False]
    assert "faster: not measured: the part gave no result" in str(failed[0])


def test_a_ratio_whose_peer_is_not_installed_is_excused():
    found = check.verdicts(SPEECH, BASELINE, result(ratios={"faster": 10}, skipped={"better": "no peer"}), "bf16")
    assert [(verdict.sign, verdict.passes) for verdict in found] == [("ok", True), ("skipped", True)]
    assert str(found[1]) == "skipped speech: better: not measured: no peer, baseline 2.00"


@pytest.mark.parametrize("by_target", [(), ("apart",)])
def test_a_ratio_without_a_baseline_is_skipped_where_it_has_a_reason(by_target):
    part = Part("speech", minutes=1, targets={"apart": 3}, by_target=by_target)
    found = check.verdicts(part, {"ratios": {}}, result(skipped={"apart": "no peer"}), "avx2")
    assert [(verdict.ratio, verdict.sign) for verdict in found] == [("apart", "skipped")]


def test_a_target_counts_on_the_classes_that_it_was_set_for():
    part = Part("speech", minutes=1, targets={"pace": {"bf16": 3}}, by_target=("pace",))
    assert part.target("pace", "avx2") is None
    for processor, sign in (("bf16", "FAIL"), ("avx2", "new")):
        (found,) = check.verdicts(part, {"ratios": {}}, result(ratios={"pace": 2}), processor)
        assert found.sign == sign


def test_a_new_ratio_passes_and_is_not_taken_into_the_baseline_by_itself():
    new = verdicts(faster=10, better=2, further=1)["further"]
    assert new.passes
    assert str(new).startswith("new ")


@pytest.mark.parametrize(("now", "passes"), [(0.99, False), (1.01, True)])
def test_a_ratio_that_counts_words_has_to_reach_its_target_whatever_it_was_before(now, passes):
    part = Part("speech", minutes=1, targets={"faster": 8, "better": 1}, by_target=("better",))
    found = {v.ratio: v for v in check.verdicts(part, BASELINE, result(ratios={"faster": 9, "better": now}), "bf16")}
    assert found["better"].passes is passes
    assert str(found["better"]).endswith(f"speech: better: {now}, target 1")
    assert found["faster"].passes
    assert "baseline" in str(found["faster"])
    gone = check.verdicts(part, {"ratios": {"speech": {"faster": 10.0}}}, result(ratios={"faster": 9}), "bf16")
    assert [(v.ratio, v.passes) for v in gone] == [("faster", True), ("better", False)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_what_is_checked_by_its_target_has_one(part):
    assert set(part.by_target) <= set(part.targets)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_targets_are_set_for_classes_that_there_are(part):
    known = {*LEVELS, "arm"}
    assert all(set(target) <= known for target in part.targets.values() if not isinstance(target, int | float))


def test_the_check_fails_when_a_ratio_falls_by_sixteen_percent_twice(monkeypatch, tmp_path, capsys):
    fallen = result(ratios={"faster": 8.4, "better": 2.0})
    assert Parts(monkeypatch, tmp_path, speech=[fallen, fallen]).check() == 1
    assert "FAIL    speech: faster: 8.40, baseline 10.0, -16%" in capsys.readouterr().out


def test_the_check_passes_when_it_falls_by_fourteen_percent(monkeypatch, tmp_path):
    parts = Parts(monkeypatch, tmp_path, speech=[result(ratios={"faster": 8.6, "better": 2.0})])
    assert parts.check() == 0
    assert parts.runs == ["speech"]


def test_one_bad_run_is_put_down_to_the_machine(monkeypatch, tmp_path):
    bad, good = (result(ratios={"faster": value, "better": 2.0}) for value in (5, 10))
    parts = Parts(monkeypatch, tmp_path, speech=[bad, good])
    assert parts.check() == 0
    assert parts.runs == ["speech", "speech"]


def test_a_part_that_crashes_fails_the_check_and_the_others_are_run(monkeypatch, tmp_path, capsys):
    parts = Parts(monkeypatch, tmp_path, pipeline=[None], speech=[result(ratios={"faster": 10, "better": 2})])
    parts.baseline.write_text(
        json.dumps({"bf16": {**BASELINE, "ratios": {**BASELINE["ratios"], "pipeline": {"x": 1}}}})
    )
    assert parts.check() == 1
    assert parts.runs == ["pipeline", "speech"]
    assert "FAIL    pipeline: x: not measured: the part gave no result" in capsys.readouterr().out


def test_the_baseline_changes_only_when_told_to(monkeypatch, tmp_path):
    found = result(ratios={"faster": 20, "further": 3})
    parts = Parts(monkeypatch, tmp_path, speech=[found, found, found])
    parts.check()
    assert json.loads(parts.baseline.read_text()) == BASELINES
    assert parts.check(update=True) == 0
    assert json.loads(parts.baseline.read_text())["bf16"]["ratios"] == {"speech": {"faster": 20, "further": 3}}


def test_another_class_is_measured_and_compared_with_nothing(monkeypatch, tmp_path, capsys):
    slower = result(ratios={"faster": 1, "better": 0.1}, processor="avx2")
    parts = Parts(monkeypatch, tmp_path, speech=[slower])
    parts.on("avx2", monkeypatch)
    assert parts.check() == 0
    said = capsys.readouterr().out
    assert "new     speech: faster: 1\n" in said
    assert "Class of processors: avx2, " in said
    assert "There is no baseline of the class avx2 yet: `make bench-check BASELINE=1` takes one." in said
    assert json.loads(parts.baseline.read_text()) == BASELINES


def test_taking_a_baseline_leaves_the_other_classes_alone(monkeypatch, tmp_path):
    parts = Parts(monkeypatch, tmp_path, speech=[result(ratios={"faster": 1.0}, machine="old", processor="avx2")])
    parts.on("avx2", monkeypatch)
    assert parts.check(update=True) == 0
    taken = {"machine": "old", "ratios": {"speech": {"faster": 1.0}}}
    assert json.loads(parts.baseline.read_text()) == {**BASELINES, "avx2": taken}


def test_a_part_that_the_baseline_lacks_is_new(monkeypatch, tmp_path, capsys):
    parts = Parts(monkeypatch, tmp_path, chain=[result(ratios={"quicker": 3})])
    assert parts.check() == 0
    said = capsys.readouterr().out
    assert "new     chain: quicker: 3\n" in said
    assert "What is new is not in its baseline: `make bench-check BASELINE=1` takes one." in said


def test_the_first_baseline_can_be_taken(monkeypatch, tmp_path):
    parts = Parts(monkeypatch, tmp_path, chain=[result(ratios={"quicker": 3})])
    parts.baseline.unlink()
    assert parts.check(update=True) == 0
    assert check.read_baseline("bf16")["ratios"] == {"chain": {"quicker": 3}}
    assert check.read_baseline("arm")["ratios"] == {}


def test_every_baseline_has_the_parts_that_are_checked_and_no_other():
    baselines = check.read_baselines()
    assert "bf16" in baselines
    for processor, baseline in baselines.items():
        assert processor in {*LEVELS, "arm"}
        assert set(baseline["ratios"]) == {part.name for part in PARTS if part.checked}
