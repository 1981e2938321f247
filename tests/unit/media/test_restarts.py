"""The rules that tell a restart of the clock from a hole."""

import pytest

from avflow.media.clock.restarts import Offset, StreamClock, timeline

VIDEO, SOUND = 0, 1


def clocks(*packets: tuple[int, float, float], decoding_times: bool = True) -> dict[int, StreamClock]:
    """The clocks of a file with these packets: (stream, timestamp, duration), in their order."""
    found = {stream: StreamClock(decoding_times=decoding_times) for stream, _, _ in packets}
    for position, (stream, at, duration) in enumerate(packets):
        found[stream].add(position, at if decoding_times else None, at, duration)
    return found


def both(start: float, seconds: float, sound: float | None = None) -> list[tuple[int, float, float]]:
    """Interleaved packets of 0.1 s. `sound`: seconds of it, if not as many."""
    video = [(VIDEO, start + n / 10, 0.1) for n in range(round(seconds * 10))]
    audio = [(SOUND, start + n / 10, 0.1) for n in range(round((seconds if sound is None else sound) * 10))]
    return sorted(video + audio, key=lambda packet: (packet[1], packet[0]))


def offsets(packets, *, forward_alone: bool = False) -> dict[int, list[Offset]]:
    found = timeline(clocks(*packets), forward_alone=forward_alone).offsets
    return {stream: [Offset(o.number, round(o.seconds, 6)) for o in each] for stream, each in found.items()}


def test_a_clock_that_goes_on_has_no_offsets():
    found = timeline(clocks(*both(1.4, 5)), forward_alone=True)
    assert not found.restarts
    assert (found.start, found.end) == (1.4, pytest.approx(6.4))


def test_both_streams_move_together_to_where_the_longer_one_ended():
    assert offsets(both(0, 4, sound=4.7) + both(0, 4)) == {VIDEO: [Offset(40, 4.7)], SOUND: [Offset(47, 4.7)]}


@pytest.mark.parametrize("step", [-3600, 3600, 91_835])
def test_a_clock_that_is_set_starts_again(step):
    assert offsets(both(10_000, 4) + both(10_004 + step, 4)) == {
        VIDEO: [Offset(40, -step)],
        SOUND: [Offset(40, -step)],
    }


@pytest.mark.parametrize("gap", [0.2, 8])
def test_a_short_step_forward_of_both_is_a_hole(gap):
    assert offsets(both(0, 4) + both(4 + gap, 4)) == {}


@pytest.mark.parametrize("gap", [0.2, 1, 15, 600])
@pytest.mark.parametrize("stream", [VIDEO, SOUND])
def test_a_step_forward_of_one_stream_is_a_hole(gap, stream):
    whole = both(0, 700)
    packets = [p for p in whole if p[0] != stream or not 50 <= p[1] < 50 + gap]
    assert offsets(packets) == {}


@pytest.mark.parametrize("forward_alone", [False, True])
def test_a_single_stream_steps_far_forward_only_in_broadcasts(forward_alone):
    packets = [p for p in both(0, 4) + both(3600, 4) if p[0] == VIDEO]
    found = offsets(packets, forward_alone=forward_alone)
    assert found == ({VIDEO: [Offset(40, 4 - 3600)]} if forward_alone else {})


def test_a_single_stream_that_steps_back_starts_again():
    assert offsets([p for p in both(0, 4) + both(0, 4) if p[0] == SOUND]) == {SOUND: [Offset(40, 4)]}


def test_one_stream_that_steps_back_alone_is_closed_alone():
    """The other stream plays on: its clock is right."""
    packets = [(s, t if s == VIDEO or t < 50 else t - 20, d) for s, t, d in both(0, 100)]
    assert offsets(packets) == {SOUND: [Offset(500, 20)]}


def test_a_stream_that_only_the_second_recording_has_moves_too():
    first = [p for p in both(0, 4) if p[0] == VIDEO]
    assert offsets(first + both(0, 4)) == {VIDEO: [Offset(40, 4)], SOUND: [Offset(0, 4)]}


def test_a_stream_that_the_second_recording_lacks_ends():
    second = [p for p in both(0, 4) if p[0] == VIDEO]
    assert offsets(both(0, 4, sound=4.5) + second) == {VIDEO: [Offset(40, 4.5)]}


def test_three_recordings_follow_one_another():
    found = offsets(both(0, 4) + both(0, 4, sound=4.5) + both(0, 4))
    assert found[VIDEO] == [Offset(40, 4), Offset(80, 8.5)]
    assert found[SOUND] == [Offset(40, 4), Offset(85, 8.5)]


def test_reordered_frames_at_a_low_rate_are_no_step_back():
    """One frame a second with three frames out of order, in a container without decoding timestamps."""
    order = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11]
    packets = [(VIDEO, float(n), 1.0) for n in order]
    assert timeline(clocks(*packets, decoding_times=False), forward_alone=False).offsets == {}
    again = timeline(clocks(*packets * 3, decoding_times=False), forward_alone=False)
    assert [offset.number for offset in again.offsets.get(VIDEO, [])] in ([], [13, 26])


@pytest.mark.slow
def test_a_hostile_clock_takes_bounded_time():
    packets = [(n % 2, float(-7 * n if n % 3 else 1e6), 0.1) for n in range(60_000)]
    assert timeline(clocks(*packets), forward_alone=True).end is not None
