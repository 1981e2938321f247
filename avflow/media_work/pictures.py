"""The media work of `avflow.detect` on a file: decode a picture, in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from avflow.errors import InvalidMediaTooLarge, InvalidMediaUnreadable
from avflow.media.model import MAX_AREA
from avflow.media_work import requests
from avflow.progress import Report


class Tasks:
    """What the call asks for."""

    REQUESTS = requests.REQUESTS

    def read_picture(self, asked: requests.ReadPicture, report: Report) -> requests.PictureRead:
        """Upright, as a viewer shows it. Raises InvalidMediaUnreadable, InvalidMediaTooLarge."""
        os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_AREA)  # is read at the first use
        import cv2  # noqa: PLC0415

        name = Path(asked.source).name
        try:
            picture = cv2.imread(asked.source, cv2.IMREAD_COLOR)
        except cv2.error as error:
            if "CV_IO_MAX_IMAGE" in str(error):
                raise InvalidMediaTooLarge(f"{name} has more than {MAX_AREA} pixels") from error
            raise InvalidMediaUnreadable(f"{name} can't be decoded as a picture") from error
        if picture is None:
            raise InvalidMediaUnreadable(f"{name} can't be decoded as a picture")
        np.save(Path(asked.target), np.asarray(picture, np.uint8), allow_pickle=False)
        return requests.PictureRead()
