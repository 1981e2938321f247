"""The folder for the results. Files in it that are not results of av-workflow are never touched.

A video gets names in it by the same rule as in the bucket (lambdas/start/result_names.py): the results of another video
are not replaced, also of one that was processed by an earlier command.
"""

from __future__ import annotations

import json
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from avflow.filenames import folded, printable
from avflow.workflow.layout import RESULT_PREFIX, RESULT_SUFFIXES, START_PREFIX, VideoRef
from avflow_cli.fetching import OutputUnusable, fetched, sizes_of
from lambdas.start.claims import claim_key, owner_of
from lambdas.start.result_names import candidates, stem_of

LOG_SUFFIX = ".error.log"
#: what an earlier run may have written without a list of it
_OF_EVERY_VERSION = {".avi", ".detections.jsonl", ".srt", ".json", ".error.json", LOG_SUFFIX}
SUFFIXES = (*RESULT_SUFFIXES, ".json", LOG_SUFFIX)


class Output:
    """The folder for one video's results.

    Parameters
    ----------
    root:
        The folder for the results of all videos of a command.
    key:
        The key of the upload, whose path is kept under `root`. By default, that of a video without a path.
    claimed:
        The names that other videos of the same command have: the key of the upload by base. This video's is added.

    Raises
    ------
    OutputUnusable
        The folder can't be written, or a result would replace a file that is not a result, or the result of a video
        with another name.
    """

    def __init__(self, root: Path, video: Path, key: str | None = None, claimed: dict[str, str] | None = None) -> None:
        self._root = root
        self._key = key or START_PREFIX + video.name
        self._claimed = {} if claimed is None else claimed
        #: by base: the upload whose results have the names that this video would have got
        self._taken: dict[str, str] = {}
        self._base = next(
            base for base in candidates(self._key) if not self._is_taken(base) and not self._is_the_video(base, video)
        )
        place = self._place(self._base)
        self.folder, self._stem = place.parent, place.name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            where = printable(str(self.folder))
            raise OutputUnusable(f"Results can't be written to {where}: {error.strerror}.") from error
        if any(path.exists() and path.samefile(video) for path in self.targets):
            raise OutputUnusable(f"The result would replace the video itself, {printable(str(video))}.")
        own = self._own_suffixes()
        foreign = [
            path.name
            for suffix, path in zip(SUFFIXES, self.targets, strict=True)
            if suffix not in own and path.exists()
        ]
        if foreign:
            names = printable(", ".join(foreign))
            raise OutputUnusable(
                f"{printable(str(self.folder))} has {names}, not written by av-workflow, which would be replaced."
            )
        self._require_own_names()
        self._claimed[self._base] = self._key

    @property
    def manifest(self) -> Path:
        """The path of the manifest."""
        return self.folder / f"{self._stem}.json"

    @property
    def targets(self) -> list[Path]:
        """The paths that the results can have."""
        return [self.folder / (self._stem + suffix) for suffix in SUFFIXES]

    def is_newer_than(self, video: Path) -> bool:
        """Whether the folder has results of this video that are complete, and not older than the video."""
        try:
            return self.manifest.stat().st_mtime >= video.stat().st_mtime
        except OSError:
            return False

    def claim_names(self, s3: Any, bucket: str) -> None:
        """Tell the bucket which names the folder has for whom, so that this video gets the same name in both."""
        for base, owner in {**self._taken, self._base: self._key}.items():
            s3.put_object(Bucket=bucket, Key=claim_key(base), Body=json.dumps({"key": owner}).encode())

    def fetch(self, s3: Any, video: VideoRef) -> list[Path]:
        """Download the results. Returns their paths.

        If the run succeeded, results of an earlier run that this one doesn't have are removed. If it failed, they stay,
        as on AWS.

        Raises
        ------
        OutputUnusable
            A file can't be written.
        """
        keys = sizes_of(s3, video.bucket, video.result(""))
        succeeded = video.result(".json") in keys
        files = []
        for suffix, target in zip(SUFFIXES, self.targets, strict=True):
            if video.result(suffix) in keys:
                files.append(fetched(s3, video.bucket, video.result(suffix), target))
            elif succeeded:
                target.unlink(missing_ok=True)
        return files

    def keep_log(self, text: str) -> Path:
        """Write the log of the step that failed. Returns its path."""
        path = self.folder / (self._stem + LOG_SUFFIX)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        return path

    def _place(self, base: str) -> Path:
        """The path of the results of this base without their suffixes."""
        return self._root / base.removeprefix(RESULT_PREFIX)

    def _require_own_names(self) -> None:
        """Refuse to replace the results of a video whose name is the same on a file system that ignores case."""
        for name in map(_name_of, self._reports(self._base)):
            stem = name if folded(name) == folded(self._stem) else stem_of(name)
            if stem != self._stem and folded(stem) == folded(self._stem):
                raise OutputUnusable(
                    f"{printable(str(self.folder))} has the results of {stem!a}, which is the same name as "
                    f"{self._stem!a} on this file system. They would be replaced."
                )

    def _is_taken(self, base: str) -> bool:
        """Whether the folder has results of another video by this name. Then notes whose they are."""
        owner = self._claimed.get(base) or owner_of(self._reports(base), self._key)
        if owner is None or owner == self._key or _is_alike(owner, base):
            return False
        self._taken[base] = owner
        return True

    def _own_suffixes(self) -> set[str]:
        """The suffixes of the files that an earlier run has written, or may have: older versions listed none."""
        reports = self._reports(self._base)
        listed = [str(key) for report in reports for key in report.get("results") or ()]
        own = {suffix for suffix in RESULT_SUFFIXES if any(key.endswith(suffix) for key in listed)}
        return own | _OF_EVERY_VERSION if reports else set()

    def _is_the_video(self, base: str, video: Path) -> bool:
        """Whether the MP4 would replace the video itself, `my.mp4` in this folder. Then notes that it is taken."""
        place = self._place(base)
        target = place.with_name(place.name + ".mp4")
        if not (target.exists() and target.samefile(video)):
            return False
        self._taken[base] = f"{self._key} in the folder of its results"
        return True

    def _reports(self, base: str) -> list[dict[str, Any]]:
        """The manifest and the error report of earlier runs, the manifest first."""
        reports = []
        for suffix in (".json", ".error.json"):
            try:
                place = self._place(base)
                found = json.loads(place.with_name(place.name + suffix).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict) and {"schema", "execution"} <= found.keys():
                reports.append(found)
        return reports


def _is_alike(owner: str, base: str) -> bool:
    """Whether an upload would get the same base in another spelling: `_require_own_names` refuses that."""
    others = list(islice(candidates(owner), 2))
    return base not in others and folded(base) in map(folded, others)


def _name_of(report: dict[str, Any]) -> str:
    """The file name of the video of a manifest or an error report; empty if it doesn't say."""
    source = report.get("source")
    key = source.get("key") if isinstance(source, dict) else report.get("video")
    return str(key or "").rpartition("/")[2]
