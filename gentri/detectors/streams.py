"""Decoding and cropping beside the networks, in threads of their own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[R]:
    """`map(function, items)` in a pool, in order, with at most `ahead` + 1 items in flight.

    Items are drawn in the caller's thread.
    """
    pending: deque = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) > ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


@contextmanager
def one_core_threads(count: int) -> Iterator[Executor]:
    """Threads in which each operation of torch stays on one core.

    On a CPU small networks run faster so, each core on images of its own, than with all cores on
    each layer: 1.4 times for MoveNet on two cores. And the numbers do not depend on the cores.
    Any other thread that the process begins meanwhile starts with one core, too.
    """
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
