"""The results of `avflow.process`: the files of one input, made by the code of the Merge step, in the user's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avflow.api.annotating import Picture
from avflow.api.results import Processed, Transcription
from avflow.api.work import Work
from avflow.ffmpeg import written_whole
from avflow.filenames import printable
from avflow.media import Media
from avflow.media_work.merge_requests import BoxedFile
from avflow.media_work.requests import Annotated
from avflow.page import PageFile, Presence
from avflow.page import write as write_page
from avflow.results import page, videos
from avflow.results.names import OF_ALL, OF_AUDIO, OF_VIDEO, WORDS
from avflow.results.spoken import Spoken
from avflow.tracking import Tracked, track_file


@dataclass(frozen=True)
class Found:
    """What was found in a file.

    Parameters
    ----------
    annotated:
        The detections; None without video.
    said:
        What is said, and in what files; None without audio.
    """

    media: Media
    picture: Picture
    annotated: Annotated | None
    said: tuple[Transcription, Spoken] | None


@dataclass(frozen=True)
class Targets:
    """The paths of the results that are wanted, by what they are: names of fields of `Processed`."""

    paths: Mapping[str, Path]
    suffixes: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, video: Path, outputs: tuple[str, ...]) -> Targets:
        """In a folder, which is made.

        Raises
        ------
        FileExistsError, OSError
        """
        folder.mkdir(parents=True, exist_ok=True)
        of_outputs = {**OF_VIDEO, **OF_AUDIO, **OF_ALL}
        suffixes = {what: suffix for each in outputs for what, suffix in of_outputs[each].items()}
        paths = {what: folder / f"{video.stem}{suffix}" for what, suffix in suffixes.items()}
        for path in paths.values():
            if path.exists() and path.samefile(video):
                raise FileExistsError(f"{printable(str(path))} is the video itself: choose another folder with out=…")
        return cls(paths, suffixes)

    def publish(self, work: Work, found: Found) -> Processed:
        """Make the results that need both picture and sound, and put all of them in their places."""
        made, tracked, presence = _of_picture(work, found, self.suffixes) if found.annotated else ({}, None, None)
        if found.said:
            files = found.said[1].files
            made |= {what: files[suffix] for what, suffix in self.suffixes.items() if suffix in files}
        done = _processed(found, {what: self.paths[what] for what in made}, tracked)
        if "page" in self.paths:
            made["page"] = work.place.taken / "page.html"
            write_page(self._content(work, found, done, made, presence), made["page"])
        for what, path in made.items():
            with written_whole(self.paths[what]) as partial:
                shutil.copyfile(path, partial)
        return _processed(found, {what: self.paths[what] for what in made}, tracked)

    def _content(
        self, work: Work, found: Found, done: Processed, made: Mapping[str, Path], presence: Presence | None
    ) -> Any:
        stream = found.picture.stream
        seen = None
        if found.annotated and stream:
            size, counts = (stream.width, stream.height), (done.objects, done.frames_with, done.unique)
            seen = page.Seen(size, stream.nominal_rate, *counts, presence)
        suffixes = {self.suffixes[what]: what for what in made if what != "page"}
        return page.content(
            printable(work.real.name),
            found.media.duration,
            {
                suffix: PageFile(self.paths[what].name, WORDS[suffix], made[what].stat().st_size)
                for suffix, what in suffixes.items()
            },
            seen=seen,
            said=page.Said(found.said[1].cues, found.said[1].language) if found.said else None,
            notices=done.notices,
        )


def _of_picture(work: Work, found: Found, wanted: Mapping[str, str]) -> tuple[dict[str, Path], Tracked, Presence]:
    """The videos, detections and still pictures by what they are, the tracks, and when each class is seen."""
    stream, annotated, place = found.picture.stream, found.annotated, work.place
    assert stream is not None
    assert annotated is not None
    presence, lines = Presence(annotated.frames), place.taken / "tracked.jsonl"
    seconds = float(annotated.frames / stream.nominal_rate)
    detections = [place.take("detections.jsonl")]
    tracked = track_file(detections, lines, seconds=seconds, see=presence.add, report=work.report)
    made = {"detections": lines}
    names = {what: wanted[what].removeprefix(".") for what in ("video", "mp4") if what in wanted}
    if found.media.audio is None:
        made |= {what: place.take(f"boxed.{name}") for what, name in names.items()}
        names = {}
    if not names and "thumbnail" not in wanted:
        return made, tracked, presence
    with work.worker("merge") as worker:
        for what, name in names.items():
            target = place.work / f"result.{name}"
            videos.join(
                worker,
                [BoxedFile(str(place.work / f"boxed.{name}"), annotated.frames)],
                stream.nominal_rate,
                videos.Sound(work.source, found.media),
                target,
                subtitles=_track(work, found) if what == "mp4" else None,
                report=work.report,
            )
            made[what] = place.take(target.name)
        if "thumbnail" in wanted:
            taken = place.take("pictures.zip", place.inputs)
            if pictures := videos.pictures(worker, [taken], place.work):
                made["thumbnail"] = place.take(pictures.thumbnail.name)
                made["contact_sheet"] = place.take(pictures.contact_sheet.name)
    return made, tracked, presence


def _track(work: Work, found: Found) -> videos.Track | None:
    """The subtitles where the media process can read them."""
    if not found.said or not found.said[1].cues:
        return None
    copy = work.place.inputs / "subtitles.srt"
    shutil.copyfile(found.said[1].files[".srt"], copy)
    return videos.Track(copy, found.said[1].language)


def _processed(found: Found, paths: Mapping[str, Path], tracked: Tracked | None) -> Processed:
    annotated, said = found.annotated, found.said[0] if found.said else None
    notices = (
        *found.media.notices,
        *(annotated.notices if annotated else ()),
        *(said.notices if said else ()),
    )
    return Processed(
        **paths,
        media=found.media,
        converted_because=found.picture.converted_because,
        frames=annotated.frames if annotated else 0,
        objects=annotated.objects if annotated else {},
        frames_with=annotated.frames_with if annotated else {},
        unique=tracked.unique if tracked else {},
        transcription=said,
        notices=tuple(dict.fromkeys(notices)),
    )
