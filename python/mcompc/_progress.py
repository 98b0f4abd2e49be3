"""Progress bars by tqdm, where it is installed and someone looks."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Callable, Iterator


@contextlib.contextmanager
def told(progress: bool | None) -> Iterator[Callable[[str, str, Any], None] | None]:
    """A function for the compiler's steps. ``progress``: yes, no, or where standard error is a terminal or this is a notebook."""
    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    try:
        from tqdm.auto import tqdm
    except ImportError:
        progress = False
    if not progress:
        yield None
        return
    bars: list[Any] = []

    def tell(event: str, what: str, number: Any) -> None:
        if event == "begin":
            bars.append(tqdm(desc=what, total=number, leave=False))
        elif event == "step" and bars:
            bars[-1].update(number)
        elif event == "end" and bars:
            bars.pop().close()

    try:
        yield tell
    finally:
        while bars:
            bars.pop().close()
