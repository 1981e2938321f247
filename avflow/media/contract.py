"""What is passed on as JSON, read and written in one way.

A `Contract` is a frozen dataclass. `to_dict()` gives what JSON holds, `from_dict()` reads it back; unknown fields are
ignored, so that a newer writer doesn't break an older reader.
"""

from __future__ import annotations

from fractions import Fraction

from mashumaro import DataClassDictMixin
from mashumaro.config import BaseConfig
from mashumaro.types import SerializationStrategy


def fraction_text(value: Fraction) -> str:
    """`30000/1001`: always with a denominator, so that a rate never becomes a rounded float."""
    return f"{value.numerator}/{value.denominator}"


class _FractionText(SerializationStrategy):
    def serialize(self, value: Fraction) -> str:
        return fraction_text(value)

    def deserialize(self, value: str) -> Fraction:
        return Fraction(value)


class Contract(DataClassDictMixin):
    """The base of every dataclass that becomes JSON. A field's alias is its name there."""

    class Config(BaseConfig):
        """Of mashumaro."""

        serialize_by_alias = True
        lazy_compilation = True  # a cold function compiles what it uses
        serialization_strategy = {Fraction: _FractionText()}  # noqa: RUF012 - as mashumaro reads it
