"""Looking at fields in the browser, while they are fitted and afterwards: ``view``, a server, and its page."""

from typing import TYPE_CHECKING, Any

__all__ = ["Viewing", "view"]

if TYPE_CHECKING:
    from neuralfields.viewer.show import Viewing, view


def __getattr__(name: str) -> Any:
    """The server is imported on first use, so that the parts which need none load fast."""
    if name in __all__:
        from neuralfields.viewer import show

        return getattr(show, name)
    raise AttributeError(f"module 'neuralfields.viewer' has no attribute {name!r}")
