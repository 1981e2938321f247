"""What an uploaded file is: its container, picture and sound, found without trusting a word of its header."""

from avflow.media.model import Media, Picture, Sound
from avflow.media.probing import probe
from avflow.media.reasons import conversion_reasons

__all__ = ["Media", "Picture", "Sound", "conversion_reasons", "probe"]
