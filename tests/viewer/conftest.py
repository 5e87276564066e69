"""The browsers that tests of the viewer open."""

from chromium import chromium, each_chromium, playwright

__all__ = ["chromium", "each_chromium", "playwright"]
