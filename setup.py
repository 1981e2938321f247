"""Puts into the wheel what the command line reads beside the packages in a checkout; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
#: `avflow_cli.where` finds them. requirements/sam.txt says with which SAM CLI the images are tested
FILES = (
    "template.yaml",
    "budget.yaml",
    "samconfig.toml",
    "statemachine/av_workflow.asl.yaml",
    "requirements/sam.txt",
    "samples/my_video.mkv",
    "samples/my_video.expected.json",
)


class BuildWithFiles(build_py):
    """Copies the files into the package `avflow_cli`, but not for an installation in place."""

    def run(self) -> None:
        """Build the packages, then add the files."""
        super().run()
        if self.editable_mode:
            return
        for name in FILES:
            target = Path(self.build_lib, "avflow_cli", "files", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)


setup(cmdclass={"build_py": BuildWithFiles})
