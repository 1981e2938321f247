"""Which results there are: the words that choose them, their suffixes, and what each is.

This module imports nothing heavy.
"""

from __future__ import annotations

#: The results that the setting `Outputs` chooses, by its words: the suffix of each by what it is. The first two are
#: always there.
OF_VIDEO = {
    "avi": {"video": ".avi", "detections": ".detections.jsonl"},
    "mp4": {"mp4": ".mp4"},
    "jpg": {"thumbnail": ".jpg", "contact_sheet": ".contact.jpg"},
}
OF_AUDIO = {
    "srt": {"subtitles": ".srt"},
    "vtt": {"webvtt": ".vtt"},
    "txt": {"text": ".txt"},
    "json": {"transcript": ".transcript.json"},
}
OF_ALL = {"html": {"page": ".html"}}
ALWAYS = ("avi", "srt")
OUTPUTS = ("avi", "srt", "mp4", "vtt", "txt", "json", "jpg", "html")
#: what each result is, by its suffix, in the order of the page
WORDS = {
    ".mp4": "the video with its boxes, to play anywhere",
    ".avi": "the video with its boxes, as the original workflow wrote it",
    ".srt": "subtitles",
    ".vtt": "subtitles for web pages",
    ".txt": "the transcript as text",
    ".transcript.json": "the transcript with the time of each word",
    ".detections.jsonl": "the objects on each frame",
    ".jpg": "a picture of the video",
    ".contact.jpg": "pictures of the whole video on one sheet",
    ".json": "the manifest: what was done, where and with what",
}


def outputs_of(text: str) -> tuple[str, ...]:
    """The outputs that a list with commas names, and those that are always there, in the order of `OUTPUTS`.

    >>> outputs_of("mp4, srt")
    ('avi', 'srt', 'mp4')

    Raises
    ------
    ValueError
        It names something else, or nothing.
    """
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= set(OUTPUTS):
        raise ValueError(f"it must be a list with commas of {', '.join(OUTPUTS)}")
    return tuple(name for name in OUTPUTS if name in (*ALWAYS, *names))
