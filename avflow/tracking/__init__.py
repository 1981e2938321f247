"""Follows objects through a video: which detections of successive frames show the same object.

It works on detections alone, in the order of their frames, and knows neither pictures nor files of segments. So a track
goes on where a segment ends. Plain Python: for few objects a frame it takes less time than numpy does to be called.
"""

from avflow.tracking.lines import Tracked, track_file
from avflow.tracking.tracker import Sighting, Tracker
from avflow.tracking.tracks import Track

__all__ = ["Sighting", "Track", "Tracked", "Tracker", "track_file"]
