"""How much memory the description of an upload may take, whatever the upload contains.

Some demuxers and decoders allocate by what a file announces, not by what it holds: H.264's keeps 4 KB for each NAL unit
of a packet (FFmpeg, libavcodec/h2645_parse.c), and a unit may have one byte. So the system limits the data of this
process meanwhile (setrlimit(2), RLIMIT_DATA; Linux only). An allocation beyond fails, and becomes a named error.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from avflow.errors import InvalidMediaOutOfProportion, MemoryExhausted
from avflow.media.limits import MAX_DECODER_BYTES

#: bytes beyond what the process has: the frames of a decoder, the packets in which late streams are looked for
#: (`avflow.media.containers.FAR_OPTIONS`), measurements, and the stacks of threads
DESCRIBING_BYTES = MAX_DECODER_BYTES + 2**29

#: bytes that a process has asked for and not used, such as the stacks of its threads
_UNTOUCHED_BYTES = 2**28


@contextmanager
def limited(path: Path) -> Iterator[None]:
    """Limit the memory of the work in this block, which reads `path`. Where the system can't, nothing is limited.

    Raises
    ------
    InvalidMediaOutOfProportion
        It took more.
    """
    in_force = _data.begin()
    try:
        yield
    except MemoryExhausted:
        raise
    except MemoryError as error:  # Python's or FFmpeg's
        if not in_force:
            raise
        raise InvalidMediaOutOfProportion(  # libavformat says the same of too many streams
            f"{path.name} ({path.stat().st_size} bytes) takes more than {DESCRIBING_BYTES >> 20} MiB of memory to be "
            "read, or has more than 1000 streams"
        ) from error
    finally:
        _data.end()


class _Data:
    """The limit of the process's data. Blocks of several threads may overlap: the first sets it, the last resets it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = (-1, -1)

    def begin(self) -> bool:
        """Set the limit, unless another block has. Whether it is in force."""
        if not sys.platform.startswith("linux"):
            return False
        import resource  # noqa: PLC0415 - not every system has it

        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return True
            self._before = resource.getrlimit(resource.RLIMIT_DATA)
            limits = [limit for limit in self._before if limit != resource.RLIM_INFINITY]
            with suppress(OSError, ValueError):
                limit = min([_data_bytes() + DESCRIBING_BYTES, *limits])
                resource.setrlimit(resource.RLIMIT_DATA, (limit, self._before[1]))
                return True
            return False

    def end(self) -> None:
        """Reset the limit, unless another block needs it."""
        if not sys.platform.startswith("linux"):
            return
        import resource  # noqa: PLC0415

        with self._lock:
            self._inside -= 1
            if not self._inside:
                resource.setrlimit(resource.RLIMIT_DATA, self._before)


_data = _Data()


def _data_bytes() -> int:
    """About the data of this process, as the system counts it (proc(5), statm). A media process can't read that."""
    import resource  # noqa: PLC0415

    with suppress(OSError), Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[5]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + _UNTOUCHED_BYTES
