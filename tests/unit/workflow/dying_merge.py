"""Tasks of the Merge step whose process is killed while it draws."""

from __future__ import annotations

import os
import signal

from avflow.media_work import merge


class Tasks(merge.Tasks):
    """As those of the step."""

    def render(self, asked, report):
        def killed(progress):
            report(progress)
            os.kill(os.getpid(), signal.SIGKILL)

        return super().render(asked, killed)
