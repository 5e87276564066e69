"""How a fit went, in so few points that neither memory nor a plot grows with it."""

from collections.abc import Iterable
from dataclasses import replace

from neuralfields.viewer.protocol import MOST_POINTS, Fit, FitState, Point, Progress


class Course:
    """Every so-many-th of the points that were told, from the first on, and the newest.

    When that is more than ``MOST_POINTS``, every second one is left out, and from then on only every second one is
    kept: the points stay evenly spaced however long the fit is. The page does the same with what it is told.

    Attributes:
        state: of the fit.
    """

    def __init__(self, points: Iterable[Point] = (), *, state: FitState = "done"):
        self.state: FitState = state
        self._points: list[Point] = []
        self._stride, self._told = 1, 0
        for point in points:
            self.add(point)

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(self._points)

    @property
    def last(self) -> Point | None:
        return self._points[-1] if self._points else None

    def told(self, shown: int) -> Fit:
        """All of it, as that of the item with this id."""
        return Fit(shown, self.state, self.points)

    def progress(self, shown: int) -> Progress | None:
        """Where the fit is; None where nothing is known yet."""
        return Progress(shown, self.last, self.state) if self.last else None

    def add(self, point: Point) -> Point:
        """Make the course longer, or take the place of the last point if that was of the same step.

        Returns:
            The point, which knows now whether it stays.
        """
        last = self.last
        if last is not None and last.step == point.step:
            point = self._points[-1] = replace(point, stays=last.stays)
            return point
        if last is not None and not last.stays:
            self._points.pop()
        point = replace(point, stays=self._told % self._stride == 0)
        self._told += 1
        self._points.append(point)
        if point.stays and len(self._points) > MOST_POINTS:
            del self._points[1::2]
            self._stride *= 2
        return point
