"""How right speech is recognised in several languages: `python -m benchmarks.languages`.

The telephone prompts of Debian's packages asterisk-core-sounds-*: real voices, 16 kHz, with their texts. apt-get
downloads the packages into a folder of their own, and does not install them.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg

from avflow import speech
from avflow.models.store import ModelStore
from benchmarks.common import Result, command_line
from benchmarks.speech import differences, normalised

#: by ISO 639-1 code: the language, and the folder of its voice in Debian's packages
VOICES = {
    "en": ("English", "en_US_f_Allison"),
    "es": ("Spanish", "es_MX_f_Allison"),
    "fr": ("French", "fr_CA_f_June"),
    "it": ("Italian", "it_IT_m_Carlo"),
    "ru": ("Russian", "ru_RU_f_IvrvoiceRU"),
}
#: prompts of whole sentences, with few digits: Whisper writes "1" for "one"
PROMPTS = ("demo-abouttotry", "demo-congrats", "demo-echotest", "demo-nogo", "dir-intro", "tt-allbusy")
QUICK_PROMPTS = ("demo-nogo",)
MODELS = ("whisper-base", "whisper-tiny.en")


def prompts(language: str, names: tuple[str, ...], folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A WAV file of each prompt, and the words said in it."""
    packages = [f"asterisk-core-sounds-{language}", f"asterisk-core-sounds-{language}-g722"]
    subprocess.run(
        ["apt-get", "--quiet=2", "--option=APT::Sandbox::User=root", "download", *packages], cwd=folder, check=True
    )
    for archive in folder.glob(f"asterisk-core-sounds-{language}*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(archive), str(folder)], check=True)
    texts = folder / "usr" / "share" / "doc" / packages[0] / f"core-sounds-{language}.txt.gz"
    with gzip.open(texts, "rt", encoding="utf-8", errors="replace") as lines:
        said = dict(found.groups() for line in lines if (found := re.match(r"([\w/-]+):\s*(.+)", line.strip())))
    for name in names:
        sound = folder / "usr" / "share" / "asterisk" / "sounds" / VOICES[language][1] / f"{name}.g722"
        wav = folder / f"{language}-{name}.wav"
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "g722", "-i", str(sound)]
        subprocess.run([*argv, "-ar", "16000", "-c:a", "pcm_s16le", str(wav)], check=True)
        yield wav, normalised(said[name])


def measure(names: tuple[str, ...], folder: Path, result: Result) -> None:
    """Each model on each language."""
    store = ModelStore()
    engines = {name: speech.open_engine(name, store) for name in MODELS}
    for language, (called, _) in VOICES.items():
        sounds = list(prompts(language, names, folder))
        words = sum(len(said) for _, said in sounds)
        for name, engine in engines.items():
            heard = [(engine.transcribe(wav), said) for wav, said in sounds]
            if not any(transcript.words for transcript, _ in heard):
                warnings = sum(bool(transcript.notices) for transcript, _ in heard)
                result.row(
                    f"{name}, {called}, {words} words", f"no words, {warnings} warnings in {len(heard)}", "files"
                )
                continue
            errors = sum(differences(said, normalised(transcript.text)) for transcript, said in heard)
            result.row(f"{name}, {called}, {words} words: word error rate", 100 * errors / words, "%")


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=1).parse_args()
    result = Result("Languages: telephone prompts of real voices", quick=options.quick)
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        with tempfile.TemporaryDirectory() as name:
            measure(QUICK_PROMPTS if options.quick else PROMPTS, Path(name), result)
    else:
        result.notes.append("Not measured: the prompts are in packages of Debian, and this machine has no apt-get.")
    result.notes.append(
        "Voices and texts are those of asterisk-core-sounds-* 1.6.1. Digits for words, names and spelling count as "
        "errors. `whisper-tiny.en` knows English only."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
