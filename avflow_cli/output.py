"""The folder for the results. Files in it that are not results of av-workflow are never touched."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from avflow.errors import AvflowError
from avflow.filenames import folded
from avflow.workflow.layout import RESULT_SUFFIXES, VideoRef

SUFFIXES = (*RESULT_SUFFIXES, ".json")


class OutputUnusable(AvflowError):
    """The folder for the results can't be written, or a result would replace a file of the user's."""

    advice = "Choose another folder: make run OUT=folder."
    exit_code = os.EX_CANTCREAT


class Output:
    """The folder for one video's results.

    Raises
    ------
    OutputUnusable
        The folder can't be written, or a result would replace a file that is not a result, or the result of a video
        with another name.
    """

    def __init__(self, folder: Path, video: Path) -> None:
        self.folder = folder
        self._stem = video.stem
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise OutputUnusable(f"Results can't be written to {folder}: {error.strerror}.") from error
        if any(path.exists() and path.samefile(video) for path in self._targets()):
            raise OutputUnusable(f"The result would replace the video itself, {video}.")
        foreign = [path.name for path in self._targets() if path.exists()]
        if foreign and not self._reports():
            names = ", ".join(foreign)
            raise OutputUnusable(f"{folder} has {names}, not written by av-workflow, which would be replaced.")
        self._require_own_names()

    def fetch(self, s3: Any, video: VideoRef) -> list[Path]:
        """Download the results. Returns their paths.

        If the run succeeded, results of an earlier run that this one doesn't have are removed. If it failed, they stay,
        as on AWS.
        """
        listing = s3.list_objects_v2(Bucket=video.bucket, Prefix=video.result(""))
        keys = {found["Key"] for found in listing.get("Contents", [])}
        succeeded = video.result(".json") in keys
        files = []
        for suffix, target in zip(SUFFIXES, self._targets(), strict=True):
            if video.result(suffix) in keys:
                s3.download_file(video.bucket, video.result(suffix), str(target))
                files.append(target)
            elif succeeded:
                target.unlink(missing_ok=True)
        return files

    def _targets(self) -> list[Path]:
        return [self.folder / (self._stem + suffix) for suffix in SUFFIXES]

    def _require_own_names(self) -> None:
        """Refuse to replace the results of a video whose name is the same on a file system that ignores case."""
        for stem in map(_stem_of, self._reports()):
            if stem != self._stem and folded(stem) == folded(self._stem):
                raise OutputUnusable(
                    f"{self.folder} has the results of {stem!a}, which is the same name as {self._stem!a} on this file "
                    f"system. They would be replaced."
                )

    def _reports(self) -> list[dict[str, Any]]:
        """The manifest and the error report of earlier runs."""
        reports = []
        for suffix in (".json", ".error.json"):
            try:
                found = json.loads((self.folder / (self._stem + suffix)).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict) and {"schema", "execution"} <= found.keys():
                reports.append(found)
        return reports


def _stem_of(report: dict[str, Any]) -> str:
    """The name, without suffix, of the video of a manifest or an error report; empty if it doesn't say."""
    source = report.get("source")
    key = source.get("key") if isinstance(source, dict) else report.get("video")
    return PurePosixPath(str(key or "").rpartition("/")[2]).stem
