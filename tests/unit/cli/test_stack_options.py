"""The options that name a stack and where it is."""

import click
import pytest

from avflow_cli.stack.options import Address


@pytest.mark.parametrize("address", ["http://127.0.0.1:4566", "https://s3.eu-west-1.amazonaws.com", "http://[::1]:80/"])
def test_an_address_stays_as_it_was_typed(address):
    assert Address().convert(address, None, None) == address


@pytest.mark.parametrize("address", ["127.0.0.1:4566", "htp:/x", "http://", "http://a:b", "http://[::1", "", "\x1b[2J"])
def test_what_is_no_address_is_told_with_what_to_write(address):
    with pytest.raises(click.BadParameter, match=r"is no address\. Write it as http://127") as raised:
        Address().convert(address, None, None)
    assert "\x1b" not in raised.value.message
