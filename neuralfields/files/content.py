"""The bytes of a file that a user named."""

from pathlib import Path

from neuralfields.errors import FileFormatError, InputError


def content(path: Path, kind: str) -> bytes:
    """All bytes of a file; ``kind`` is what it should be, for the texts.

    Raises:
        FileFormatError: it is empty.
        InputError: there is no such file, it is a folder or a device, or it cannot be read.
    """
    try:
        if not path.exists():
            raise InputError(f"cannot read {path}: there is no such file")
        if not path.is_file():
            raise InputError(f"cannot read {path}: it is a {'folder' if path.is_dir() else 'device'}, not a {kind}")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if not data:
        raise FileFormatError(f"cannot read {path}: it is empty")
    return data
