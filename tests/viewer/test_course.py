"""The course of a fit stays even and bounded, and the page that is told of it has the same."""

import random
from itertools import pairwise

from neuralfields.viewer.course import Course
from neuralfields.viewer.protocol import MOST_POINTS, Point


def point(step: int) -> Point:
    return Point(step, step / 5, 1.0, None, 1.0, 0.1, None, 0.0)


def test_the_whole_course_is_told_evenly():
    course, told = Course(), 50_000
    for step in range(told):
        assert course.add(point(step)).step == step
        assert len(course.points) <= MOST_POINTS + 1
    steps = [each.step for each in course.points]
    gaps = {after - before for before, after in pairwise(steps[:-1])}
    assert steps[0] == 0 and steps[-1] == told - 1 and len(gaps) == 1 and len(steps) > MOST_POINTS / 2


def test_the_last_point_is_told_once():
    course = Course(point(step) for step in range(3 * MOST_POINTS))
    chance, count = random.Random(0), len(course.points)
    for step in range(3 * MOST_POINTS, 3 * MOST_POINTS + 20):
        told = [course.add(point(step)) for _ in range(chance.randint(1, 3))]
        assert len(set(told)) == 1 and course.last == told[-1]
        assert [each.step for each in course.points].count(step) == 1
    assert len(course.points) <= count + 20 / 2


def test_a_course_that_was_kept_goes_on():
    first = Course(point(step) for step in range(10))
    second = Course(first.points)
    second.add(point(10))
    assert [each.step for each in second.points] == list(range(11))
