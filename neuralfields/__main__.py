"""``python -m neuralfields`` is ``nf``."""

import sys

from neuralfields.cli import main

if __name__ == "__main__":
    sys.exit(main())
