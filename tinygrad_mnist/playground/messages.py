"""What the page sends is read with distrust: JSON of a few forms, with sizes that are checked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tinygrad_mnist.playground.networks import NETWORKS
from tinygrad_mnist.playground.session import YOURS
from tinygrad_mnist.playground.training import OPTIMIZERS, Settings

MOST_POINTS = 4000
"""The most points of a drawing."""

MOST_EPOCHS = 50
RATES = (1e-6, 10.0)
"""The least and the largest learning rate."""


class RequestError(ValueError):
    """A request can't be understood, or asks for too much."""


def parse(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Examples
    --------
    >>> parse(b'{"example": 3}')
    {'example': 3}
    """
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise RequestError("the body must be a JSON object")
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def read_question(found: dict[str, Any], examples: int) -> tuple[str, list[np.ndarray] | int]:
    """Return the network that is asked, and strokes or the number of a held-out digit.

    Raises
    ------
    RequestError
        Saying what is wrong.

    Examples
    --------
    >>> read_question({"network": "perceptron", "strokes": [[[0, 0.5]]]}, 10)
    ('perceptron', [array([[0. , 0.5]])])
    >>> read_question({"network": "yours", "example": 3}, 10)
    ('yours', 3)
    """
    network = _choice(found, "network", [*NETWORKS, YOURS])
    if found.keys() == {"network", "example"}:
        return network, _whole(found, "example", 0, examples - 1)
    if found.keys() != {"network", "strokes"}:
        raise RequestError("a question has 'network', and either 'strokes' or 'example'")
    strokes = found["strokes"]
    if not isinstance(strokes, list) or not strokes:
        raise RequestError("'strokes' must be a list of at least one stroke")
    if not all(isinstance(stroke, list) and stroke for stroke in strokes):
        raise RequestError("a stroke must be a list of at least one point")
    if sum(map(len, strokes)) > MOST_POINTS:
        raise RequestError(f"a drawing may have {MOST_POINTS} points at most")
    return network, [np.array([_point(point) for point in stroke]) for stroke in strokes]


def _point(point: object) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise RequestError("a point must be a list of two numbers")
    x, y = point
    if not all(type(v) in (int, float) and 0 <= v <= 1 for v in point):
        raise RequestError("a point's numbers must lie between 0 and 1")
    return float(x), float(y)


def read_settings(found: dict[str, Any]) -> Settings:
    """Return the settings of a training.

    Raises
    ------
    RequestError
        Saying what is wrong.

    Examples
    --------
    >>> read_settings({"network": "perceptron", "optimizer": "SGD", "rate": 0.1, "epochs": 3})[:4]
    ('perceptron', 'SGD', 0.1, 3)
    """
    if found.keys() != {"network", "optimizer", "rate", "epochs"}:
        raise RequestError("a training has 'network', 'optimizer', 'rate' and 'epochs'")
    network = _choice(found, "network", list(NETWORKS))
    optimizer = _choice(found, "optimizer", list(OPTIMIZERS))
    rate = found["rate"]
    if type(rate) not in (int, float) or not RATES[0] <= rate <= RATES[1]:
        raise RequestError(f"'rate' must be a number from {RATES[0]:g} to {RATES[1]:g}")
    return Settings(network, optimizer, float(rate), _whole(found, "epochs", 1, MOST_EPOCHS))


def _choice(found: dict[str, Any], name: str, choices: list[str]) -> str:
    value = found.get(name)
    if not isinstance(value, str) or value not in choices:
        raise RequestError(f"{name!r} must be one of {', '.join(choices)}")
    return value


def _whole(found: dict[str, Any], name: str, least: int, most: int) -> int:
    value = found[name]
    if type(value) is not int or not least <= value <= most:
        raise RequestError(f"{name!r} must be a whole number from {least} to {most}")
    return value
