"""The dependencies of the wheel: the packages of `make run`, in ranges around their pins."""

import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import ROOT, requirements

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: packages with no wheel for some Pythons, and what only an installation in place needs
OPTIONAL, OF_A_CHECKOUT = {"pocketsphinx"}, {"setuptools"}


def named(path):
    """The requirements of an .in file and of those that it includes."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from named(path.with_name(line[3:]))
        elif line and not line.startswith(("#", "-c")):
            yield Requirement(line)


def ranges():
    return {canonicalize_name(each.name): each for each in map(Requirement, PROJECT["dependencies"])}


def test_the_wheel_needs_what_a_run_needs():
    wanted = {canonicalize_name(each.name): each for each in named(ROOT / "requirements" / "local.in")}
    assert set(wanted) - OPTIONAL - OF_A_CHECKOUT == set(ranges())
    assert {name: each.extras for name, each in ranges().items()} == {name: wanted[name].extras for name in ranges()}


def test_the_ranges_have_two_ends_and_admit_the_pins():
    optional = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
    for each in (*ranges().values(), *optional):
        assert {part.operator for part in each.specifier} == {">=", "<"}, each
    pins = {}
    for name in ("local", "dev"):
        for each in requirements(ROOT / "requirements" / f"{name}.txt"):
            pins.setdefault(canonicalize_name(each.name), set()).add(str(each.specifier).removeprefix("=="))
    for name, each in ranges().items():
        assert pins[name], name
        assert all(each.specifier.contains(pin) for pin in pins[name]), (each, pins[name])
    assert all(each.specifier.contains(pin) for each in optional for pin in pins.get(canonicalize_name(each.name), ()))


def test_all_files_of_the_packages_are_in_the_wheel():
    """Those that are not Python; a README beside the embedded AWS is for who reads its code."""
    given = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    for package in ("avflow", "avflow_cli", "batch_jobs", "lambdas", "local_aws"):
        files = {path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
        taken = {path for pattern in given.get(package, ()) for path in (ROOT / package).glob(pattern)}
        assert {path for path in files - taken if path.suffix != ".md"} == set()
