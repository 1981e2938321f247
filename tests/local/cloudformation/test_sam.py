"""The translation of SAM templates, and its cache."""

import json

import pytest

from local_aws.cloudformation.sam import TemplateError, load
from tests.local.conftest import FIXTURES


def test_a_kept_template_may_vanish_while_the_oldest_are_looked_for(tmp_path):
    """Another process removes it: a link to nothing is listed, but does not exist either."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "template-gone.json").symlink_to(tmp_path / "nowhere")
    assert "Bucket" in load(FIXTURES / "template.yaml", {}, cache)["Resources"]


def test_a_translated_template_is_kept_until_a_file_changes(tmp_path):
    for name in ("template.yaml", "machine.asl.yaml"):
        (tmp_path / name).write_text((FIXTURES / name).read_text())
    path, cache = tmp_path / "template.yaml", tmp_path / "cache"
    first = load(path, {}, cache)
    (kept,) = cache.iterdir()
    kept.write_text(kept.read_text().replace("Tell", "Kept"))
    assert load(path, {}, cache) == json.loads(json.dumps(first).replace("Tell", "Kept")), "it was not translated again"
    (tmp_path / "machine.asl.yaml").write_text((FIXTURES / "machine.asl.yaml").read_text().replace("Tell", "Say"))
    assert "Say" in json.dumps(load(path, {}, cache))


def test_an_invalid_template_says_what_is_wrong(tmp_path):
    function = {"Type": "AWS::Serverless::Function", "Properties": {"Runtime": "python3.12"}}
    document = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": function}}
    path = tmp_path / "template.json"
    path.write_text(json.dumps(document))
    with pytest.raises(TemplateError, match=r"template.json: .*\[F\] is invalid"):
        load(path, {}, tmp_path / "cache")
