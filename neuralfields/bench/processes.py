"""Measurements in processes of their own: memory and caches are clean, and a crash costs one measurement.

``python -P -m MODULE JSON`` answers a question with a line of JSON. This module imports no torch: a parent that only
asks stays small, and where only ``ru_maxrss`` tells a peak, what the parent holds may count as the child's.
"""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuralfields.errors import InputError, NeuralFieldsError

_INTERRUPTED = 130


def ask(module: str, question: Any, what: str) -> Any:
    """What the ``main`` of a module answers in a process of its own; ``what`` is named where that fails.

    Ctrl-C and SIGTERM end that process and are a KeyboardInterrupt here.

    Raises:
        InputError: the child found its question impossible.
        NeuralFieldsError: it failed, or was killed.
    """
    words = [sys.executable, "-P", "-m", module, json.dumps(question)]
    pipe = subprocess.PIPE
    with _Stop() as stop, subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as child:
        stop.ends(child)
        try:
            out, err = child.communicate()
        except BaseException:
            child.kill()
            raise
    if stop.asked or child.returncode == _INTERRUPTED:
        raise KeyboardInterrupt
    if child.returncode == InputError.exit_status:
        raise InputError(err.strip().splitlines()[-1])
    if child.returncode:
        last = (err.strip().splitlines() or [f"its process ended with {child.returncode}"])[-1]
        if child.returncode < 0:
            last = f"its process was killed by signal {-child.returncode}, perhaps for want of memory"
        raise NeuralFieldsError(f"{what} failed: {last}")
    return json.loads(out)


def answer(do: Callable[[Any], Any]) -> int:
    """The child's side: the question of the command line in, a line of JSON out, errors as a line on stderr."""
    try:
        print(json.dumps(do(json.loads(sys.argv[1]))))
    except NeuralFieldsError as error:
        print(str(error).replace("\n", "\\n"), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def peak_memory_mib() -> int | None:
    """The most memory this process has held, or None where the system does not tell.

    Linux tells in ``/proc/self/status``; elsewhere it is ``ru_maxrss``, which may begin with what the parent held.
    """
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) >> 10
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


class _Stop:
    """Notes Ctrl-C and SIGTERM inside a block, and ends the child then: not even one just being begun outlives us.

    In the main thread only, which alone may ask for that; what our parent has made us ignore stays ignored.
    """

    def __init__(self) -> None:
        self.asked = False
        self._child: subprocess.Popen[str] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Stop":
        main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
        heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._ask) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ends(self, child: "subprocess.Popen[str]") -> None:
        self._child = child
        if self.asked:
            child.kill()

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        if self._child:
            self._child.kill()
