"""Allocate memory for the Python frames of a thread in one large chunk.

CPython keeps a thread's frames in chunks of 16 KiB, and frees a chunk when its last frame returns. If a loop runs at
the end of a chunk, each call in it allocates a new chunk and frees it again. One request of the overview did so 445
times, which took a sixth of its CPU time; which pages are affected can change with every line of code. A frame that is
larger than 16 KiB gets a chunk of the next power of two, and the frames of the functions that it calls use the rest of
that chunk.

Source: ``push_chunk`` in CPython's Python/pystate.c, from Python 3.11 on.
"""

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# In machine words. The frame and CPython's overhead take 273 KiB, so the chunk is 512 KiB and leaves 239 KiB, four
# times what a request needs. The operating system only provides the memory pages that are written to.
FRAME_SIZE: Final = 34_000


def call_in_large_chunk(
    function: Callable[Parameters, Result], *arguments: Parameters.args, **options: Parameters.kwargs
) -> Result:
    """Call a function so that all frames below it fit into one chunk."""
    return function(*arguments, **options)


call_in_large_chunk.__code__ = call_in_large_chunk.__code__.replace(co_stacksize=FRAME_SIZE)
