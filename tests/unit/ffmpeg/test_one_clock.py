"""Sound and picture share one clock: a gap in one is silence or a held frame, and never moves the other."""

from itertools import product

import pytest

from avflow.ffmpeg import convert, extract_wav
from avflow.media import conversion_reasons
from avflow.media.clock.joining import on_one_clock
from tests.marking import some_slow
from tests.media_samples import H264, beeps, ffmpeg, flashes, heard_at, lavfi, seen_at

AAC = ("-c:a", "aac")
KINDS = {
    "ts": (*H264, *AAC),
    "m2ts": ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "ac3", "-f", "mpegts"),
    "mpg": ("-c:v", "mpeg2video", "-c:a", "mp2", "-f", "vob"),
    "flv": (*H264, *AAC),
    "mkv": (*H264, "-c:a", "libopus"),
    "mp4": (*H264, "-bf", "2", *AAC),
}


#: flashes and beeps: at the start, after a gap, and at the end
AT = (0.52, 24.0, 29.0)
GAPS = {"0.2 s": (10, 10.2), "1 s": (10, 11), "15 s": (5, 20)}


@pytest.mark.parametrize(
    ("missing", "gap"),
    # where both pause for more than 10 s, the recording was interrupted: a restart, which is closed
    [*product(("sound", "picture"), GAPS), ("both", "0.2 s"), ("both", "1 s")],
)
@pytest.mark.parametrize("kind", [some_slow(kind, "ts", "mpg", "mp4") for kind in KINDS])
def test_a_gap_moves_nothing(tmp_path, kind, missing, gap):
    start, end = GAPS[gap]
    outside = f"'not(between(t,{start},{end}))'"
    picture = flashes(AT, 30) + (f",select={outside}" if missing != "sound" else "")
    sound = beeps(AT, 30) + (f",aselect={outside}" if missing != "picture" else "")
    source = tmp_path / f"v.{kind}"
    ffmpeg(*lavfi(picture, sound), *KINDS[kind], "-fps_mode", "passthrough", source)
    path, media = on_one_clock(source, tmp_path / "joined")
    if kind != "mpg":  # a program stream is copied if frames share a timestamp
        assert path == source
    extract_wav(path, media, tmp_path / "s.wav")
    assert media.duration == pytest.approx(30, abs=0.2)
    if missing == "sound":
        assert conversion_reasons(media) == ()
        seen = seen_at(path)
    else:
        assert "variable frame rate" in conversion_reasons(media)
        convert(path, media, tmp_path / "out.avi")
        seen = seen_at(tmp_path / "out.avi")
        assert heard_at(tmp_path / "out.avi") == [pytest.approx(frame / 25, abs=0.05) for frame in seen]
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(frame / 25, abs=0.05) for frame in seen]
    assert [frame / 25 for frame in seen] == [pytest.approx(at, abs=0.1) for at in AT]


@pytest.mark.parametrize("late", ["sound", "picture"])
@pytest.mark.parametrize("seconds", ["0.3", "3.5"])
@pytest.mark.parametrize("kind", [some_slow(kind, "ts", "mpg", "mp4") for kind in KINDS])
def test_a_late_stream_stays_late(tmp_path, kind, seconds, late):
    """MP4 has edit lists for it. The first frame is held while the sound is alone."""
    source = tmp_path / f"v.{kind}"
    offset = ("-itsoffset", seconds)
    video = (*(offset if late == "picture" else ()), *lavfi(flashes((0.52, 5), 6)))
    audio = (*(offset if late == "sound" else ()), *lavfi(beeps((0.52, 5), 6)))
    ffmpeg(*video, *audio, *KINDS[kind], "-fps_mode", "passthrough", source)
    path, media = on_one_clock(source, tmp_path / "joined")
    extract_wav(path, media, tmp_path / "s.wav")
    held = media.video.held_first
    assert held == pytest.approx(25 * float(seconds) if late == "picture" else 0, abs=2)
    moved = float(seconds) if late == "sound" else -float(seconds)
    expected = [(frame + held) / 25 + moved for frame in seen_at(source)]
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(at, abs=0.05) for at in expected]
    assert expected[0] > 0.4  # the first sound is there
