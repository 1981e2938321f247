"""ByteTrack of the package `trackers`, as a program for benchmarks/tracking.py. It runs in the peers' environment.

Reads `{"rate": frames per second, "options": {…}, "frames": [[[class, confidence, box], …], …]}` from its standard
input, and writes the boxes of each frame by their tracks.
"""

from __future__ import annotations

import json
import sys

#: without the gap between confident and new detections, which is made for other detectors
BOTH = {"track_activation_threshold": 0.5, "high_conf_det_threshold": 0.5}


def main() -> None:
    """Track one video."""
    import numpy as np  # noqa: PLC0415
    import supervision as sv  # type: ignore[import-not-found]  # noqa: PLC0415
    from trackers import ByteTrackTracker  # type: ignore[import-not-found]  # noqa: PLC0415

    asked = json.load(sys.stdin)
    tracker = ByteTrackTracker(frame_rate=asked["rate"], **asked["options"])
    classes = sorted({found[0] for frame in asked["frames"] for found in frame})
    rows = []
    for frame in asked["frames"]:
        corners = [(box[0], box[1], box[0] + box[2], box[1] + box[3]) for _, _, box in frame]
        found = tracker.update(
            sv.Detections(
                xyxy=np.array(corners, dtype=float).reshape(-1, 4),
                confidence=np.array([confidence for _, confidence, _ in frame], dtype=float),
                class_id=np.array([classes.index(name) for name, _, _ in frame], dtype=int),
            )
        )
        pairs = zip(found.tracker_id if len(found) else (), found.xyxy.tolist(), strict=True)
        rows.append({int(track): (x, y, right - x, low - y) for track, (x, y, right, low) in pairs if track >= 0})
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
