"""How AWS is reached: the Region."""

import pytest

from avflow_cli.access import Access
from avflow_cli.samconfig import Named


@pytest.mark.parametrize(
    ("option", "samconfig", "variable", "expected"),
    [
        ("eu-west-3", "eu-west-2", "eu-west-1", "eu-west-3"),
        (None, "eu-west-2", "eu-west-1", "eu-west-2"),
        (None, None, "eu-west-1", "eu-west-1"),
        (None, None, None, "eu-north-1"),
    ],
)
def test_the_region_is_that_of_the_option_samconfig_the_environment_or_the_profile(
    monkeypatch, tmp_path, option, samconfig, variable, expected
):
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv("AWS_REGION", variable)
    assert Access(Named("av-workflow", samconfig, None), region=option).session.region_name == expected
