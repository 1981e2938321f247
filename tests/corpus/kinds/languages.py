"""Speech that isn't English, and English by several voices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, FLAC, Film, record, spoken, stereo
from tests.corpus.kinds.common import GARDEN, MILK, TRAIN

#: by espeak-ng's voice: the language, and two sentences in it
SENTENCES = {
    "fr": (
        "French",
        "Bonjour tout le monde, et bienvenue dans notre jardin.",
        "Le train pour Paris part à sept heures du soir.",
    ),
    "de": (
        "German",
        "Guten Morgen zusammen, und willkommen in unserem Garten.",
        "Der Zug nach Berlin fährt um sieben Uhr abends.",
    ),
    "es": (
        "Spanish",
        "Buenos días a todos, y bienvenidos a nuestro jardín.",
        "El tren a Madrid sale a las siete de la tarde.",
    ),
    "it": (
        "Italian",
        "Buongiorno a tutti, e benvenuti nel nostro giardino.",
        "Il treno per Roma parte alle sette di sera.",
    ),
    "pt-br": (
        "Portuguese",
        "Bom dia a todos, e bem-vindos ao nosso jardim.",
        "O trem para Recife parte às sete da noite.",
    ),
    "nl": ("Dutch", "Goedemorgen allemaal, en welkom in onze tuin.", "De trein naar Utrecht vertrekt om zeven uur."),
    "sv": (
        "Swedish",
        "God morgon allihopa, och välkomna till vår trädgård.",
        "Tåget till Stockholm går klockan sju på kvällen.",
    ),
    "pl": (
        "Polish",
        "Dzień dobry wszystkim, i witamy w naszym ogrodzie.",
        "Pociąg do Warszawy odjeżdża o siódmej wieczorem.",
    ),
    "cs": ("Czech", "Dobré ráno všem, a vítejte v naší zahradě.", "Vlak do Prahy odjíždí v sedm hodin večer."),
    "ru": ("Russian", "Доброе утро всем, и добро пожаловать в наш сад.", "Поезд в Москву отправляется в семь вечера."),
    "tr": ("Turkish", "Herkese günaydın, ve bahçemize hoş geldiniz.", "İstanbul treni akşam saat yedide kalkıyor."),
    "fi": (
        "Finnish",
        "Hyvää huomenta kaikille, ja tervetuloa puutarhaamme.",
        "Juna Helsinkiin lähtee kello seitsemän illalla.",
    ),
    "hu": ("Hungarian", "Jó reggelt mindenkinek, és üdvözöljük a kertünkben.", "A vonat Budapestre este hétkor indul."),
    "el": ("Greek", "Καλημέρα σε όλους, και καλώς ήρθατε στον κήπο μας.", "Το τρένο για την Αθήνα φεύγει στις επτά."),
    "hi": ("Hindi", "सभी को सुप्रभात, और हमारे बगीचे में आपका स्वागत है।", "दिल्ली की ट्रेन शाम को सात बजे चलती है।"),
}
#: espeak-ng's voices of English
VOICES = {"en": "British", "en-gb-scotland": "Scottish", "en-gb-x-rp": "Southern", "en-us-nyc": "New York"}
SAID = {0.4: GARDEN, 5.0: TRAIN, 10.0: MILK}
SECONDS = 14.5


def _says(sentences: dict[float, str], voice: str, suffix: str = "flac") -> Callable[[Path], Path]:
    audio = FLAC if suffix == "flac" else AAC
    return lambda folder: record(
        folder / f"sound.{suffix}", Film(), None, audio, samples=stereo(spoken(sentences, SECONDS, voice))
    )


FOREIGN = tuple(
    Case(
        f"language-{voice}",
        f"{name}, with a model that knows English only",
        _says({0.4: first, 7.5: second}, voice),
        Right(video=False, said={}, warns="English|language"),
        quick=voice == "de",
    )
    for voice, (name, first, second) in SENTENCES.items()
)

ENGLISH = tuple(
    Case(
        f"language-{voice}",
        f"{name} English",
        _says(SAID, voice, "m4a"),
        Right(video=False, said=SAID, said_within=0.8, warns=""),
    )
    for voice, name in VOICES.items()
)

KIND = Kind(
    "Languages",
    "A model that knows English only writes nothing of another language, and warns; English stays English.",
    (*FOREIGN, *ENGLISH),
)
