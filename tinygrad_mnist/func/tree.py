"""Trees: nested dicts, lists and tuples, with anything else as leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a tree, from left to right.

    Examples
    --------
    >>> from tinygrad_mnist.utils.checkpoint import leaves
    >>> leaves({"a": [1, (2, 3)], "b": 4})
    [1, 2, 3, 4]
    """
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, list | tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def rebuild(tree: Any, values: list[Any]) -> Any:
    """Return a tree of the same form with other leaves.

    Examples
    --------
    >>> from tinygrad_mnist.func.tree import rebuild
    >>> rebuild({"a": [1, (2, 3)], "b": 4}, ["w", "x", "y", "z"])
    {'a': ['w', ('x', 'y')], 'b': 'z'}
    """
    given = iter(values)
    return map_leaves(lambda leaf: next(given), tree)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return a tree of the same form with a function applied to each leaf.

    Examples
    --------
    >>> from tinygrad_mnist.func.tree import map_leaves
    >>> map_leaves(abs, {"a": [-1, 2]})
    {'a': [1, 2]}
    """
    if isinstance(tree, dict):
        items = {key: map_leaves(function, part) for key, part in tree.items()}
        return items if type(tree) is dict else type(tree)(items)
    if isinstance(tree, list | tuple):
        parts = [map_leaves(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree)


def spread(prefix: Any, tree: Any, name: str = "") -> list[Any]:
    """Return a value for each leaf of a tree: that of the prefix above it, which errors name.

    Raises
    ------
    ValueError
        When the prefix has another form than the tree.

    Examples
    --------
    >>> from tinygrad_mnist.func.tree import spread
    >>> spread((0, None), ([1, 2], 3))
    [0, 0, None]
    """
    if not isinstance(prefix, dict | list | tuple):
        return [prefix] * len(leaves(tree))
    if isinstance(prefix, dict):
        if not isinstance(tree, dict) or set(prefix) != set(tree):
            raise ValueError(f"{name}{prefix!r} has another form than what it is given for")
        return [value for key in tree for value in spread(prefix[key], tree[key], name)]
    if not isinstance(tree, list | tuple) or len(prefix) != len(tree):
        raise ValueError(f"{name}{prefix!r} has another form than what it is given for")
    pairs = zip(prefix, tree, strict=True)
    return [value for part, below in pairs for value in spread(part, below, name)]
