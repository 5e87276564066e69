"""What a viewer shows: one fit under way, or fields from run folders, from files, or from the caller's hands."""

from collections.abc import Callable, Mapping, Sequence

from neuralfields.errors import InputError
from neuralfields.viewer.course import Course
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import VERSION, Action, File, Hello, Progress


class Session:
    """The items that are shown, and how they were fitted or are.

    Items are replaced, and all else is set, in any thread; what was set is read in the server's.

    Args:
        items: one or more, or none yet.
        title: of the page.

    Attributes:
        fits: the courses of those items whose fits are known, by id.
        control: does what a page asks of the fit, quickly; None where there is no fit.
        notes: lines for everybody who comes.
        watches: called every two seconds by the thread that asks the items; each tells whether there is more to say.
    """

    def __init__(self, items: Sequence[Item] = (), *, title: str = "neuralfields"):
        self.items: tuple[Item, ...] = tuple(items)
        self.title = title
        self.fits: dict[int, Course] = {}
        self.control: Callable[[Action], None] | None = None
        self.notes: list[str] = []
        self.watches: list[Callable[[], bool]] = []

    @property
    def running(self) -> bool:
        """Whether a fit of this process must not be held up."""
        return self.control is not None and any(fit.state in ("running", "stopping") for fit in self.fits.values())

    def item(self, number: int) -> Item:
        """The item with this id.

        Raises:
            InputError: there is none.
        """
        for item in self.items:
            if item.shown.id == number:
                return item
        raise InputError(f"nothing with the number {number} is shown, of {len(self.items)}")

    def replace(self, items: Sequence[Item], *, title: str, fits: Mapping[int, Course]) -> None:
        """Show something else."""
        self.items, self.title, self.fits = tuple(items), title, dict(fits)

    def progress(self) -> list[Progress]:
        """Where the fits are of which that is known."""
        return [told for number, fit in self.fits.items() if (told := fit.progress(number))]

    def page(self, waited: Callable[[], bool] = lambda: True) -> tuple[File, bytes]:
        """All that is shown as a page by itself.

        Args:
            waited: whether somebody still waits for it; asked again and again while pictures for it are drawn.

        Raises:
            InputError: nothing is shown.
            GivenUp: nobody waits for it.
        """
        from neuralfields.viewer.page import page

        name = self.title.replace("/", "-").replace(", ", "-")
        data = page(self.items, title=self.title, fits=self.hello().fits, waited=waited)
        return File(f"{name}.html", "text/html"), data

    def hello(self) -> Hello:
        """What a page is told first."""
        shown = tuple(item.shown for item in self.items)
        live = self.control is not None
        return Hello(VERSION, self.title, shown, live, tuple(fit.told(number) for number, fit in self.fits.items()))
