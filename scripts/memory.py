"""Keeps freed memory within the process."""

import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # mallopt(3), malloc.h


def keep() -> bool:
    """glibc asks the system for every buffer above 32 MiB anew, and each of its pages costs a fault when first written.

    Training frees and wants the same buffers again in every step: of a WaveNet's, batch 6 x 2,560 samples on one thread
    of an AMD EPYC (torch 2.14.1), 0.377 s became 0.289 s (10 steps). What a process has once used it then keeps.

    Returns:
        Whether it will: not where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(MMAP_MAX, 0)) and bool(mallopt(TRIM_THRESHOLD, 2**31 - 1))
