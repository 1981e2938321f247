"""The languages that a speech model knows. It imports nothing heavy."""

from __future__ import annotations

from avflow.media.tracks.languages import normalised
from avflow.models.store import ModelStore

#: Whisper's codes (openai/whisper, `tokenizer.py`): ISO 639-1, but `haw` (Hawaiian) and the older `jw` (Javanese).
#: Cantonese (`yue`) is left out, which only the largest models know
WHISPER: tuple[str, ...] = (
    *("af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en"),
    *("es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy", "id"),
    *("is", "it", "ja", "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk", "ml"),
    *("mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si"),
    *("sk", "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur"),
    *("uz", "vi", "yi", "yo", "zh"),
)
#: where Whisper's code is not the one of the standard
_WHISPERS = {"jv": "jw", "jav": "jw", "nb": "no", "iw": "he"}


def languages_of(model: str, store: ModelStore) -> tuple[str, ...]:
    """The languages that a speech model knows.

    Raises
    ------
    ModelUnknown
    """
    only = store.describe(model).only_language
    return WHISPER if only is None else (only,)


def whispers(language: str) -> str | None:
    """Whisper's code of a language in ISO 639-1, ISO 639-2 or BCP 47; None if it doesn't know the language.

    >>> [whispers(code) for code in ("de", "deu", "pt-BR", "jv", "tlh")]
    ['de', 'de', 'pt', 'jw', None]
    """
    code = normalised(language)
    code = _WHISPERS.get(code, code)
    return code if code in WHISPER else None
