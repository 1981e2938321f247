"""One track: where its object is, how it moves, and whether it is believed.

The motion is a Kalman filter of constant velocity, with the noise of ByteTrack (Zhang et al., "ByteTrack: Multi-Object
Tracking by Associating Every Detection Box", 2022), which is that of DeepSORT: in proportion to the size of the object.
In such proportion the covariance is the same for both axes, whatever the picture. So three numbers describe it.
"""

from __future__ import annotations

#: left, top, right and bottom in pixels
Corners = tuple[float, float, float, float]

#: The filter's unit of time: its noise was measured at 30 frames per second
_SECONDS = 1 / 30
#: variances in shares of the size of the object: of a detected box, of a place after one unit of time, of its velocity
_MEASURED, _MOVED, _TURNED = (1 / 20) ** 2, (1 / 20) ** 2, (1 / 80) ** 2
#: the same for a new object: of its place, and of its velocity
_NEW_PLACE, _NEW_VELOCITY = (2 / 20) ** 2, (10 / 160) ** 2
#: shares of a new width and height that are believed
_NEW_SIZE = 0.6
#: a track is believed if the confidences of its detections add up to this, over two frames at least
_BELIEF = 0.999
#: frames after which a track is given up if they have not
_MOST_DOUBTFUL = 16


class Track:
    """An object that was seen, and is expected again.

    Parameters
    ----------
    time:
        Seconds since the first frame.
    box:
        Left, top, width and height in pixels.
    confidence:
        That of the first detection.
    """

    __slots__ = (
        "_belief", "_covariance", "_place_variance", "_velocity", "_velocity_variance", "_x", "_y", "class_name",
        "confirmed", "ended", "frames", "height", "number", "seen", "time", "width",
    )  # fmt: skip

    def __init__(self, class_name: str, time: float, box: tuple[float, float, float, float], confidence: float) -> None:
        left, top, self.width, self.height = box
        self.class_name = class_name
        self._x, self._y = left + self.width / 2, top + self.height / 2
        #: pixels per unit of time
        self._velocity = (0.0, 0.0)
        self._place_variance, self._covariance, self._velocity_variance = _NEW_PLACE, 0.0, _NEW_VELOCITY
        #: of the last prediction, and of the last detection
        self.time = self.seen = time
        self._belief, self.frames = confidence, 1
        #: whether it is an object, and not a mistake of the detector; whether it will not be seen again
        self.confirmed = self.ended = False
        #: who publishes tracks numbers them
        self.number: int | None = None

    def predict(self, time: float) -> None:
        """Move the track on to the time of a frame, no earlier than the last."""
        units = (time - self.time) / _SECONDS
        self.time = time
        across, down = self._velocity
        self._x += across * units
        self._y += down * units
        variance, covariance = self._velocity_variance, self._covariance
        self._place_variance += units * (2 * covariance + units * variance + _MOVED)
        self._covariance = covariance + units * variance
        self._velocity_variance = variance + units * _TURNED

    def corners(self) -> Corners:
        """Where the object is expected."""
        across, down = self.width / 2, self.height / 2
        return (self._x - across, self._y - down, self._x + across, self._y + down)

    def update(self, box: tuple[float, float, float, float], confidence: float) -> None:
        """Take a detection at the predicted time as one of this object."""
        left, top, width, height = box
        innovation = self._place_variance + _MEASURED
        gain, turn = self._place_variance / innovation, self._covariance / innovation
        off_x, off_y = left + width / 2 - self._x, top + height / 2 - self._y
        self._x += gain * off_x
        self._y += gain * off_y
        across, down = self._velocity
        self._velocity = (across + turn * off_x, down + turn * off_y)
        self._velocity_variance -= turn * self._covariance
        self._covariance *= 1 - gain
        self._place_variance *= 1 - gain
        self.width += _NEW_SIZE * (width - self.width)
        self.height += _NEW_SIZE * (height - self.height)
        self.seen = self.time
        if not self.confirmed:
            self.frames += 1
            self._belief += confidence
            self.confirmed = self._belief >= _BELIEF
            self.ended = not self.confirmed and self.frames >= _MOST_DOUBTFUL
