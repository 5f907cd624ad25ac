"""Room for the Python frames of a thread, in one piece.

CPython keeps a thread's frames in chunks of 16 KiB, and returns a chunk to the system with the last frame in it. Where
a loop stands at the end of a chunk, each call that it makes maps a new chunk and returns it. One overview did so 445
times, which was a sixth of its processor time, and which pages it hits changes with every line of code. A frame that
no chunk of 16 KiB holds gets one of the next power of two, and the frames that it calls get the rest of it.

Source: ``push_chunk`` in CPython's Python/pystate.c, from Python 3.11 on.
"""

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# In words of the machine. The frame and what CPython adds take 273 KiB, so the chunk has 512 KiB and leaves 239 KiB,
# four times what a request needs. The system provides only the pages of it that are written to.
FRAME_SIZE: Final = 34_000


def call_in_large_chunk(
    function: Callable[Parameters, Result], *arguments: Parameters.args, **options: Parameters.kwargs
) -> Result:
    """Call the function with room for the frames of everything that it calls."""
    return function(*arguments, **options)


call_in_large_chunk.__code__ = call_in_large_chunk.__code__.replace(co_stacksize=FRAME_SIZE)
