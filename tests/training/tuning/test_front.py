"""Fronts beside brute force and Optuna's own; knees where geometry puts them."""

import numpy as np
import optuna
import pytest

from reprise.training.tuning.front import choose, front, knee


@pytest.mark.parametrize(("seed", "objectives"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_the_front_is_what_nobody_dominates(seed, objectives):
    """Ties included: values are drawn from few."""
    points = np.random.default_rng(seed).integers(0, 8, (60, objectives)).astype(float)
    study = optuna.create_study(directions=["maximize"] * objectives)
    study.add_trials([optuna.trial.create_trial(values=list(row)) for row in points])

    by_hand = [not any(np.all(q >= p) and np.any(q > p) for q in points) for p in points]

    assert by_hand == front(points).tolist()
    best = {trial.number for trial in study.best_trials} if objectives > 1 else None
    assert best is None or best == set(np.flatnonzero(front(points)).tolist())


def test_the_knee_of_a_quarter_circle_is_its_middle():
    angles = np.linspace(0, np.pi / 2, 21)
    circle = np.c_[np.cos(angles), np.sin(angles)]
    stretched = circle * [1000, 0.01] + [7, -3]  # units have no say

    assert knee(circle) == knee(stretched) == 10
    inside = np.r_[stretched, [[7, -3]]]  # a beaten point has none either
    assert knee(inside) == 10


def test_the_knee_of_a_corner_is_the_corner():
    points = np.array([[0, 1], [0.8, 0.9], [1, 0], [0.9, 0.5]])

    assert knee(points) == 1


def test_the_knee_of_a_sphere_is_near_its_diagonal():
    random = np.random.default_rng(3)
    points = np.abs(random.standard_normal((300, 3)))
    points = np.r_[np.eye(3), points / np.linalg.norm(points, axis=1, keepdims=True)]

    found = points[knee(points)]

    assert found.min() == max(row.min() for row in points)


@pytest.mark.parametrize(
    "points", [[[1, 0], [0, 1]], [[0, 1], [0.5, 0.5], [1, 0]], [[0, 1], [0.2, 0.2], [1, 0]], [[1, 1], [0, 0], [0, 1]]]
)
def test_a_straight_or_hollow_front_has_no_knee(points):
    assert knee(np.array(points, float)) is None


def test_the_choice_gives_up_no_more_of_the_first_than_allowed():
    points = np.array([[0.90, -100.0], [0.897, -50], [0.893, -10], [0.5, -1], [0.6, -70]])

    assert choose(points, "bounded", 0.005).point == 1
    assert choose(points, "bounded", 0.01).point == 2
    assert choose(points, "bounded", 0.0).point == 0
    assert choose(points, "knee", 0.0).point == knee(points) == 2
    assert "loses 0.0030" in choose(points, "bounded", 0.005).why


def test_of_one_objective_the_best_and_of_equals_the_first():
    assert choose(np.array([[0.1], [0.7], [0.7]]), "bounded", 0.5).point == 1
