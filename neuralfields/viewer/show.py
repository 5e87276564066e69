"""``nf.view``: look at a field in the browser, or in a notebook's cell, or write a page that shows it."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Any

import torch

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.signals import as_signal
from neuralfields.viewer.items import Item
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

_NOTEBOOK = """
<iframe id="{id}" title="{title}" style="width: 100%; height: 600px; border: 0" allow="fullscreen"></iframe>
<script>
  {{
    // A page's cookie is only kept where the notebook has the same name for this machine.
    const here = ["localhost", "127.0.0.1"].includes(location.hostname) ? location.hostname : "127.0.0.1";
    document.getElementById("{id}").src = `http://${{here}}:{port}/#token={token}`;
  }}
</script>
"""


_cells: dict[str, tuple[int, list["Viewing"]]] = {}  # of a notebook: the number of its run, and what it shows


class Viewing:
    """A field that is being looked at, until it is closed. A context manager.

    Attributes:
        url: where it can be seen on this machine, by who knows this address.
    """

    def __init__(self, field: Field, signal: Any, name: str, port: int | None):
        self._field = field
        self._item = Item(field, signal, name=name)
        self._server = Server(Session([self._item], title=name), port=port)
        self.url = self._server.url

    def __enter__(self) -> "Viewing":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def update(self, step: int | None = None) -> None:
        """Show the values that the field has now, as between two steps of a fit of one's own.

        Quick where nobody looks; else it copies the field, of which the page is sent the newest that it can draw.

        Args:
            step: of that fit, for the page to tell; the one before, if not given.
        """
        hub, item = self._server.hub, self._item
        if item.shown.id in hub.looked:
            with torch.no_grad():
                held = {name: tensor.to("cpu", copy=True) for name, tensor in self._field.state_dict().items()}
            item.receive(held, item.step if step is None else step, still=True)
            hub.post(hub.changed)

    def wait(self) -> None:
        """Until it is closed, or Ctrl-C: a script that ends here would end the view too."""
        self._server.wait()

    def close(self) -> None:
        """Show it no more."""
        self._server.close()

    def _open(self, browser: bool) -> None:
        if _in_notebook():
            _take_the_place(self)
            _display(self._server, self._item.shown.name)
        elif browser and not open_browser(self._server):
            print(f"no browser was found: open {self.url}")


def view(
    field: Field,
    signal: object = None,
    *,
    path: str | os.PathLike[str] | None = None,
    browser: bool = True,
    port: int | None = None,
) -> Viewing | Path:
    """Look at a field, beside the signal that it was fitted to: a picture, a shape, a volume or a radiance field.

    A server in a thread of its own shows it, on this machine only, as long as this process lives: a script ends with
    ``nf.view(field).wait()``. In a notebook the cell shows it, until it is run again.

    Args:
        field: from 2 or 3 coordinates, or a radiance field. It is copied: later changes are not shown, but see
            ``Viewing.update``.
        signal: a signal, an image as an array, or a path; without it the field is shown alone.
        path: where to write a page that holds all it shows, instead of serving it: anyone can open it from disk. Of
            a field that pages cannot compute it has pictures.
        browser: whether to open the browser; not in notebooks.
        port: of the server; 7310 or one of the next by default, 0 for any.

    Returns:
        What closes the view, or the path that was written.

    Raises:
        InputError: the field cannot be looked at, or is not one of this signal; the port is taken.
    """
    if not isinstance(field, Field):
        raise InputError(f"the viewer shows an nf.Field, not a {type(field).__name__}: wrap it in one")
    known: Any = None if signal is None else as_signal(signal)
    name = Path(getattr(known, "name", type(field).__name__)).stem
    if path is None:
        viewing = Viewing(field, known, name, port)
        viewing._open(browser)
        return viewing
    from neuralfields.viewer.page import export_page

    export_page(path, [Item(field, known, name=name)])
    if browser and not _in_notebook():
        webbrowser.open(Path(path).absolute().as_uri())
    return Path(path)


def open_browser(server: Server) -> bool:
    """Open the page, if there is a browser; other users may read its arguments, so that address works once."""
    return webbrowser.open(f"{server.place}#token={server.ticket()}")


def _in_notebook() -> bool:
    return type(_shell()).__name__ == "ZMQInteractiveShell"


def _shell() -> Any:
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def _take_the_place(viewing: Viewing) -> None:
    """Close what the same cell has shown when it was run before: nobody sees that any more."""
    shell = _shell()
    asked = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = (asked or {}).get("metadata", {}).get("cellId")
    if cell is None:
        return
    run, shown = _cells.get(cell, (None, []))
    if run != shell.execution_count:
        for before in shown:
            before.close()
        shown = []
    _cells[cell] = shell.execution_count, [*shown, viewing]


def _display(server: Server, title: str) -> None:
    """Show the page in a cell. What a notebook's file keeps of it opens nothing."""
    import html
    import importlib

    ticket = server.ticket()
    text = _NOTEBOOK.format(id=f"nf-{ticket[:8]}", title=html.escape(title), port=server.port, token=ticket)
    display: Any = importlib.import_module("IPython.display")
    display.display(display.HTML(text))
