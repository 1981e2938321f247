"""PocketSphinx (Huggins-Daines et al., ICASSP 2006), the engine of the original audio2srt."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder, Endpointer

from avflow.models.kinds import SpeechTask
from avflow.progress import Meter, Report, ignore
from avflow.speech import cannot_translate
from avflow.speech.transcript import Transcript, Utterance, Word
from avflow.speech.wav import SAMPLE_RATE, Samples, Wav, quietest

#: a longer utterance is cut at its quietest place
UTTERANCE_SECONDS = 30.0
#: seconds of non-speech that end an utterance. A shorter limit gives the language model too little context
_PAUSE_SECONDS = 1.0
_FRAMES_PER_SECOND = 100
_LANGUAGE = "en"


class PocketSphinxEngine:
    """PocketSphinx with its US English model: lower case, no punctuation, one core.

    Parameters
    ----------
    model:
        Folder with `en-us/`, `en-us.lm.bin` and `cmudict-en-us.dict`.
    """

    def __init__(self, model: Path) -> None:
        self._name = model.name
        self._decoder = Decoder(
            hmm=str(model / "en-us"),
            lm=str(model / "en-us.lm.bin"),
            dict=str(model / "cmudict-en-us.dict"),
            loglevel="FATAL",
        )

    def transcribe(
        self,
        wav: Path,
        report: Report = ignore,
        *,
        origin: float = 0.0,
        language: str | None = None,
        task: SpeechTask = "transcribe",
    ) -> Transcript:
        """See SpeechEngine.

        The endpointer detects speech in frames of 30 ms from the start of `wav`, and depends on the frames before. A
        span can begin at any sample, so its frames and utterances differ from those of the whole audio.
        """
        if task == "translate":
            raise cannot_translate(self._name)
        utterances = []
        # forget the noise level of the last file, so that a result depends on its own file only
        self._decoder.reinit_feat()
        with Wav(wav) as audio:
            meter = Meter("recognise speech", audio.duration, "seconds", report)
            meter.update(0.0)
            for start, samples in _utterances(audio):
                meter.update(start)  # no speech before
                if words := self._recognise(start, samples):
                    utterances.append(Utterance(words))
                meter.update(start + len(samples) / SAMPLE_RATE)
            meter.update(audio.duration)
            return Transcript(tuple(utterances), audio.duration, _LANGUAGE if utterances else None)

    def language_of(self, spans: Iterable[tuple[float, Path]], report: Report = ignore) -> str | None:
        """See SpeechEngine."""
        return _LANGUAGE

    def _recognise(self, start: float, samples: Samples) -> tuple[Word, ...]:
        self._decoder.start_utt()
        # The whole utterance at once: then the cepstral mean is the utterance's own, not that of earlier ones.
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        return tuple(
            Word(
                start=start + part.start_frame / _FRAMES_PER_SECOND,
                end=start + (part.end_frame + 1) / _FRAMES_PER_SECOND,
                text=re.sub(r"\(\d+\)$", "", part.word),  # `a(2)` is the second pronunciation of `a`
                probability=min(1.0, float(part.prob)),
            )
            for part in self._decoder.seg() or ()
            if part.word[0] not in "<["  # silence and noises
        )


def _utterances(audio: Wav) -> Iterator[tuple[float, Samples]]:
    """The utterances, of 30 s at most, each with its start in seconds."""
    endpointer = Endpointer(window=_PAUSE_SECONDS, sample_rate=SAMPLE_RATE)
    longest = int(UTTERANCE_SECONDS * SAMPLE_RATE)
    start, spoken = 0.0, np.empty(0, np.int16)
    for frame, last in _frames(audio, endpointer.frame_bytes // 2):
        was_speaking = endpointer.in_speech
        data = endpointer.end_stream(frame.tobytes()) if last else endpointer.process(frame.tobytes())
        if data is None:
            continue
        if not was_speaking:
            start, spoken = endpointer.speech_start, np.empty(0, np.int16)
        spoken = np.concatenate([spoken, np.frombuffer(data, np.int16)])
        if last or not endpointer.in_speech:
            yield start, spoken
            spoken = np.empty(0, np.int16)
        elif len(spoken) >= longest:
            cut = quietest(spoken, longest // 2)
            yield start, spoken[:cut]
            start, spoken = start + cut / SAMPLE_RATE, spoken[cut:]


def _frames(audio: Wav, length: int) -> Iterator[tuple[Samples, bool]]:
    """The frames of `length` samples, each with whether it is the last."""
    count = math.ceil(audio.samples / length)
    for index, frame in enumerate(audio.blocks(length), start=1):
        yield frame, index >= count
