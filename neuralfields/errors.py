"""Every error the library raises on purpose, each with the exit status the command gives it."""


class NeuralFieldsError(Exception):
    """Base of all errors raised on purpose. The text repeats what was given and says what would work."""

    exit_status = 1


class InputError(NeuralFieldsError, ValueError):
    """What the user gave cannot be used: a file, an argument, a shape, a value."""

    exit_status = 2


class FileFormatError(InputError):
    """A file is damaged, truncated, foreign, malicious, or newer than this version."""


class NoSurface(InputError):
    """A field has no zero in its box, where one was looked for."""


class KernelRefused(NeuralFieldsError):
    """A kernel asked for by name cannot do this call; the text is its reason."""

    exit_status = 2


class MissingExtra(NeuralFieldsError, ImportError):
    """An optional package is needed; the text holds the pip line that installs it."""

    exit_status = 2

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs the package {package!r}: pip install 'neuralfields[{extra}]'")
