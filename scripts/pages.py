"""Keeps freed memory within the process."""

import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # mallopt(3), malloc.h


def keep() -> None:
    """glibc asks the system for every buffer above 32 MiB anew, and each of its pages costs a fault when first written.

    Training frees and wants the same buffers again in every step: a fifth to a third of its time on a CPU. (Nothing
    happens where the C library is another.)
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
