"""The set-up that `make` begins with, in a copy of the repository's scripts: what it says, and what it leaves behind.

Shell scripts stand for the Pythons that a machine may have; pip is real, with an index that gives nothing.
"""

import hashlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile

import pytest

from scripts import platforms
from scripts.lock import FOLDER, ROOT, pinned
from scripts.platforms import PLATFORMS, PYTHONS
from scripts.set_up import ENVIRONMENTS, doing, explain, whole

#: a Python that is asked for its version only
OF_VERSION = """#!/bin/sh
case $2 in
*version_info*) exec {python} -c "import sys; sys.version_info = {version}; $(echo "$2" | cut -d';' -f2-)" ;;
*) echo "Python {text}" ;;
esac
"""
#: this Python, but for what `{before}` takes away
CHANGED = """#!{python}
import runpy, sys
sys.argv.pop(0)
{before}
while sys.argv[0].startswith("-B"):
    sys.argv.pop(0)
if sys.argv[0] == "-c":
    exec(sys.argv[1])
else:
    sys.argv.pop(0)
    sys.path.insert(0, ".")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NOTHING = f"nothing-of-this-name==1 --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def repository(tmp_path):
    """The part of the repository that the set-up reads."""
    folder = tmp_path / "a repository"
    (folder / "requirements").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ENVIRONMENTS:
        (folder / f"requirements/{name}.txt").write_text("")
    for package in ("avflow", "avflow_cli", "batch_jobs", "lambdas", "local_aws"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    return folder


@pytest.fixture
def program(tmp_path):
    """Make a program that comes first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def program(name, text):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return folder

    return program


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """One that is made once: it takes seconds."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def venv(environment, repository):
    """The same in the repository, as if it had been made there."""
    shutil.copytree(environment, repository / ".venv", symlinks=True)
    pip = repository / ".venv" / "bin" / "pip"
    pip.write_text(pip.read_text().replace(f"{environment}", f"{repository / '.venv'}"))
    return repository / ".venv"


def set_up(repository, path=None, name="local", **variables):
    search = "/usr/bin:/bin" if path is None else f"{path}:/usr/bin:/bin"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    return subprocess.run(
        [repository / "scripts" / "set_up", name],
        env=environment | {"PATH": search, "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def refused(done, repository):
    """The one line that it ends with; nothing is left behind."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert not (repository / ".venv").exists()
    (line,) = done.stderr.splitlines()
    return line


# ---------------------------------------------------------------- which Python
@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 15)])
def test_a_python_of_another_version_is_refused_with_what_to_type(repository, program, version):
    text = f"{version[0]}.{version[1]}.2"
    path = program("python", OF_VERSION.format(python=sys.executable, version=(*version, 2), text=text))
    line = refused(set_up(repository, path, PYTHON="python"), repository)
    assert line.startswith(f"av-workflow needs Python {PYTHONS[0]} to {PYTHONS[-1]}, and python is Python {text}: ")
    assert "apt install python3 python3-venv" in line
    assert "make PYTHON=python3.13" in line


def test_a_python_that_is_not_there_is_refused(repository):
    assert "and python9 is no Python: " in refused(set_up(repository, PYTHON="python9"), repository)


def test_another_python_stands_in_for_one_that_is_too_old(repository, program):
    program("python3", OF_VERSION.format(python=sys.executable, version=(3, 9, 6), text="3.9.6"))
    path = program("python3.13", '#!/bin/sh\necho the newer one: "$@"\n')
    done = set_up(repository, path, PYTHON="python3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the newer one: -B -m scripts.set_up local\n"


def test_the_shell_and_the_table_know_the_same_pythons():
    text = (ROOT / "scripts" / "set_up").read_text()
    first, last = (f"({version.replace('.', ', ')})" for version in (PYTHONS[0], PYTHONS[-1]))
    assert f"not {first} <= sys.version_info[:2] <= {last}" in text
    assert f"needs Python {PYTHONS[0]} to {PYTHONS[-1]}" in text
    assert set(re.findall(r"python(3\.\d+)", text.split("for other in")[1].split(";")[0])) == {*PYTHONS}


# ---------------------------------------------------------------- which machine
@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n == 'ensurepip' else f(n)",
         f"can't make virtual environments. .*: sudo apt install python{PYTHON}-venv$"),
        ("import platform; platform.machine = lambda: 'riscv64'", "not support Linux riscv64. .* docs/platforms.md"),
        ("import platform; platform.libc_ver = lambda *a: ('glibc', '2.27')", "glibc 2.27, older than 2.28, has no"),
        ("import platform; platform.libc_ver = lambda *a: ('', '')", "A Linux without glibc .*Alpine"),
        ("sys.maxsize = 2**31 - 1", "with a 32-bit Python"),
        ("import sysconfig; sysconfig.get_config_var = lambda n: 1", "The free-threaded Python .* make PYTHON=python3"),
        ("import platform; sys.platform = 'darwin'; platform.machine = lambda: 'arm64'; "
         "platform.mac_ver = lambda: ('13.6.1', (), '')", "macOS 13.6.1, older than 14, has no packages"),
        ("import platform; sys.platform = 'darwin'; platform.machine = lambda: 'x86_64'; "
         "platform.mac_ver = lambda: ('15.1', (), ''); import sysconfig; sysconfig.get_config_var = lambda n: 0; "
         "sys.version_info = type('V', (tuple,), {'major': 3, 'minor': 14})((3, 14, 0))",
         "can't use Python 3.14 on macOS x86-64, as ONNX Runtime has no package for it. .*make PYTHON=python3.13"),
    ],
    ids=["no ensurepip", "riscv64", "old glibc", "no glibc", "32 bits", "free-threaded", "old macOS", "lacking"],
)  # fmt: skip
def test_a_machine_that_cannot_gets_one_sentence(repository, program, before, said):
    path = program("python", CHANGED.format(python=sys.executable, before=before))
    line = refused(set_up(repository, path, PYTHON=f"{path}/python"), repository)
    assert line.startswith("av-workflow: ")
    assert re.search(said, line), line


def test_every_platform_of_the_table_is_taken(monkeypatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.28"))
    monkeypatch.setattr("platform.mac_ver", lambda: ("14.0", (), ""))
    monkeypatch.setattr("sysconfig.get_config_var", lambda name: 0)
    for each in PLATFORMS:
        monkeypatch.setattr("sys.platform", each.system)
        monkeypatch.setattr("platform.machine", lambda each=each: each.machine)
        assert platforms.this_platform() is each
        for file in ENVIRONMENTS:
            taken = platforms.refusal(file) is None
            assert taken == ((file, each.name) != ("peers", "macOS x86-64"))


# ---------------------------------------------------------------- installing
def failing(repository, line, **variables):
    (repository / "requirements" / "local.txt").write_text(line)
    done = set_up(repository, **variables)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.usefixtures("venv")
def test_what_it_installs_is_told_with_its_size(repository):
    told = failing(repository, NOTHING, PIP_NO_INDEX="1").splitlines()
    size = r"about \d+ MB to download, \d+ MB on the disk"
    assert re.fullmatch(rf"av-workflow: installing requirements/local\.txt into \.venv, once \({size}\) …", told[0])


@pytest.mark.usefixtures("venv")
def test_a_package_without_a_wheel_is_never_built(repository, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    (links / "needs_a_compiler-1.0.tar.gz").write_bytes(b"")
    said = failing(
        repository, f"needs-a-compiler==1.0 --hash=sha256:{'0' * 64}\n", PIP_NO_INDEX="1", PIP_FIND_LINKS=f"{links}"
    )
    assert said.splitlines()[-1].startswith(f"av-workflow: needs-a-compiler==1.0 has no package for Python {PYTHON} ")
    assert "docs/platforms.md" in said
    assert not (repository / ".venv" / ".unfinished").exists(), "pip ended by itself"


def test_what_is_installed_is_compiled(repository, venv, tmp_path):
    """A file that this Python can't read, as some packages have, is no fault."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("thing/__init__.py", "answer = 42\n")
        made.writestr("thing/old.py", "print 42\n")
        made.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        made.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr("thing-1.0.dist-info/RECORD", "")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (repository / "requirements" / "dev.txt").write_text(f"thing==1.0 --hash=sha256:{sha256}\n")
    done = set_up(repository, name="dev", PIP_NO_INDEX="1", PIP_FIND_LINKS=f"{tmp_path}")
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1, "what is installed"
    (package,) = venv.glob("lib/*/site-packages/thing")
    assert [path.name.split(".")[0] for path in (package / "__pycache__").iterdir()] == ["__init__"]
    assert not (venv / ".unfinished").exists()


@pytest.mark.usefixtures("venv")
def test_an_index_that_does_not_answer_is_named(repository):
    said = failing(repository, f"some-package==1.0 --hash=sha256:{'0' * 64}\n", PIP_INDEX_URL="http://127.0.0.1:9/simple",
                   PIP_RETRIES="1", PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="")  # fmt: skip
    assert "The package index can't be reached: check the network" in said.splitlines()[-1]
    assert "Retrying" not in said


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "The disk is full",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n", "differs from the pinned one"),
        ("ERROR: something quite new\n", "pip failed, see above."),
    ],
)
def test_other_complaints_of_pip(stderr, said):
    assert said in explain(stderr, ENVIRONMENTS["local"])


def interrupted(venv):
    (venv / ".unfinished").touch()
    return venv


def without_interpreter(venv):
    (venv / "bin" / "python").unlink()
    return venv


def moved(venv):
    return venv.rename(venv.with_name("elsewhere"))


def without_pip(venv):
    shutil.rmtree(next(venv.glob("lib/*/site-packages/pip")))
    return venv


@pytest.mark.parametrize("harm", [interrupted, without_interpreter, moved, without_pip])
def test_an_environment_that_is_not_whole_is_known(venv, harm):
    assert whole(venv)
    assert not whole(harm(venv))


@pytest.mark.slow
def test_an_environment_that_is_not_whole_is_made_anew(repository, venv):
    (interrupted(venv) / "left over").touch()
    told = failing(repository, NOTHING, PIP_NO_INDEX="1").splitlines()
    assert told[0] == "av-workflow: removing .venv: its set-up was interrupted, it was moved, or its Python is gone"
    assert told[1].startswith(f"av-workflow: making .venv with Python {PYTHON} (")
    assert not (venv / "left over").exists()
    assert whole(venv)


def test_one_that_is_whole_is_kept(repository, venv):
    (venv / "kept").touch()
    assert failing(repository, NOTHING, PIP_NO_INDEX="1").startswith("av-workflow: installing ")
    assert (venv / "kept").exists()


def test_a_killed_pip_leaves_a_mark(repository, venv):
    (next(venv.glob("lib/*/site-packages")) / "sitecustomize.py").write_text(
        "import os, sys\nif 'install' in sys.orig_argv: os.kill(os.getpid(), 9)\n"
    )
    assert failing(repository, "").splitlines()[-1] == "av-workflow: pip failed, see above."
    assert (venv / ".unfinished").exists()


def test_an_interrupted_set_up_says_so_and_leaves_a_mark(repository, venv, tmp_path):
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    (next(venv.glob("lib/*/site-packages")) / "sitecustomize.py").write_text(
        "import signal, sys\n"
        f"if 'install' in sys.orig_argv:\n    open({str(begun)!r}, 'w').close()\n    signal.pause()\n"
    )
    process = subprocess.Popen(
        [repository / "scripts" / "set_up", "local"],
        env=os.environ | {"PYTHON": sys.executable},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    begun.read_text()  # until pip is there
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    told = process.communicate()[1]
    assert process.returncode == 130
    assert told.splitlines()[-1] == "av-workflow: interrupted. The next make starts again."
    assert (venv / ".unfinished").exists()


# ---------------------------------------------------------------- by way of make
def made(repository, *arguments):
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )


def test_make_mends_an_environment_that_is_done_and_no_longer_whole(repository):
    (repository / "scripts" / "set_up").write_text('#!/bin/sh\n[ "$1" = usable ] || echo "set up $1"\n')
    (repository / ".venv").mkdir()
    (repository / ".venv" / ".local").touch()
    done = made(repository, ".venv/.dev")
    assert done.stdout == "set up local\nset up dev\n"


def test_make_leaves_what_is_whole_alone(repository):
    (repository / "scripts" / "set_up").write_text('#!/bin/sh\n[ "$1" = usable ] && echo yes || echo "set up $1"\n')
    (repository / ".venv").mkdir()
    for name in (".local", ".dev"):
        (repository / ".venv" / name).touch()
    done = made(repository, ".venv/.dev")
    assert "set up" not in done.stdout


# ---------------------------------------------------------------- the figures
@pytest.mark.skipif(platforms.this_platform() is not PLATFORMS[0], reason="measured on Linux x86-64")
@pytest.mark.parametrize("name", ["local", "dev"])
def test_the_size_that_is_told_is_right(name):
    packages = pinned(FOLDER / f"{name}.txt", PLATFORMS[0], PYTHON)
    if name != "local":
        packages = packages.keys() - pinned(FOLDER / "local.txt", PLATFORMS[0], PYTHON).keys()
    files = [path.locate() for package in packages for path in importlib.metadata.files(package)]
    size = sum(file.stat().st_size for file in files if file.exists()) / 1e6
    assert ENVIRONMENTS[name].disk == pytest.approx(size, rel=0.25)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Collecting av==18.1.0 (from -r requirements/local.txt (line 12))\n", "fetching av"),
        ("  Downloading opencv_python_headless-5.0.0.93-cp37-abi3-x.whl (57.8 MB)\n",
         "fetching opencv_python_headless (57.8 MB)"),
        ("Installing collected packages: zipp, av\n", "unpacking all of it …"),
        ("Requirement already satisfied: av in .venv\n", None),
    ],
)  # fmt: skip
def test_what_pip_is_at_is_told_in_few_words(line, said):
    assert doing(line) == said
