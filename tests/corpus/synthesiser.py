"""Speech from espeak-ng, through the library that the package espeakng-loader ships (espeak-ng's speak_lib.h)."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h: samples go to the callback, before espeak_Synth returns
_BUFFER_MS = 200
_RATE_PARAMETER = 1  # espeakRATE, in words a minute
_CHARS_UTF8 = 1
_ON_SAMPLES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, int]:
    """The library, and its samples a second."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(Path(espeakng_loader.get_data_path())).encode()
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
        *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
    ]
    rate = library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, 0)
    assert rate > 0, f"espeak-ng has no data in {data!r}"
    return library, rate


@lru_cache(maxsize=100)
def speech(text: str, voice: str = "en-us", words_a_minute: int = 150) -> tuple[NDArray[np.float32], int]:
    """The samples of a sentence, -1 to 1, and their number a second."""
    library, rate = _library()
    blocks: list[bytes] = []

    def take(samples: object, count: int, _: object) -> int:
        if count:
            blocks.append(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
        return 0

    callback = _ON_SAMPLES(take)
    library.espeak_SetSynthCallback(callback)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, f"espeak-ng has no voice {voice}"
    library.espeak_SetParameter(_RATE_PARAMETER, words_a_minute, 0)
    said = text.encode()
    assert library.espeak_Synth(said, len(said) + 1, 0, 0, 0, _CHARS_UTF8, None, None) == 0
    return np.frombuffer(b"".join(blocks), np.int16).astype(np.float32) / 32768, rate
