"""The results of `avflow.process`: the files of one input, made by the code of the Merge step, in the user's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avflow.api.annotating import Drawing, Picture
from avflow.api.results import Processed, Transcription
from avflow.api.work import Work
from avflow.ffmpeg import written_whole
from avflow.filenames import printable
from avflow.isolation.permissions import font_folders
from avflow.isolation.worker import MediaWorker
from avflow.media import Media, Notice
from avflow.media_work.merge_requests import BoxedFile, Render
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
    burnt:
        Whether subtitles are drawn into the frames.
    """

    media: Media
    picture: Picture
    drawing: Drawing
    annotated: Annotated | None
    said: tuple[Transcription, Spoken] | None
    burnt: bool

    @property
    def track(self) -> Spoken | None:
        """The subtitles, if there are any."""
        return self.said[1] if self.said and self.said[1].cues else None


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
        made, seen = _of_picture(work, found, self.suffixes) if found.annotated else ({}, None)
        if found.said:
            files = found.said[1].files
            made |= {what: files[suffix] for what, suffix in self.suffixes.items() if suffix in files}
        done = _processed(found, {what: self.paths[what] for what in made}, seen)
        if "page" in self.paths:
            made["page"] = work.place.taken / "page.html"
            write_page(self._content(work, found, done, made, seen), made["page"])
        for what, path in made.items():
            with written_whole(self.paths[what]) as partial:
                shutil.copyfile(path, partial)
        return _processed(found, {what: self.paths[what] for what in made}, seen)

    def _content(
        self, work: Work, found: Found, done: Processed, made: Mapping[str, Path], picture: _Seen | None
    ) -> Any:
        stream = found.picture.stream
        seen = None
        if picture and stream:
            size, counts = (stream.width, stream.height), (done.objects, done.frames_with, done.unique)
            seen = page.Seen(size, stream.nominal_rate, *counts, picture.presence)
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
            burnt=found.burnt and "mp4" in made,
        )


@dataclass(frozen=True)
class _Seen:
    """The tracks, when each class is seen, and what the user should know about what is drawn."""

    tracked: Tracked
    presence: Presence
    notices: tuple[Notice, ...] = ()


def _of_picture(work: Work, found: Found, wanted: Mapping[str, str]) -> tuple[dict[str, Path], _Seen]:
    """The videos, detections and still pictures by what they are."""
    stream, annotated, place = found.picture.stream, found.annotated, work.place
    assert stream is not None
    assert annotated is not None
    # a media process reads what is in `inputs`
    presence, lines = (
        Presence(annotated.frames),
        (place.inputs if found.drawing.late else place.taken) / "tracked.jsonl",
    )
    seconds = float(annotated.frames / stream.nominal_rate)
    detections = [place.take("detections.jsonl")]
    tracked = track_file(detections, lines, seconds=seconds, see=presence.add, report=work.report)
    made, seen = {"detections": lines}, _Seen(tracked, presence)
    names = {what: wanted[what].removeprefix(".") for what in ("video", "mp4") if what in wanted}
    if found.media.audio is None and not found.drawing.late:
        made |= {what: place.take(f"boxed.{name}") for what, name in names.items()}
        names = {}
    if not names and "thumbnail" not in wanted:
        return made, seen
    with work.worker("merge") as worker:
        if found.drawing.late:
            seen = replace(seen, notices=_render(work, worker, found, lines))
        made |= _joined(work, worker, found, names)
        if "thumbnail" in wanted:
            taken = place.take("pictures.zip", place.inputs)
            if pictures := videos.pictures(worker, [taken], place.work):
                made["thumbnail"] = place.take(pictures.thumbnail.name)
                made["contact_sheet"] = place.take(pictures.contact_sheet.name)
    return made, seen


def _joined(work: Work, worker: MediaWorker, found: Found, names: Mapping[str, str]) -> dict[str, Path]:
    """The annotated videos with the audio of the file, if it has any."""
    stream, annotated, place = found.picture.stream, found.annotated, work.place
    assert stream is not None
    assert annotated is not None
    if found.media.audio is None:
        return {what: place.take(f"boxed.{name}") for what, name in names.items()}
    made = {}
    for what, name in names.items():
        target = place.work / f"result.{name}"
        track = None
        if what == "mp4" and found.track and not found.burnt:
            track = videos.Track(_subtitles(work, found.track), found.track.language)
        videos.join(
            worker,
            [BoxedFile(str(place.work / f"boxed.{name}"), annotated.frames)],
            stream.nominal_rate,
            videos.Sound(work.source, found.media),
            target,
            subtitles=track,
            report=work.report,
        )
        made[what] = place.take(target.name)
    return made


def _render(work: Work, worker: MediaWorker, found: Found, detections: Path) -> tuple[Notice, ...]:
    """Draw the boxes with what is known now, into the files that `annotated` has left out."""
    stream, annotated, drawing, made = found.picture.stream, found.annotated, found.drawing, work.place.work
    assert stream is not None
    assert annotated is not None
    subtitles = _subtitles(work, found.track) if found.burnt and found.track else None
    request = Render(
        str(found.picture.source),
        stream,
        str(detections),
        annotated.class_ids,
        str(made / "boxed.avi"),
        str(made / "boxed.mp4") if drawing.mp4 else None,
        str(made / "pictures.zip") if drawing.pictures else None,
        drawing.labels,
        drawing.color_space,
        str(subtitles) if subtitles else None,
        tuple(map(str, font_folders())) if subtitles else (),
    )
    return videos.font_notices(worker.do(request, work.report))


def _subtitles(work: Work, spoken: Spoken) -> Path:
    """The subtitles where the media process can read them."""
    copy = work.place.inputs / "subtitles.srt"
    shutil.copyfile(spoken.files[".srt"], copy)
    return copy


def _processed(found: Found, paths: Mapping[str, Path], seen: _Seen | None) -> Processed:
    annotated, said = found.annotated, found.said[0] if found.said else None
    notices = (
        *found.media.notices,
        *(annotated.notices if annotated else ()),
        *(said.notices if said else ()),
        *(seen.notices if seen else ()),
    )
    return Processed(
        **paths,
        media=found.media,
        converted_because=found.picture.converted_because,
        frames=annotated.frames if annotated else 0,
        objects=annotated.objects if annotated else {},
        frames_with=annotated.frames_with if annotated else {},
        unique=seen.tracked.unique if seen else {},
        transcription=said,
        notices=tuple(dict.fromkeys(notices)),
    )
