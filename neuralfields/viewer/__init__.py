"""Looking at fields in the browser. A still page now; the live viewer's server and protocol find their place here."""

from neuralfields.viewer.still import view

__all__ = ["view"]
