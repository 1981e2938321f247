"""Where a picture lies in the network's input, and back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avflow.detection.letterbox import GREY, Letterbox
from avflow.video.yuv import YuvFrame, yuv_of

sides = st.integers(1, 5000)
inputs = st.sampled_from([32, 320, 416, 608])


@given(st.tuples(sides, sides), st.tuples(inputs, inputs), st.booleans())
def test_the_picture_fits_and_touches_two_sides(frame_size, input_size, keep_aspect):
    width, height = Letterbox.fit(frame_size, input_size, keep_aspect).scaled_size
    assert 1 <= width <= input_size[0]
    assert 1 <= height <= input_size[1]
    assert width == input_size[0] or height == input_size[1]
    if keep_aspect:  # to the pixel that Darknet cuts off, or the one that is left of a hair
        expected = min(input_size[0] / frame_size[0], input_size[1] / frame_size[1])
        assert abs(width - frame_size[0] * expected) <= 1
        assert abs(height - frame_size[1] * expected) <= 1


@given(st.tuples(sides, sides), st.tuples(inputs, inputs), st.booleans())
def test_the_part_of_the_input_that_shows_the_picture_is_the_whole_picture(frame_size, input_size, keep_aspect):
    letterbox = Letterbox.fit(frame_size, input_size, keep_aspect)
    share = np.array(letterbox.scaled_size) / input_size
    whole = letterbox.to_frame(np.array([[0.5, 0.5, *share]]))
    np.testing.assert_allclose(whole, [[frame_size[0] / 2, frame_size[1] / 2, *frame_size]], rtol=1e-9)


@given(st.tuples(sides, sides), st.tuples(inputs, inputs), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_boxes_go_there_and_back(frame_size, input_size, shares):
    letterbox = Letterbox.fit(frame_size, input_size)
    frame, whole, scaled = (np.array(size) for size in (frame_size, input_size, letterbox.scaled_size))
    box = np.array(shares) * np.tile(frame, 2)
    there = np.concatenate(
        [(box[:2] / frame * scaled + (whole - scaled) / 2) / whole, box[2:] / frame * scaled / whole]
    )
    np.testing.assert_allclose(letterbox.to_frame(there[np.newaxis])[0], box, rtol=1e-9, atol=1e-6)


def test_wide_and_tall_pictures_lie_in_the_middle_of_grey():
    white = np.full((100, 200, 3), 255, np.uint8)
    blob = Letterbox.fit((200, 100), (64, 64)).blob(white)
    assert blob.shape == (3, 64, 64)
    assert blob.dtype == np.float32
    assert (blob[:, 16:48] == 1).all()
    assert (blob[:, :16] == GREY).all()
    assert (blob[:, 48:] == GREY).all()
    blob = Letterbox.fit((100, 200), (64, 64)).blob(np.ascontiguousarray(white.transpose(1, 0, 2)))
    assert (blob[:, :, 16:48] == 1).all()
    assert (blob[:, :, [0, 15, 48, 63]] == GREY).all()


def test_without_letterbox_the_picture_is_stretched():
    white = np.full((100, 200, 3), 255, np.uint8)
    assert (Letterbox.fit((200, 100), (64, 64), keep_aspect=False).blob(white) == 1).all()


def test_blue_green_red_becomes_red_green_blue():
    frame = np.zeros((8, 8, 3), np.uint8)
    frame[:] = (0, 51, 255)
    blob = Letterbox.fit((8, 8), (32, 32)).blob(frame)
    np.testing.assert_allclose(blob[:, 10, 10], [1, 0.2, 0], atol=1e-6)


def test_corners_stay_corners():
    """A ramp stays a ramp from its first value to its last: cv2.resize would flatten its ends."""
    frame = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[np.newaxis, :, np.newaxis], 52, 0).repeat(3, 2)
    blob = Letterbox.fit((52, 52), (32, 32)).blob(frame)
    np.testing.assert_allclose(blob[0, 7], np.linspace(0, 1, 32), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (10000, 16), (16, 10000), (1, 700), (700, 1), (2, 2), (416, 416), (417, 415)])
@pytest.mark.parametrize("keep_aspect", [True, False])
def test_hostile_sizes(size, keep_aspect):
    letterbox = Letterbox.fit(size, (416, 416), keep_aspect)
    blob = letterbox.blob(np.full((size[1], size[0], 3), 255, np.uint8))
    shown = (blob == 1).all(axis=0)
    assert shown.sum() == letterbox.scaled_size[0] * letterbox.scaled_size[1]
    assert (blob[:, ~shown] == GREY).all()


def test_a_part_of_a_larger_picture_needs_no_copy():
    large = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    part = large[10:40:2, 5:70:3, ::-1]
    letterbox = Letterbox.fit((part.shape[1], part.shape[0]), (32, 32))
    np.testing.assert_array_equal(letterbox.blob(part), letterbox.blob(part.copy()))


def halved(side: int) -> int:
    return (side + 1) // 2


def plain(colour, size, matrix: str) -> YuvFrame:
    """A picture of one colour."""
    luma, blue, red = yuv_of(colour, matrix)
    width, height = size
    planes = (np.full((halved(height), halved(width)), value, np.uint8) for value in (blue, red))
    return YuvFrame(np.full((height, width), luma, np.uint8), *planes, matrix)


@given(
    st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from(["bt709", "smpte170m", "bt2020nc", "smpte240m", "unknown"])
)
def test_a_decoded_picture_has_its_colours(colour, matrix):
    blob = Letterbox.fit((40, 30), (32, 32)).blob(plain(colour, (40, 30), matrix))
    np.testing.assert_allclose(blob[::-1, 16, 16] * 255, colour, atol=2.1)  # 8 bits of colour difference are coarse
    assert (blob[:, 0] == GREY).all()


def test_matrices_differ():
    assert yuv_of((0, 0, 255), "bt709") != yuv_of((0, 0, 255), "smpte170m")
    assert yuv_of((255, 255, 255), "bt709") == (235, 128, 128)
    assert yuv_of((0, 0, 0), "bt601") == (16, 128, 128)
    assert yuv_of((0, 0, 255), "smpte170m") == (81, 90, 240)  # red, as Recommendation ITU-R BT.601 has it


def test_a_decoded_picture_and_the_same_in_pixels_are_one_to_the_network():
    """Smooth colours, as chroma is stored for every second pixel only."""
    y, x = np.mgrid[:288, :384]
    waves = [np.sin(x / 40 + y / 90), np.sin(y / 35 - x / 120), np.cos((x + y) / 60)]
    frame = (128 + 90 * np.stack(waves, axis=2)).astype(np.uint8)
    i420 = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).ravel()
    luma, blue, red = np.split(i420, [384 * 288, 384 * 288 * 5 // 4])
    planes = luma.reshape(288, 384), blue.reshape(144, 192), red.reshape(144, 192)
    letterbox = Letterbox.fit((384, 288), (208, 208))
    difference = np.abs(letterbox.blob(YuvFrame(*planes, "bt601")) - letterbox.blob(frame)) * 255
    assert difference.max() < 5
    assert difference.mean() < 0.8


def test_luma_corners_stay_corners():
    ramp = np.linspace(16, 235, 147).round().astype(np.uint8)[np.newaxis].repeat(147, 0)
    grey = np.full((74, 74), 128, np.uint8)
    blob = Letterbox.fit((147, 147), (32, 32)).blob(YuvFrame(ramp, grey, grey, "bt709"))
    np.testing.assert_allclose(blob[0, 7], np.linspace(0, 1, 32), atol=0.004)


@pytest.mark.parametrize("size", [(1, 1), (10000, 16), (16, 10000), (1, 701), (2, 2), (417, 415)])
def test_hostile_sizes_of_decoded_pictures(size):
    letterbox = Letterbox.fit(size, (416, 416))
    blob = letterbox.blob(plain((255, 255, 255), size, "bt709"))
    shown = (blob > 0.999).all(axis=0)
    assert shown.sum() == letterbox.scaled_size[0] * letterbox.scaled_size[1]
    assert (blob[:, ~shown] == GREY).all()
