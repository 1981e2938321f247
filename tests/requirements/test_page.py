"""docs/platforms.md says what is declared and locked."""

from scripts.lock import FOLDER
from scripts.platforms import EVERYWHERE, IMAGES
from scripts.platforms_page import PAGE, written


def test_the_page_is_as_make_lock_writes_it():
    assert PAGE.read_text(encoding="utf-8") == written()


def test_every_requirements_file_has_its_platforms():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*EVERYWHERE, *IMAGES}
