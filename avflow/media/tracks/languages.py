"""Compares the languages of audio streams: containers use ISO 639-2, people often ISO 639-1."""

from __future__ import annotations

import re

#: ISO 639-1 and the codes of ISO 639-2 (terminological and bibliographic) that do not begin with it, or that others
#: begin with too
_CODES = """
ar ara|be bel|bg bul|bn ben|bs bos|ca cat|cs ces cze|cy cym wel|da dan|de deu ger|el ell gre|en eng|es spa|et est
eu eus baq|fa fas per|fi fin|fr fra fre|ga gle|gl glg|gu guj|he heb|hi hin|hr hrv|hu hun|hy hye arm|id ind|is isl ice
it ita|ja jpn|ka kat geo|kk kaz|km khm|kn kan|ko kor|la lat|lt lit|lv lav|mk mkd mac|ml mal|mn mon|mr mar|ms msa may
mt mlt|my mya bur|ne nep|nl nld dut|no nor nob nno nb nn|pa pan|pl pol|ps pus|pt por|ro ron rum|ru rus|si sin|sk slk slo
sl slv|so som|sq sqi alb|sr srp|sv swe|sw swa|ta tam|te tel|th tha|tl tgl|tr tur|uk ukr|ur urd|uz uzb|vi vie|yi yid
zh zho chi|zu zul
"""
_SHORT = {
    code: codes[0]
    for codes in (entry.split() for entry in _CODES.replace("\n", "|").split("|") if entry.strip())
    for code in reversed(codes)
}

#: more languages that are recognised, whose codes of ISO 639-2 begin with that of ISO 639-1
_MORE_CODES = """
af afr|am amh|as asm|az aze|ba bak|bo bod|br bre|fo fao|gu guj|ha hau|ht hat|jv jav|jw jav|ka kat|lb ltz|ln lin|lo lao
mg mlg|mi mri|nn nno|oc oci|pa pan|sa san|sd snd|sn sna|su sun|tg tgk|tk tuk|tt tat|yo yor|ga gle
"""
#: the three letters of ISO 639-2 (terminological) by those of ISO 639-1
_LONG = {
    codes[0]: codes[1]
    for codes in (
        entry.split() for entry in (_CODES + _MORE_CODES).replace("\n", "|").split("|") if len(entry.split()) > 1
    )
}


def three_letters(language: str | None) -> str:
    """The code of ISO 639-2 of a language, as MP4 stores it; `und` if it has none.

    >>> three_letters("de"), three_letters("yue"), three_letters("pt-BR"), three_letters(None), three_letters("xx")
    ('deu', 'yue', 'por', 'und', 'und')
    """
    code = normalised(language)
    return _LONG.get(code, code if re.fullmatch("[a-z]{3}", code) else "und")


def normalised(language: str | None) -> str:
    """The shortest code of a language; an empty text if the language is undetermined.

    >>> normalised("ger"), normalised("deu"), normalised("de-AT"), normalised("und"), normalised("gsw")
    ('de', 'de', 'de', '', 'gsw')
    """
    code = (language or "").strip().lower().replace("_", "-").split("-")[0]
    return "" if code in ("und", "unk", "mis", "mul", "zxx", "qaa") else _SHORT.get(code, code)


#: what selects an audio stream: nothing, the index of a stream, or a language (BCP 47)
SELECTOR = r"[0-9]{0,4}|[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*"


def is_selector(text: str) -> bool:
    """Whether a text can be the setting `AudioTrack`.

    >>> is_selector(""), is_selector("2"), is_selector("pt-BR"), is_selector("English")
    (True, True, True, False)
    """
    return bool(re.fullmatch(SELECTOR, text))
