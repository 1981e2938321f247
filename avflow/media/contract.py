"""The base class of all data that steps exchange as JSON.

A `Contract` is a frozen dataclass. `to_dict()` returns the JSON value, and `from_dict()` reads it back. `from_dict()`
ignores unknown fields, so that an older reader accepts the output of a newer writer.
"""

from __future__ import annotations

from fractions import Fraction

from mashumaro import DataClassDictMixin
from mashumaro.config import BaseConfig
from mashumaro.types import SerializationStrategy


def fraction_text(value: Fraction) -> str:
    """A fraction as text, such as `30000/1001`. It always has a denominator, so that no reader rounds it to a float."""
    return f"{value.numerator}/{value.denominator}"


class _FractionText(SerializationStrategy):
    def serialize(self, value: Fraction) -> str:
        return fraction_text(value)

    def deserialize(self, value: str) -> Fraction:
        return Fraction(value)


class Contract(DataClassDictMixin):
    """The base class of every dataclass that is written as JSON. A field's alias is its JSON name."""

    class Config(BaseConfig):
        """mashumaro's options."""

        serialize_by_alias = True
        lazy_compilation = True  # a cold start compiles only the classes that it uses
        serialization_strategy = {Fraction: _FractionText()}  # noqa: RUF012 - mashumaro expects a dict
