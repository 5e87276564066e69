"""What a viewer shows: one fit under way, or fields from run folders, from files, or from the caller's hands."""

from collections.abc import Callable, Sequence

from neuralfields.errors import InputError
from neuralfields.viewer.course import Course
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import VERSION, Action, File, FitState, Hello, Point, Progress


class Session:
    """The items that are shown, and the state of the fit that they belong to.

    Items are replaced, and all else is set, in any thread; what was set is read in the server's.

    Args:
        items: one or more, or none yet.
        title: of the page.
        course: of the fit so far.

    Attributes:
        state: of the fit; "done" where there is none.
        control: does what a page asks of the fit, quickly; None where there is no fit.
        notes: lines for everybody who comes.
        watches: called every two seconds by the thread that asks the items; each tells whether there is more to say.
    """

    def __init__(self, items: Sequence[Item] = (), *, title: str = "neuralfields", course: Sequence[Point] = ()):
        self.items: tuple[Item, ...] = tuple(items)
        self.title = title
        self.state: FitState = "done"
        self.control: Callable[[Action], None] | None = None
        self.notes: list[str] = []
        self.watches: list[Callable[[], bool]] = []
        self._course = Course(course)

    @property
    def running(self) -> bool:
        """Whether a fit of this process must not be held up."""
        return self.control is not None and self.state in ("running", "stopping")

    def item(self, number: int) -> Item:
        """The item with this id.

        Raises:
            InputError: there is none.
        """
        for item in self.items:
            if item.shown.id == number:
                return item
        raise InputError(f"nothing with the number {number} is shown, of {len(self.items)}")

    def add(self, point: Point) -> Point:
        """Make the course longer by a point; how that is to be told."""
        return self._course.add(point)

    def replace(self, items: Sequence[Item], *, title: str, course: Sequence[Point] = ()) -> None:
        """Show something else."""
        self.items, self.title, self._course = tuple(items), title, Course(course)

    def progress(self) -> Progress | None:
        """Where the fit is; None where nothing is known of its course."""
        last = self._course.last
        return Progress(last, self.state) if last else None

    def page(self) -> tuple[File, bytes]:
        """All that is shown as a page by itself.

        Raises:
            InputError: nothing is shown.
        """
        from neuralfields.viewer.page import page

        name = self.title.replace("/", "-").replace(", ", "-")
        return File(f"{name}.html", "text/html"), page(self.items, title=self.title, course=self._course.points)

    def hello(self) -> Hello:
        """What a page is told first."""
        shown = tuple(item.shown for item in self.items)
        live = self.control is not None
        return Hello(VERSION, self.title, shown, live, self.state, self._course.points)
