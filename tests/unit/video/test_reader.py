"""The frames of a segment equal those of the whole video with the same numbers, bit by bit, at any cut."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import av
import numpy as np
import pytest

from avflow.errors import FFmpegFailed, InvalidMediaDamaged
from avflow.media import probe
from avflow.media.opening import open_container
from avflow.video.frames import view
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment, Segments
from tests.media_samples import NUMBERED, damaged, ffmpeg, lavfi, packet_places

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "40")
SOURCES = {
    "closed.mp4": (*X264,),
    "open.mkv": (*X264, "-x264-params", "open-gop=1:scenecut=0"),
    "refresh.mkv": (*X264, "-x264-params", "intra-refresh=1"),
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=40:open-gop=1:log-level=none"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "40"),
    "av1.mkv": ("-c:v", "libsvtav1", "-preset", "12", "-g", "40", "-svtav1-params", "lp=1"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-g", "40"),
    "reordered.avi": ("-c:v", "mpeg4", "-g", "40", "-bf", "2"),
    "x264.avi": (*X264,),
    "mjpeg.mov": ("-c:v", "mjpeg"),
    "stream.ts": (*X264,),
    "fragments.mp4": (*X264, "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    "live.mkv": (*X264, "-live", "1"),
}
FRAMES = 230


@pytest.fixture(scope="module", params=SOURCES)
def source(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / request.param
    ffmpeg(*lavfi(NUMBERED.format(rate="30000/1001")), "-frames:v", str(FRAMES), *SOURCES[request.param], path)
    return path


def hashes(path, segment=None):
    stream = probe(path).video
    assert stream is not None
    with VideoReader(path, stream, segment) as frames:
        return [hashed(view(frame, stream)) for frame in frames]


def hashed(frame):
    return hashlib.sha256(b"".join(plane.tobytes() for plane in (frame.luma, frame.blue, frame.red))).hexdigest()


@pytest.fixture(scope="module")
def whole(source):
    found = hashes(source)
    assert len(set(found)) == FRAMES
    return found


@pytest.mark.parametrize("count", [2, 5])
def test_all_segments_together_equal_the_whole_video(source, whole, count):
    segments = Segments.of(FRAMES, Fraction(30000, 1001), seconds=0.1, most=count)
    assert segments.count == count
    assert [one for part in range(count) for one in hashes(source, segments.segment(part))] == whole


@pytest.mark.parametrize("first", [1, 39, 40, 41, 79, 119, 120, FRAMES - 1])
def test_a_segment_may_start_at_any_frame(source, whole, first):
    assert hashes(source, Segment(first, min(2, FRAMES - first))) == whole[first : first + 2]


@pytest.mark.parametrize("name", ["v.mp4", "v.avi", "v.mkv"])
def test_frames_long_before_a_segment_are_not_decoded(tmp_path, name):
    codec = ("-c:v", "mpeg4", "-g", "12") if name == "v.avi" else (*X264[:4], "-g", "12")
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "500", *codec, tmp_path / name)
    stream = probe(tmp_path / name).video
    assert stream is not None
    with VideoReader(tmp_path / name, stream, Segment(400, 100)) as reader:
        numbers = [number for number, _ in reader.numbered()]
    assert 340 < numbers[0] <= 400
    assert numbers[-1] == 499


def test_a_video_that_starts_late_is_cut_at_the_same_frames(tmp_path):
    late = ("-itsoffset", "0.4", *lavfi(NUMBERED.format(rate="25")))
    ffmpeg(*late, "-frames:v", "200", *X264, tmp_path / "late.mkv")
    both = ("-i", tmp_path / "late.mkv", *lavfi("sine=d=8.88"), "-map", "0", "-map", "1")
    ffmpeg(*both, "-c:v", "copy", "-copyts", tmp_path / "v.mkv")
    whole = hashes(tmp_path / "v.mkv")
    assert len(whole) == 10 + 200 + 12  # the first frame for 0.4 s of sound, and the last one until it ends at 9 s
    assert set(whole[:11]) == {whole[0]}
    assert set(whole[209:]) == {whole[-1]}
    assert len(set(whole)) == 200
    for first, frames in ((0, 5), (5, 50), (99, 50), (190, 30), (212, 10)):
        assert hashes(tmp_path / "v.mkv", Segment(first, frames)) == whole[first : first + frames]


@pytest.fixture
def holed(tmp_path):
    """200 frames with a keyframe every 20. Frames at the start, around a keyframe, and at the end are damaged."""
    path = tmp_path / "v.mp4"
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "200", *X264[:4], "-g", "20", "-bf", "0", path)
    return damaged(path, [*range(3), *range(99, 104), *range(196, 200)], tmp_path / "damaged.mp4")


@pytest.mark.parametrize("cut", [2, 20, 99, 101, 104, 119, 120, 196, 198, 199])
def test_damaged_frames_are_replaced_in_the_same_way_in_segments(holed, cut):
    whole = hashes(holed)
    assert len(whole) == 200
    assert hashes(holed, Segment(0, cut)) + hashes(holed, Segment(cut, 200 - cut)) == whole


def test_the_previous_frame_replaces_a_guessed_frame(tmp_path):
    noise = "testsrc2=s=160x120:r=25,noise=alls=20:allf=t"
    ffmpeg(*lavfi(noise), "-frames:v", "100", *X264[:4], "-g", "20", "-bf", "0", tmp_path / "v.mp4")
    scrambled(tmp_path / "v.mp4", range(20, 40), tmp_path / "noisy.mp4")
    stream = probe(tmp_path / "noisy.mp4").video
    assert stream is not None
    with av.open(str(tmp_path / "noisy.mp4")) as container:
        container.streams.video[0].codec_context.thread_count = 1
        decoded = [(hashed(view(frame, stream)), frame.is_corrupt) for frame in container.decode(video=0)]
    expected: list[str] = []
    for frame_hash, guessed in decoded:
        expected.append(expected[-1] if guessed else frame_hash)
    with VideoReader(tmp_path / "noisy.mp4", stream) as reader:
        assert [hashed(view(frame, stream)) for frame in reader] == expected
        assert reader.damaged_frames == sum(guessed for _, guessed in decoded) > 0


def scrambled(path, packets, target):
    """Copy an MP4 and replace the second half of these packets with noise, so that their frames start correctly."""
    places, content = packet_places(path), bytearray(path.read_bytes())
    for number in packets:
        position, size = places[number]
        content[position + size // 2 : position + size] = np.random.default_rng(number).bytes(size - size // 2)
    target.write_bytes(content)


def test_every_segment_of_a_video_without_its_end_is_refused(tmp_path):
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "200", *X264[:4], "-g", "20", tmp_path / "v.mp4")
    short = damaged(tmp_path / "v.mp4", range(120, 200), tmp_path / "short.mp4")
    assert len(hashes(short, Segment(0, 60))) == 60
    message = r"200 frames, but \d\d consecutive frames, from 4\.\d s to 8\.0 s"
    for segment in (Segment(60, 70), Segment(130, 70)):
        with pytest.raises(InvalidMediaDamaged, match=message):
            hashes(short, segment)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """200 frames with a keyframe every 20. The frames 70 to 119 (two seconds) are damaged."""
    folder = tmp_path_factory.mktemp("broken")
    codec = (*X264[:4], "-g", "20", "-bf", "0", "-x264-params", "scenecut=0")
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "200", *codec, folder / "v.mp4")
    return damaged(folder / "v.mp4", range(70, 120), folder / "broken.mp4")


@pytest.mark.parametrize("segment", [None, Segment(0, 90), Segment(90, 20), Segment(110, 90)])
def test_every_segment_that_reaches_a_long_gap_is_refused(broken, segment):
    message = r"broken\.mp4 has 200 frames, but 50 consecutive frames, from 2\.8 s to 4\.8 s, can't be decoded"
    with pytest.raises(InvalidMediaDamaged, match=message):
        hashes(broken, segment)


@pytest.mark.parametrize("segment", [Segment(0, 60), Segment(145, 55)])
def test_segments_away_from_the_damage_are_complete(broken, segment):
    assert len(set(hashes(broken, segment))) == segment.frames


def test_frames_marked_as_unchanged_are_not_damage(tmp_path):
    codec = ("-c:v", "mpeg4", "-g", "60", "-sc_threshold", "1000000000")
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "130", *codec, tmp_path / "v.avi")
    still = uncoded(tmp_path / "v.avi", range(61, 119), tmp_path / "still.avi")
    whole = hashes(still)
    assert [len(set(whole[:61])), len(set(whole[60:119])), len(set(whole[120:]))] == [61, 1, 10]
    assert hashes(still, Segment(100, 30)) == whole[100:]
    gone = damaged(tmp_path / "v.avi", range(61, 119), tmp_path / "gone.avi")
    with pytest.raises(InvalidMediaDamaged, match="58 consecutive frames"):
        hashes(gone)


def uncoded(path, packets, target):
    """Copy an MPEG-4 AVI with 25 frames per second and mark these P-VOPs as equal to the previous one."""
    content = bytearray(path.read_bytes())
    for number in packets:
        position, _ = packet_places(path)[number]
        bits = content.index(b"\0\0\1\xb6", position) + 4
        header = f"{int.from_bytes(content[bits : bits + 2]):016b}"
        # vop_coding_type, modulo_time_base to its 0, a marker, five bits of vop_time_increment, a marker, vop_coded
        coded = header.index("0", 2) + 8
        assert (header[:2], header[coded]) == ("01", "1")
        content[bits + coded // 8] &= ~(128 >> coded % 8)
    target.write_bytes(content)
    return target


# ---------------------------------------------------------------- unreliable keyframes
WIDE = (
    "color=black:s=1280x64:r=25,format=gray,"
    "geq=lum='if(mod(floor(N/pow(2\\,floor(X/128)))\\,2)\\,235\\,16)',format=yuv420p"
)


@pytest.mark.parametrize("first", [130, 180, 260, 299])
def test_a_gradual_refresh_longer_than_the_preroll(wave, first):
    path, whole = wave
    assert hashes(path, Segment(first, 1)) == whole[first : first + 1]


@pytest.fixture(scope="module")
def wave(tmp_path_factory):
    """After a complete first frame, the frames are refreshed column by column; each refresh takes 3.2 s."""
    path = tmp_path_factory.mktemp("wave") / "v.mkv"
    refresh = (*X264[:4], "-x264-params", "intra-refresh=1:keyint=120")
    ffmpeg(*lavfi(WIDE), "-frames:v", "300", *refresh, path)
    whole = hashes(path)
    assert len(set(whole)) == 300
    return path, whole


def test_decoding_restarts_at_the_beginning_only_if_necessary(wave):
    path, _ = wave
    stream = probe(path).video
    assert stream is not None
    with VideoReader(path, stream, Segment(290, 10)) as reader:
        assert 100 < next(reader.numbered())[0] <= 290


@pytest.mark.parametrize("codec", ["mpeg4 -sc_threshold 1000000000", "mpeg4 -bf 2", "libx264 -bf 2", "qtrle"])
def test_a_container_that_marks_every_frame_as_a_keyframe(tmp_path, codec):
    ffmpeg(
        *lavfi(NUMBERED.format(rate="25")), "-frames:v", "100", "-c:v", *codec.split(), "-g", "90", tmp_path / "v.mov"
    )
    whole = hashes(tmp_path / "v.mov")
    content = (tmp_path / "v.mov").read_bytes()
    assert content.count(b"stss") == 1
    (tmp_path / "all.mov").write_bytes(content.replace(b"stss", b"free"))
    for first in (70, 85):
        assert hashes(tmp_path / "all.mov", Segment(first, 10)) == whole[first : first + 10]


def test_damage_before_a_segment_longer_than_the_preroll(tmp_path):
    """A keyframe every half second, and damage from 1.3 s before the segment boundary to 0.2 s after it."""
    codec = (*X264[:4], "-g", "5", "-bf", "0", "-x264-params", "scenecut=0")
    ffmpeg(*lavfi(NUMBERED.format(rate="10")), "-frames:v", "300", *codec, tmp_path / "v.mp4")
    holed = damaged(tmp_path / "v.mp4", range(105, 120), tmp_path / "holed.mp4")
    whole = hashes(holed)
    assert set(whole[104:120]) == {whole[104]}
    assert hashes(holed, Segment(118, 20)) == whole[118:138]


class Unseekable:
    """A container that can't seek."""

    def __init__(self, container):
        self._container = container

    def __getattr__(self, name):
        return getattr(self._container, name)

    def seek(self, offset, stream):
        raise av.error.PermissionError(1, "Operation not permitted")


def test_decoding_restarts_at_the_beginning_after_a_failed_seek(tmp_path, monkeypatch):
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "100", *X264, tmp_path / "v.mkv")
    stream = probe(tmp_path / "v.mkv").video
    assert stream is not None
    monkeypatch.setattr(
        "avflow.video.reader.open_container", lambda *given, **named: Unseekable(open_container(*given, **named))
    )
    with VideoReader(tmp_path / "v.mkv", stream, Segment(80, 20)) as reader:
        found = [hashed(view(frame, stream)) for frame in reader]
    assert found == hashes(tmp_path / "v.mkv")[80:]


def test_a_pixel_format_that_the_scaler_does_not_support_is_an_error(tmp_path):
    raw = ("-f", "rawvideo", "-s", "64x64", "-pix_fmt", "rgb4")
    ffmpeg(*raw, "-i", "/dev/zero", "-frames:v", "3", "-c:v", "copy", tmp_path / "v.nut")
    with pytest.raises(FFmpegFailed, match=r"v\.nut can't be decoded: "):
        hashes(tmp_path / "v.nut")


def test_stopping_works_before_the_segment_is_reached(tmp_path):
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "300", *X264, tmp_path / "v.ts")
    stream = probe(tmp_path / "v.ts").video
    assert stream is not None
    with VideoReader(tmp_path / "v.ts", stream, Segment(290, 10)) as reader:
        numbered = reader.numbered()
        assert next(numbered)[0] == 0
        reader.stop()
        assert len(list(numbered)) < 100
        assert list(reader) == []


@pytest.mark.parametrize(
    ("pixels", "extra"),
    [
        ("yuv420p", ()),
        ("yuv420p", ("-color_range", "pc")),
        ("yuvj420p", ()),
        ("yuv444p", ()),
        ("gbrp", ()),
        ("gray", ()),
    ],
)
def test_every_pixel_format_gives_the_same_colours(tmp_path, pixels, extra):
    """FFmpeg's scaler provides the expected colours."""
    codec = ("-c:v", "ffv1") if pixels in ("gbrp", "gray") else ("-c:v", "libx264", "-qp", "1")
    bars = "smptebars=s=160x128:d=0.2:r=25,scale=out_color_matrix=bt601:out_range=tv,format=yuv444p"
    ranged = "," + "scale=out_range=pc" if extra or pixels == "yuvj420p" else ""
    ffmpeg(*lavfi(bars + ranged), "-pix_fmt", pixels, *codec, *extra, tmp_path / "v.mkv")
    stream = probe(tmp_path / "v.mkv").video
    assert stream is not None
    with VideoReader(tmp_path / "v.mkv", stream) as frames:
        found = view(next(iter(frames)), stream)
    plain = ("-vf", "scale=out_color_matrix=bt601:out_range=tv", "-pix_fmt", "yuv420p")
    raw = ffmpeg("-i", tmp_path / "v.mkv", "-frames:v", "1", *plain, "-f", "rawvideo", "-")
    expected = np.frombuffer(raw, np.uint8).astype(int)
    got = np.concatenate([plane.ravel() for plane in (found.luma, found.blue, found.red)]).astype(int)
    assert np.abs(got - expected).mean() < 1
