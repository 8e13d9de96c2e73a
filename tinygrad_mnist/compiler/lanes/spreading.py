"""What a call does to a part of the batch.

The dimensions of arrays have labels, as in ``einsum``: a call's form says which dimensions of what
it takes and makes go along with one another, and over which it sums. If the batch has a label, the
call can be made for a part of the batch: what has that label is cut, what it sums over it becomes
a summand. A call that does anything else with that label can't be cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.compiler.trace import Call, Value
from tinygrad_mnist.ops.contract import TABLE
from tinygrad_mnist.ops.sums import sum_many_rows
from tinygrad_mnist.ops.windows import slide


class Cut(NamedTuple):
    """An array of which each lane has its rows.

    Attributes
    ----------
    axis
        The dimension that is cut.
    per
        How many of its elements belong to each row of the batch, one after the other.
    """

    axis: int
    per: int


SUMMAND = "summand"
"""The kind of an array that is the sum of what the lanes have."""

OWN = "own"
"""The kind of what only other kernels of the same lane may read."""

Kind = Cut | str | None
"""What lanes have of an array: its rows, a summand, something of their own, or (None) all."""

Labels = tuple[Any, ...]


@dataclass
class Spread:
    """How a call is made for some of the rows.

    Attributes
    ----------
    needs
        The arrays that must be cut; all others must be whole.
    results
        The kinds of what it makes.
    shape
        The shape that it is told, and at which dimension of it the rows are counted.
    scaled, shares
        Places of arguments, and of results, that are multiplied by a lane's share of the rows.
    unless
        An array, and a number that must not be in it.
    adds
        Whether it takes summands as they are.
    """

    needs: dict[Value, Cut]
    results: dict[Value, Kind] = field(default_factory=dict)
    shape: tuple[tuple[int, ...], Cut] | None = None
    scaled: tuple[int, ...] = ()
    shares: tuple[int, ...] = ()
    unless: tuple[Value, int] | None = None
    adds: bool = False


class Form(NamedTuple):
    """The labels of a call's arrays.

    Attributes
    ----------
    takes, makes
        Arrays and their labels.
    sums
        Labels that it sums over.
    fixed
        Labels of dimensions of which it takes certain places.
    """

    takes: list[tuple[Value, Labels]]
    makes: list[tuple[Value, Labels]]
    sums: frozenset[Any] = frozenset()
    fixed: frozenset[Any] = frozenset()


_numbers = count()


def _new(number: int) -> list[Any]:
    """Return labels that nothing else has."""
    return [next(_numbers) for _ in range(number)]


def spread(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    """Return how a call that takes a cut array is made for some of the rows; None if it can't."""
    if call.reads or (any(x.varies for x in call.values()) and call.function not in _BY_KERNEL):
        return None
    for table in (_BY_KERNEL, _BY_FUNCTION):
        if (special := _known(table, call)) is not None:
            found: Spread | None = special(call, kind, batch)
            return found
    form = form_of(call)
    return None if form is None else _spread(form, kind, batch)


def sums_up(call: Call, kind: Callable[[Value], Kind]) -> Spread | None:
    """Return how summands are added up in each lane; None if a call does anything else."""
    if call.function not in (np.add, np.subtract) or set(call.keywords) - {"out"}:
        return None
    out = _out(call)
    arrays = [x for x in call.arguments if type(x) is Value and kind(x) == SUMMAND]
    if out is None or len(arrays) != 2 or any(x.array.shape != out.array.shape for x in arrays):
        return None
    return Spread({}, {out: SUMMAND}, adds=True)


def _known(table: Mapping[Any, Any], call: Call) -> Any:
    key = (call.kind, call.name) if call.kind == "method" else call.function
    key = call.kind if call.kind == "getitem" else key
    try:
        return table.get(key)
    except TypeError:  # a function that can't be hashed
        return None


def _spread(form: Form, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    cuts = {(labels[k.axis], k.per) for x, labels in form.takes if type(k := kind(x)) is Cut}
    if len(cuts) != 1 or any(kind(x) == OWN for x, _ in form.takes):
        return None
    ((label, per),) = cuts
    if label in form.fixed:
        return None
    needs: dict[Value, Cut] = {}
    whole = set()
    for x, labels in form.takes:
        if label not in labels:
            whole.add(x)
            continue
        axis = labels.index(label)
        if labels.count(label) > 1 or x.array.shape[axis] != per * batch:
            return None
        if needs.setdefault(x, Cut(axis, per)) != Cut(axis, per):
            return None
    if whole & needs.keys() or any(type(kind(x)) is Cut for x in whole):
        return None
    results: dict[Value, Kind] = {}
    for x, labels in form.makes:
        if label in labels:
            results[x] = Cut(labels.index(label), per)
        elif label in form.sums:
            results[x] = SUMMAND
        else:
            return None
    return Spread(needs, results)


# Forms


def form_of(call: Call) -> Form | None:
    """Return the labels of a call; None if they aren't known."""
    function, kind = call.function, call.kind
    if kind == "setitem":
        return _setitem(call)
    if function is np.copyto:
        return _copied(call)
    if type(call.results) is not Value and "out" not in call.keywords:
        return None
    if kind == "getitem":
        return _getitem(call)
    if kind == "attribute":
        return _permuted(call, range(call.results.array.ndim)[::-1]) if call.name == "T" else None
    if kind == "method":
        return _METHODS[call.name](call) if call.name in _METHODS else None
    if kind != "function":
        return None
    if type(function) is np.ufunc and function.signature is None:
        return _elementwise(call, call.arguments) if function.nout == 1 else None
    try:
        known = _FUNCTIONS.get(function)
    except TypeError:
        return None
    if known is None and isinstance(owner := getattr(function, "__self__", None), np.ufunc):
        known = _reduction(owner is np.add) if function.__name__ == "reduce" else None
    return None if known is None else known(call)


def _out(call: Call) -> Value | None:
    """Return what a call makes, or writes over."""
    out = call.keywords.get("out")
    out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    return out if type(out) is Value else call.results if type(call.results) is Value else None


def _finished(
    call: Call, takes: list[tuple[Value, Labels]], labels: Labels, sums: Any = ()
) -> Form | None:
    """Return a form whose result has these labels."""
    out = _out(call)
    if out is None or len(labels) != out.array.ndim:
        return None
    if "out" in call.keywords:
        return None if sums else Form([*takes, (out, labels)], [])
    return Form(takes, [(out, labels)], frozenset(sums))


def _aligned(shape: tuple[int, ...], labels: Labels) -> Labels:
    """Return the labels of an operand that is broadcast: its dimensions are the last ones."""
    last = labels[len(labels) - len(shape) :]
    return tuple(one if n != 1 else new for n, one, new in zip(shape, last, _new(len(shape)),
                                                               strict=True))  # fmt: skip


def _elementwise(call: Call, operands: Iterable[Any]) -> Form | None:
    out = _out(call)
    if out is None or set(call.keywords) - {"out", "dtype"}:
        return None
    labels = tuple(_new(out.array.ndim))
    takes = []
    for x in operands:
        if type(x) is Value:
            takes.append((x, _aligned(x.array.shape, labels)))
        elif isinstance(x, tuple | list | slice | np.ndarray):
            return None
    return _finished(call, takes, labels)


def _product(call: Call) -> Form | None:
    if set(call.keywords) - {"out"} or len(call.arguments) != 2:
        return None
    a, b = call.arguments
    if type(a) is not Value or type(b) is not Value:
        return None
    (rows, inner, columns), ends = _new(3), []
    for x, name, place in ((a, rows, 0), (b, columns, 1)):
        if x.array.ndim < 1:
            return None
        pair = [inner] if x.array.ndim == 1 else [(name, inner), (inner, name)][place]
        ends.append(pair)
    lead = tuple(_new(max(a.array.ndim, b.array.ndim, 2) - 2))
    takes = []
    for x, pair in zip((a, b), ends, strict=True):
        takes.append((x, (*_aligned(x.array.shape[:-2], lead), *pair)))
    kept = [name for x, name in ((a, rows), (b, columns)) if x.array.ndim > 1]
    return _finished(call, takes, (*lead, *kept), (inner,))


def _dot(call: Call) -> Form | None:
    small = all(type(x) is Value and x.array.ndim in (1, 2) for x in call.arguments)
    return _product(call) if small else None


def _row_products(call: Call) -> Form | None:
    """Give ``vecdot`` its labels."""
    if set(call.keywords) - {"out"} or any(type(x) is not Value for x in call.arguments):
        return None
    lead, (inner,) = tuple(_new(max(x.array.ndim for x in call.arguments) - 1)), _new(1)
    takes = [(x, (*_aligned(x.array.shape[:-1], lead), inner)) for x in call.arguments]
    return _finished(call, takes, lead, (inner,))


def _reduction(sums: bool) -> Callable[[Call], Form | None]:
    """Return the form of what goes over dimensions, be it to sum or not."""

    def form(call: Call) -> Form | None:
        x, *rest = call.arguments
        named = {**call.keywords}
        axis = rest.pop(0) if rest else named.pop("axis", 0 if _is_reduce(call) else None)
        keep = named.pop("keepdims", False)
        if rest or set(named) - {"initial", "dtype"} or type(x) is not Value:
            return None
        if type(named.get("initial")) is Value or (sums and "initial" in named):
            return None
        n, labels = x.array.ndim, tuple(_new(x.array.ndim))
        axes = range(n) if axis is None else (axis,) if isinstance(axis, int) else axis
        gone = {d % n for d in axes}
        new = _new(n)
        kept = tuple(new[d] if d in gone else labels[d] for d in range(n) if keep or d not in gone)
        return _finished(call, [(x, labels)], kept, [labels[d] for d in gone] if sums else ())

    return form


def _is_reduce(call: Call) -> bool:
    return call.kind == "function" and isinstance(
        getattr(call.function, "__self__", None), np.ufunc
    )


def _same(call: Call) -> Form | None:
    """Give what keeps all dimensions its labels: a copy, or other types of the numbers."""
    x = call.arguments[0]
    if type(x) is not Value or len(call.values()) != 1 or call.results.array.shape != x.array.shape:
        return None
    labels = tuple(_new(x.array.ndim))
    return _finished(call, [(x, labels)], labels)


def _filled(call: Call) -> Form | None:
    """Give ``full_like`` and its like their labels."""
    x, *rest = call.arguments
    if type(x) is not Value or call.results.array.shape != x.array.shape:
        return None
    labels = tuple(_new(x.array.ndim))
    takes = [(x, labels)]
    takes += [(y, _aligned(y.array.shape, labels)) for y in rest if type(y) is Value]
    return _finished(call, takes, labels)


def _permuted(call: Call, order: Iterable[int]) -> Form | None:
    x = call.arguments[0]
    labels = tuple(_new(x.array.ndim))
    return _finished(call, [(x, labels)], tuple(labels[d] for d in order))


def _by_axes(call: Call) -> Form | None:
    """Find out what becomes of the dimensions by asking NumPy."""
    x, rest = call.arguments[0], call.arguments[1:]
    if type(x) is not Value or len(call.values()) != 1:
        return None
    # Each dimension has its own length, so that the result's lengths tell which is which.
    lengths = tuple(range(2, 2 + x.array.ndim))
    lengths = tuple(1 if n == 1 else m for n, m in zip(x.array.shape, lengths, strict=True))
    outline = np.broadcast_to(np.empty(()), lengths)
    if call.kind == "method":
        there = getattr(outline, call.name)(*rest, **call.keywords)
    else:
        there = call.function(outline, *rest, **call.keywords)
    labels = tuple(_new(x.array.ndim))
    by = {m: label for m, label in zip(lengths, labels, strict=True) if m > 1}
    new = _new(there.ndim)
    return _finished(
        call, [(x, labels)], tuple(by.get(m, new[d]) for d, m in enumerate(there.shape))
    )


def _index(target: Value, index: Any) -> tuple[Labels, Labels, list[tuple[Value, Labels]]] | None:
    """Return the labels of an array, of what is at an index, and of the index's arrays."""
    parts = list(index) if type(index) is tuple else [index]
    n = target.array.ndim
    arrays = [p for p in parts if type(p) is Value]
    if any(p.array.dtype.kind == "b" for p in arrays) or len(arrays) > 1:
        return None
    taken = sum(p is not None and p is not Ellipsis for p in parts)
    if not any(p is Ellipsis for p in parts):
        parts.append(Ellipsis)
    labels = tuple(_new(n))
    there: list[Any] = []
    takes: list[tuple[Value, Labels]] = []
    at = 0
    for p in parts:
        if p is Ellipsis:
            there += labels[at : at + n - taken]
            at += n - taken
        elif p is None:
            there += _new(1)
        elif type(p) is slice and p == slice(None):
            there.append(labels[at])
            at += 1
        elif type(p) is slice:
            there += _new(1)
            at += 1
        elif type(p) is Value and p.array.dtype.kind in "iu":
            own = _new(p.array.ndim)
            takes.append((p, tuple(own)))
            there += own
            at += 1
        elif isinstance(p, int | np.integer) and not isinstance(p, bool):
            if arrays:  # an integer beside an array is another one
                return None
            at += 1
        else:
            return None
    return labels, tuple(there), takes


def _getitem(call: Call) -> Form | None:
    x, index = call.arguments
    found = _index(x, index) if type(x) is Value else None
    if found is None:
        return None
    labels, there, takes = found
    return _finished(call, [(x, labels), *takes], there)


def _copied(call: Call) -> Form | None:
    """Give ``copyto`` its labels."""
    target, x = call.arguments
    if set(call.keywords) - {"casting"} or type(target) is not Value:
        return None
    labels = tuple(_new(target.array.ndim))
    takes = [(target, labels)]
    if type(x) is Value:
        takes.append((x, _aligned(x.array.shape, labels)))
    return Form(takes, [])


def _setitem(call: Call) -> Form | None:
    target, index, x = call.arguments
    if type(target) is not Value:
        return None
    if type(index) is Value and index.array.dtype.kind == "b":
        if index.array.shape != target.array.shape or (type(x) is Value and x.array.ndim):
            return None
        labels = tuple(_new(target.array.ndim))
        return Form([(target, labels), (index, labels)], [])
    found = _index(target, index)
    if found is None or found[2]:
        return None
    labels, there, _ = found
    takes = [(target, labels)]
    if type(x) is Value:
        if x.array.ndim > len(there):
            return None
        takes.append((x, _aligned(x.array.shape, there)))
    return Form(takes, [], fixed=frozenset(labels).difference(there))


def _joined(call: Call) -> Form | None:
    """Give ``concatenate`` its labels."""
    parts, *rest = call.arguments
    named = {**call.keywords}
    axis = rest.pop(0) if rest else named.pop("axis", 0)
    if rest or named or not isinstance(parts, tuple | list) or not isinstance(axis, int):
        return None
    n = call.results.array.ndim
    labels = _new(n)
    labels[axis % n] = None
    takes = []
    for x in parts:
        if type(x) is not Value:
            return None
        own = list(labels)
        own[axis % n] = _new(1)[0]
        takes.append((x, tuple(own)))
    return _finished(call, takes, tuple(labels))


def _sum_of_rows(call: Call) -> Form | None:
    labels = tuple(_new(2))
    return _finished(call, [(call.arguments[0], labels)], labels[1:], labels[:1])


def _windows(call: Call) -> Form | None:
    x, kernel = call.arguments[:2]
    lead = tuple(_new(x.array.ndim - len(kernel)))
    labels = (*lead, *_new(len(kernel)))
    return _finished(call, [(x, labels)], (*lead, *_new(2 * len(kernel))))


def _of_subscripts(call: Call) -> Form | None:
    subscripts, *operands = call.arguments
    if not isinstance(subscripts, str) or "." in subscripts or "->" not in subscripts:
        return None
    takes_text, makes = subscripts.replace(" ", "").split("->")
    texts = takes_text.split(",")
    if set(call.keywords) - {"optimize"} or any(type(x) is not Value for x in operands):
        return None
    takes = [(x, tuple(t)) for x, t in zip(operands, texts, strict=True)]
    if any(n == 1 for x in operands for n in x.array.shape):
        return None  # a dimension of length 1 might be broadcast
    return _finished(call, takes, tuple(makes), set(takes_text) - {",", *makes})


_FUNCTIONS: dict[Any, Callable[[Call], Form | None]] = {
    np.where: lambda call: _elementwise(call, call.arguments) if len(call.arguments) == 3 else None,
    np.clip: lambda call: _elementwise(call, call.arguments),
    np.matmul: _product,
    np.dot: _dot,
    np.vecdot: _row_products,
    np.sum: _reduction(True),
    **{
        f: _reduction(False)
        for f in (np.max, np.min, np.amax, np.amin, np.prod, np.mean, np.argmax)
    },
    **dict.fromkeys((np.full_like, np.zeros_like, np.ones_like, np.empty_like), _filled),
    **{f: _by_axes for f in (np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze)},
    np.copy: _same,
    np.array: _same,
    np.concatenate: _joined,
    np.einsum: _of_subscripts,
    sum_many_rows: _sum_of_rows,
    slide: _windows,
}

_METHODS: dict[str, Callable[[Call], Form | None]] = {
    **dict.fromkeys(("astype", "copy", "view"), _same),
    **dict.fromkeys(("transpose", "swapaxes", "squeeze"), _by_axes),
    "sum": _reduction(True),
    **dict.fromkeys(("max", "min", "mean", "prod"), _reduction(False)),
}


# What is told a shape, and kernels


def _kept(x: np.ndarray, cut: Cut, shape: tuple[int, ...], batch: int) -> Cut | None:
    """Return where the rows are after a change of shape."""
    before, rest = prod(x.shape[: cut.axis]), prod(x.shape[cut.axis :])
    for axis in range(len(shape)):
        if prod(shape[:axis]) == before and shape[axis] % batch == 0 and shape[axis]:
            if prod(shape[axis:]) == rest:
                return Cut(axis, shape[axis] // batch)
    return None


def _reshape(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    x, result = call.arguments[0], call.results
    cut = kind(x)
    if set(call.keywords) - {"order"} or call.keywords.get("order", "C") != "C":
        return None
    if type(cut) is not Cut or type(result) is not Value:
        return None
    shape = result.array.shape
    kept = _kept(x.array, cut, shape, batch)
    return None if kept is None else Spread({x: cut}, {result: kept}, shape=(shape, kept))


def _broadcast(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    x, result = call.arguments[0], call.results
    cut = kind(x)
    if type(cut) is not Cut or set(call.keywords) - {"shape"}:
        return None
    kept = Cut(cut.axis + result.array.ndim - x.array.ndim, cut.per)
    return Spread({x: cut}, {result: kept}, shape=(result.array.shape, kept))


def _added_at(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    """``np.add.at`` of rows: each lane adds its own to zeros."""
    target, index, x = call.arguments
    if type(index) is not Value or type(x) is not Value or index.array.dtype.kind not in "iu":
        return None
    labels = tuple(_new(index.array.ndim))
    rest = tuple(_new(target.array.ndim - 1))
    if x.array.ndim != len(labels) + len(rest):
        return None
    found = _spread(Form([(index, labels), (x, (*labels, *rest))], []), kind, batch)
    return None if found is None else Spread(found.needs, {target: SUMMAND})


def _item(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    """Take an item; the first row tells no more than how rows lie in memory."""
    x, index = call.arguments
    if index == slice(None, 1) and kind(x) == Cut(0, 1) and type(call.results) is Value:
        return Spread({x: Cut(0, 1)}, {call.results: OWN})
    form = form_of(call)
    return None if form is None else _spread(form, kind, batch)


def _like(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    """Fill an array like another one; like a row it is the same in all lanes."""
    x, *rest = call.arguments
    cut, result = kind(x), call.results
    if "shape" in call.keywords and type(cut) is Cut and type(result) is Value:
        shape = result.array.shape
        own = cut.axis == 0 and shape and shape[0] == len(x.array) and not rest
        return Spread({x: cut}, {result: cut}, shape=(shape, cut)) if own else None
    if kind(x) == OWN:
        is_same = all(type(y) is not Value or kind(y) is None for y in rest)
        return Spread({}, {call.results: None}) if is_same and not call.keywords else None
    form = form_of(call)
    return None if form is None else _spread(form, kind, batch)


_BY_FUNCTION: dict[Any, Any] = {
    "getitem": _item,
    **{f: _like for f in (np.full_like, np.zeros_like, np.ones_like, np.empty_like)},
    np.reshape: _reshape,
    ("method", "reshape"): _reshape,
    np.broadcast_to: _broadcast,
    np.add.at: _added_at,
}


def _rows(*takes: int, sums: bool = False) -> Any:
    """Return the spread of a kernel whose arguments at these places have a row for each image."""

    def spread_kernel(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
        given = [call.arguments[i] for i in takes]
        if type(call.results) is not Value:
            return None
        label = _new(1)
        form = Form(
            [(x, (*label, *_new(x.array.ndim - 1))) for x in given]
            + [(x, tuple(_new(x.array.ndim)))
               for i, x in enumerate(call.arguments) if i not in takes and type(x) is Value],
            [(call.results, tuple(_new(call.results.array.ndim)) if sums
              else (*label, *_new(call.results.array.ndim - 1)))],
            frozenset(label if sums else ()),
        )  # fmt: skip
        return _spread(form, kind, batch)

    return spread_kernel


_LOSS = TABLE["cross_entropy"]


def _cross_entropy(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    x, target, *weight = call.arguments
    count, reduction = len(x.array), call.keywords["reduction"]
    cut = Cut(0, count // batch)
    usual = x.array.ndim == 2 and reduction in ("mean", "sum") and len(target.array) == count
    if not usual or any(w is not None for w in weight) or kind(x) != cut or count % batch:
        return None
    loss, *kept = call.results
    results: dict[Value, Kind] = {loss: SUMMAND}
    results |= {y: OWN for y in kept if type(y) is Value}
    return Spread(
        {x: cut, target: cut}, results,
        shares=(0,) if reduction == "mean" else (),
        unless=(target, call.keywords["ignore_index"]),
    )  # fmt: skip


def _cross_entropy_rule(call: Call, kind: Callable[[Value], Kind], batch: int) -> Spread | None:
    g, probs, rows, columns, weights = call.arguments[:5]
    shape, reduction = call.keywords.get("shape"), call.keywords.get("reduction")
    if any(kind(x) != OWN for x in (probs, rows, columns)) or weights is not None or not shape:
        return None
    if type(call.results) is not Value or type(kind(g)) is Cut or g.array.ndim:
        return None
    cut = Cut(0, shape[0] // batch)
    return Spread(
        {}, {call.results: cut}, shape=(tuple(shape), cut),
        scaled=(0,) if reduction == "mean" else (),
    )  # fmt: skip


_CONV, _INPUT, _WEIGHT = (
    TABLE[name].forward for name in ("convolution", "convolution_input", "convolution_weight")
)
_BY_KERNEL: dict[Any, Any] = {
    _CONV: _rows(0),
    _INPUT: _rows(0),
    _WEIGHT: _rows(0, 1, sums=True),
    TABLE["max_pool"].rules["x"].function: _rows(0, 1, 2),
    _LOSS.forward: _cross_entropy,
    _LOSS.rules["x"].function: _cross_entropy_rule,
}
"""What kernels do: operations and rules that are one call."""
