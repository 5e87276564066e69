"""``nf view``: fits in the browser."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralfields.cli.parser import Parser, importing, needs, say

if TYPE_CHECKING:
    from argparse import Namespace

    from neuralfields.cli.parser import Stop
    from neuralfields.runs import Run
    from neuralfields.viewer.live import Live
    from neuralfields.viewer.server import Server
    from neuralfields.viewer.session import Session

_EPILOG = """examples:
  nf view runs/photo                       opens the browser; Ctrl-C ends it
  nf view runs/a runs/b runs/c             fits of one signal beside each other
  nf view bunny.nf --signal bunny.obj      a field file does not hold what it was fitted to
  nf view runs/photo --no-browser          on another machine: then, on yours, ssh -L 7310:localhost:7310 THERE
A fit that is under way elsewhere is shown as its last checkpoint has it; nf fit ... --view shows it live.
"""


def main(words: Sequence[str]) -> int:
    p = Parser("view", "Look at fitted fields in the browser.", _EPILOG)
    p.add_argument("paths", type=Path, nargs="+", metavar="RUN", help="run folders and .nf files")
    p.add_argument("--signal", type=Path, metavar="PATH", help="what they were fitted to, if it is not where they say")
    p.add_viewing()
    p.add_trust()
    options = p.read(words)
    for path in options.paths:
        needs(path.exists(), f"there is no run folder or .nf file {path}")
    with importing():
        from neuralfields.viewer import sources

    paths = list({path.resolve(): path for path in options.paths}.values())  # each once
    session = sources.opened(paths, signal=options.signal, trust=options.trust)
    for note in session.notes:
        say(f"nf view: {note}")
    with serving(session, options, "nf view") as server:
        linger(server)
    return 0


class Watching:
    """The page of ``nf fit --view``, told of with the first fit. A context manager."""

    def __init__(self, options: "Namespace"):
        from neuralfields.viewer.live import Live
        from neuralfields.viewer.session import Session

        self._options, self._told, self._interrupted = options, False, False
        session = Session()
        self._server = _server(session, options)
        self._live = Live(session, self._server)

    def __enter__(self) -> "Watching":
        return self

    def __exit__(self, *error: object) -> None:
        self._server.close()

    def begin(self, run: "Run", stop: "Stop") -> "Live":
        """Show this run from now on; ``stop`` ends pauses too."""
        stop.also = self._interrupt
        self._interrupted = False
        name = run.folder.path.name
        field: Any = run.state.field
        problem = self._live.begin(field, run.signal, name=name, save=run.save, interrupted=lambda: self._interrupted)
        if problem:
            say(f"nf fit: {problem}")
        if not self._told:
            _tell(self._server, self._options, "nf fit")
            self._told = True
        return self._live

    def linger(self) -> None:
        """Serve until Ctrl-C, unless that has ended the fit."""
        if self._told and not self._interrupted:
            linger(self._server)

    def _interrupt(self) -> None:
        self._interrupted = True


def serving(session: "Session", options: "Namespace", command: str) -> "Server":
    """A server as the options ask for it; its address has been told, and opened in the browser."""
    server = _server(session, options)
    _tell(server, options, command)
    return server


def _server(session: "Session", options: "Namespace") -> "Server":
    from neuralfields.viewer.server import LOOPBACK, Server

    return Server(session, host=options.host or LOOPBACK, port=options.port)


def _tell(server: "Server", options: "Namespace", command: str) -> None:
    from neuralfields.viewer.show import open_browser

    if server.wide:
        say(
            f"{command}: --host {options.host} lets everybody in who reaches this machine and knows the address, and "
            "nothing is encrypted: an ssh tunnel is safer"
        )
    say(f"{command}: {server.url}")
    if server.elsewhere and server.elsewhere != server.url:
        say(f"{command}: on other machines {server.elsewhere}")
    if options.browser:
        open_browser(server)


def linger(server: "Server") -> None:
    """Serve until Ctrl-C."""
    say("the page stays until Ctrl-C")
    try:
        server.wait()
    except KeyboardInterrupt:
        return
