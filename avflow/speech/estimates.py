"""Estimate the times of words by their length, where they are not aligned with the audio.

Whisper itself gives each sentence a start and an end, and the voice detector knows where in between there is speech.
The words of a sentence share this speech in proportion to their width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from faster_whisper.tokenizer import Tokenizer  # type: ignore[import-untyped]
from faster_whisper.transcribe import Word, merge_punctuations  # type: ignore[import-untyped]

from avflow.speech.belief import Heard
from avflow.speech.subtitles import width
from avflow.speech.windows import Window

#: punctuation that is part of the word after or before it: the defaults of faster-whisper's alignment
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


def heard(segment: Any, window: Window, tokenizer: Tokenizer) -> Heard:
    """What faster-whisper heard in a segment of a window: the words that an alignment would have, at estimated times.

    Each word has the probability of the whole segment.
    """
    said = [text for text in _split(segment.tokens, tokenizer) if text.strip()]
    speech = window.speech_between(segment.start, segment.end) or [(segment.start, segment.end)]
    places = spread([max(1, width(text.strip())) for text in said], speech)
    probability = math.exp(min(0.0, segment.avg_logprob))
    words = [Word(start, end, text, probability) for text, (start, end) in zip(said, places, strict=True)]
    return Heard(words, segment.avg_logprob, segment.no_speech_prob, len(segment.tokens))


def spread(lengths: Sequence[int], stretches: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The start and the end of each of these lengths, if they share the stretches, which are starts and ends too."""
    seconds = sum(end - start for start, end in stretches)
    whole, done = sum(lengths), 0
    edges = [0.0]
    for length in lengths:
        done += length
        edges.append(seconds * done / whole)
    for start, end in pairwise(edges):
        yield _start(stretches, start), _end(stretches, end)


def _start(stretches: Sequence[tuple[float, float]], second: float) -> float:
    """Where a word begins that has `second` seconds of speech before it. Between two stretches: with the later one."""
    for start, end in stretches:
        if second < end - start:
            return start + second
        second -= end - start
    return stretches[-1][1]


def _end(stretches: Sequence[tuple[float, float]], second: float) -> float:
    """Where a word ends that has `second` seconds of speech up to its end. Between two stretches: with the earlier."""
    for start, end in stretches:
        if second <= end - start:
            return start + second
        second -= end - start
    return stretches[-1][1]


def _split(tokens: Sequence[int], tokenizer: Tokenizer) -> list[str]:
    """The words of the tokens with their punctuation and leading spaces, as faster-whisper's alignment has them."""
    of_text = [token for token in tokens if token < tokenizer.eot]
    texts, of_words = tokenizer.split_to_word_tokens([*of_text, tokenizer.eot])
    found = [{"word": text, "tokens": own} for text, own in zip(texts, of_words, strict=True)][:-1]
    merge_punctuations(found, _PREPENDED, _APPENDED)
    return [each["word"] for each in found]
