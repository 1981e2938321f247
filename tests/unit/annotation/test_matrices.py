"""The detector and the drawing take the colours of a conversion, an AVI, for what they are in the upload."""

import numpy as np
import pytest

from avflow.annotation.pipeline import Extras, annotate_video
from avflow.detection.letterbox import Letterbox
from avflow.media import probe
from tests.media_samples import ffmpeg, lavfi
from tests.number_reader import NumberReader

GREEN = (30, 160, 40)


class Looks(NumberReader):
    """A detector that finds nothing and keeps the mean colours of its input: red, green, blue, 0 to 255."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def preprocess(self, frame):
        self.seen.append(255 * Letterbox.fit(frame.size, (64, 64)).blob(frame).mean(axis=(1, 2)))
        return 0

    def postprocess(self, heads, frame_size):
        return []


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_a_detector_sees_the_matrix_of_the_upload(tmp_path, matrix):
    colour = "0x" + bytes(GREEN).hex()
    source = tmp_path / "converted.avi"
    picture = f"color=c={colour}:s=64x64:r=10:d=0.3,format=rgb24,scale=out_color_matrix={matrix},format=yuv420p"
    ffmpeg(*lavfi(picture), "-c:v", "mpeg4", "-q:v", "1", source)
    stream = probe(source).video
    assert stream.color_space == "unknown", "an AVI does not tell it"
    detector = Looks()
    outputs = tmp_path / "boxed.avi", tmp_path / "found.jsonl"
    annotate_video(source, stream, detector, *outputs, extras=Extras(color_space=matrix))
    assert len(detector.seen) == 3
    assert np.array(detector.seen) == pytest.approx(np.array([GREEN] * 3), abs=4)
