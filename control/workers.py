"""What runs the streams of self-play: threads of this process, or Ray's actors on however many machines.

Threads use all cores, since kernels and nets both run without Python's lock. The results are the same either way.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

T = TypeVar("T")
WORKERS = ("threads", "ray")


def run_all(workers: str, jobs: Sequence[Callable[[], T]]) -> list[T]:
    """What the jobs return, in their order; each runs on one thread.

    Raises:
        ValueError: Ray is wanted and not installed.
    """
    return _on_actors(jobs) if workers == "ray" else _on_threads(jobs)


def _on_threads(jobs: Sequence[Callable[[], T]]) -> list[T]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a job: new threads take it over
    try:
        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(lambda job: job(), jobs))
    finally:
        torch.set_num_threads(threads)


def _on_actors(jobs: Sequence[Callable[[], T]]) -> list[T]:
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise ValueError("data.workers: given ray, which is not installed, wanted pip install -e '.[ray]'") from error
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)  # or on $RAY_ADDRESS
    actors = [ray.remote(num_cpus=1)(Actor).remote() for _ in jobs]
    pool: Any = ActorPool(actors)
    return list(pool.map(lambda actor, job: actor.run.remote(job), jobs))


def close() -> None:
    """Ends Ray, where this process uses it."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()


class Actor:
    """A process of Ray's."""

    def __init__(self) -> None:
        torch.set_num_threads(1)

    def run(self, job: Callable[[], Any]) -> Any:
        """What the job returns."""
        return job()
