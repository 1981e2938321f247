"""The suffixes of a complete run's results, with all that the setting Outputs chooses by default."""

OF_VIDEO = {".avi", ".mp4", ".detections.jsonl", ".jpg", ".contact.jpg", ".html"}
OF_AUDIO = {".srt", ".vtt", ".txt", ".transcript.json", ".html"}
SILENT = OF_VIDEO | {".json"}
ALL = SILENT | OF_AUDIO


def named(stem: str, suffixes: set[str] = ALL) -> set[str]:
    """The file names of the results of a video."""
    return {stem + suffix for suffix in suffixes}
