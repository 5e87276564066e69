"""The bytes of a file that a user named."""

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Whatever is raised while the file called ``name`` is decoded becomes one line: decoders raise anything.

    Raises:
        FileFormatError: the content is damaged or truncated.
        InputError: what the decoder refuses, or too little memory for it.
    """
    try:
        yield
    except ImportError:
        raise
    except InputError as error:
        raise type(error)(f"cannot read {name}: {error}") from None
    except MemoryError:
        raise InputError(f"cannot read {name}: not enough memory for it") from None
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise FileFormatError(f"cannot read {name}: it is damaged or truncated ({reason})") from error
