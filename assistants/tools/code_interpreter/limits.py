"""How much one sandbox may use. Every number in one place, with what it stands against."""

import os
from dataclasses import dataclass, field
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds, text in characters."""

    # Set as rlimits by the first program inside the sandbox, where they count this sandbox alone.
    address_space: int = (
        4 * GIB
    )  # of one process: a 10 GB array raises MemoryError and the variables survive
    processes: int = 96  # and threads: a kernel has about 15, a fork bomb stops here
    open_files: int = 512
    file_size: int = 512 * MIB  # what the Files API takes

    # Of a sandbox's cgroup, where there may be one; memory and processes are limited there too.
    # One call may use all processors: that is what they are for, and `nice` puts the pages first.
    cpus: float = field(default_factory=lambda: float(os.cpu_count() or 1))

    # Watched from outside.
    memory: int = 1 * GIB  # PSS of all processes of a sandbox together
    disk: int = 2 * GIB  # /mnt/data, /tmp and /dev/shm together
    files: int = 10_000  # names in these folders
    idle_cpu: float = 2.0  # processor time that may be used in `idle_cpu_window` while no call runs
    idle_cpu_window: float = 10.0

    # Of one call.
    grace: float = 3.0  # from the interrupt to the kill
    logs: int = 200_000
    images: int = 40
    image_size: int = 8 * MIB
    saved_files: int = 50
    messages: int = 10_000  # from the kernel; honest code sends a few dozen

    # Of one message from the kernel; a larger one closes the connection. An image in base64 fits.
    message_size: int = 12 * MIB
