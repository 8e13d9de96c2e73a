"""Mistakes are said in words of our own: under the name that was called, once, and short.

The sweeps of nonsense over everything public look for other words too, by ``words.faults``.
"""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest
from words import faults

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.optim import lr_scheduler
from tinygrad_mnist.utils import data

SAID = {
    "nn.Linear(784, 10)(tg.rand(4, 756))":
        "linear: the input's last dimension is 756, but in_features is 784",
    "nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2))(v)": "linear: the input's last dimension is 2",
    "nn.Linear(3, 2)([1.0, 2.0, 3.0])": "linear: argument 'input' must be Tensor, not list",
    "x @ x": r"matmul: shapes \[4, 5\] and \[4, 5\] can't be multiplied: the first's last",
    "x.mm(x)": "mm: shapes .* last dimension is 5, but the second's last dimension but one is 4",
    "w.bmm(w)": r"bmm: shapes \[2, 3, 4\] and \[2, 3, 4\] can't be multiplied",
    "w @ tg.ones(3, 4, 5)": r"matmul: the batches of shapes \[2, 3, 4\] and \[3, 4, 5\] do not",
    "x.mv(v)": "mv: shapes .* can't be multiplied",
    "v.dot(tg.ones(4))": "dot: shapes .* can't be multiplied",
    "x.addmm(x, x)": "addmm: shapes .* can't be multiplied",
    "x.addmm(3, 4)": "addmm: argument 'mat1' must be Tensor, not int",
    "v.addmv(x, tg.ones(4))": "addmv: shapes .* can't be multiplied",
    "w.baddbmm(w, w)": "baddbmm: shapes .* can't be multiplied",
    "tg.einsum('ij,jk', x, x)": r"einsum: subscript j has size 4 for tensor 1",
    "nn.BatchNorm1d(3)(x)": "batch_norm: the input has 5 channels .* but num_features is 3",
    "nn.GroupNorm(2, 4)(tg.ones(2, 6))": "group_norm: the input has 6 channels .* num_channels is 4",
    "nn.Conv2d(3, 4, 3)(tg.ones(1, 5, 8, 8))": "conv2d: .* expects 3 input channels, but the input",
    "nn.LSTM(3, 4)(w)": "LSTM: .*input_size. Expected 3, got 4",
    "nn.MultiheadAttention(4, 2)(x, x, x)": "query: was expecting embedding dimension of 4, but got 5",
    "x.view(3, 7)": r"view: shape \[3, 7\] is invalid for a tensor of 20 elements, of shape \[4, 5\]",
    "x.view(-1, 7)": r"view: shape \[-1, 7\] is invalid",
    "x.view(-1, -1)": "view: only one length can be -1",
    "tg.reshape(x, (3, 7))": "reshape: shape .* is invalid",
    "x[1, 2, 3]": "getitem: too many indices: the tensor has 2 dimensions, but 3 were indexed",
    "x[5]": "getitem: index 5 is out of bounds for dimension 0 with size 4",
    "x[[0, 1], [1, 2, 3]]": r"getitem: the indices' shapes \[2\] and \[3\] do not broadcast",
    "x['a']": "getitem: an index is made of integers, slices",
    "x[tg.tensor([True, False])]": "getitem: the mask has length 2 in dimension 0, where .* has 4",
    "x[tg.arange(1000), tg.arange(900)]": r"getitem: the indices' shapes \[1000\] and \[900\] do not",
    "x[[[0, 1], [2]]]": "getitem: the parts of a list as index must have equal lengths",
    "x[::0]": "getitem: the step of a slice can't be 0",
    "x.__setitem__(0, tg.ones(4))": r"setitem: a value of shape \[4\] doesn't fit a place of shape \[5\]",
    "x.__setitem__(x > -1, tg.ones(7))": "setitem: 7 values were given for the 20 elements",
    "x.__setitem__(0, 'a')": "setitem: the text 'a' is no number",
    "x.__setitem__(0, None)": "setitem: expected a number or a Tensor",
    "x + v": r"add: the shapes \[4, 5\] and \[3\] do not broadcast; aligned from the right",
    "x.add_(v)": r"add_: the shapes \[4, 5\] and \[3\] do not broadcast",
    "tg.where(x > 0, x, v)": r"where: the shapes \[4, 5\], \[4, 5\] and \[3\] do not broadcast",
    "x.clone().masked_fill_(v > 0, 1.0)": r"masked_fill_: the shapes \[4, 5\] and \[3\] do not",
    "tg.multiply(x, y=3)": r"\w+\(\) got an unexpected keyword argument 'y'",
    "tg.ones(2).abs(3)": r"Tensor.abs\(\) takes 1 positional argument but 2 were given",
    "v in x": r"contains: the shapes \[4, 5\] and \[3\] do not broadcast",
    "float(x)": r"float: only one element tensors .* this one has shape \[4, 5\]",
    "f'{x:.2f}'": "format: '.2f' is for single numbers",
    "tg.tensor([[1], [2, 3]])": "tensor: the nested sequences have different lengths",
    "F.cross_entropy(x, tg.ones(4))": r"cross_entropy: .*convert them with long\(\)",
    "F.mse_loss(x, [1])": "mse_loss: argument 'target' must be a Tensor, not list",
    "nn.Parameter(5)": "Parameter: data must be a Tensor, not int",
    "lr_scheduler.StepLR(sgd, 0)": "StepLR: step_size must be positive, but is 0",
    "lr_scheduler.StepLR(sgd, 'a')": "StepLR: argument 'step_size' must be a number, not str",
    "optim.SGD([v], lr='a')": "SGD: the text 'a' is no number",
    "data.random_split(range(10), [0.5, 0.6])": "random_split: the fractions .* add up to 1.1",
    "data.DataLoader([1], batch_size=0)": "DataLoader: batch_size should be a positive integer",
    "tg.distributions.Normal(v, tg.ones(4))": "Normal: the shapes .* do not broadcast",
    "tg.distributions.Normal(v, v).log_prob('a')": "log_prob: argument 'value' .* is a str",
    "tg.autograd.gradcheck(tg.sin, tg.ones(1).double().expand(3).requires_grad_())":
        "gradcheck: input 0 is expanded or read-only",
    "F.mish(slice(None))": "mish: .* (not|got) slice",
    "tg.einsum('ij')": "einsum: must specify the equation string and at least one tensor",
    "x.relu_(1)": r"relu_\(\) takes 0 positional arguments but 1 was given",
    "x.mul_(1, 2)": r"mul_\(\) takes 1 positional argument but 2 were given",
    "x.clamp_(1, 2, 3)": r"clamp_\(\) takes from 0 to 2 positional arguments but 3 were given",
    "x.unsqueeze_(1, 2)": r"unsqueeze_\(\) takes 1 positional argument but 2 were given",
    "x.unsqueeze_()": r"unsqueeze_\(\) missing 1 required positional argument: 'dim'",
    "x.add_(2, x, 3)": r"add_\(\) takes 1 tensor after the first, but 3 arguments were given",
    "x.addmm_(2, x, 3, 4, 5)": r"addmm_\(\) takes 2 tensors after the first, but 5 arguments were given",
    "tg.addmv(x, 1, 2, 3, 4, x)": r"addmv\(\) takes 3 tensors by position, but 6 arguments were given",
    "x.sum(0, True, 3)": r"sum\(\) takes from 0 to 2 positional arguments but 3 were given",
    "tg.sum(x, 0, True, 3)": r"sum\(\) takes from 1 to 3 positional arguments but 4 were given",
    "x.item(1)": r"item\(\) takes 0 positional arguments but 1 was given",
    "x.resize_()": r"resize_\(\) missing 1 required positional argument: give \(\) for no",
    "tg.sin()": r"sin\(\) missing 1 required positional argument: 'input'",
    "tg.arange()": r"arange\(\) missing 1 required positional argument: 'end'",
    "tg.randint(5)": r"randint\(\) missing 1 required positional argument: 'size'",
    "tg.randint(0, 5)": "randint: argument 'size' must be tuple of ints, not int",
    "nn.Sequential(nn.Linear)": r"Sequential: .* the class Linear; make one, as in Linear\(\.\.\.\)",
    "nn.Sequential([nn.ReLU()])": r"Sequential: list is not .*; unpack it, as in Sequential\(\*",
    "F.interpolate(x, 8)": r"interpolate: expected an input of shape \(N, C, L\) or .* got \[4, 5\]",
    "tg.no_grad(None)": "no_grad: takes no argument but a function to decorate",
    "tg.enable_grad(1, 2)": "enable_grad: takes no argument but a function to decorate",
    "tg.func.vmap(lambda a: a + tg.rand(5))(x)": "vmap: the function draws random numbers; say",
    "tg.func.vmap(tg.relu, (0, 1))(x)": "vmap: in_dims=",
    "tg.func.vmap(tg.mm)(x, x)": r"mm: ",
    "tg.linalg.matrix_rank(x, 'a')": "matrix_rank: argument 'tol' must be Number, not str",
    "tg.linalg.matrix_rank(x, atol=[1])": "matrix_rank: argument 'atol' must be Number, not list",
    "tg.linalg.pinv(x, rcond='a')": "pinv: argument 'rcond' must be Number, not str",
    "tg.linalg.pinv(x, rtol='a')": "pinv: argument 'rtol' must be Number, not str",
    "F.binary_cross_entropy(2.5, 0)": "binary_cross_entropy: argument 'input' must be a Tensor",
    "F.cosine_embedding_loss(2.5, 0, 1)": "cosine_embedding_loss: argument 'input1' must be a Tens",
    "F.multilabel_margin_loss(2.5, 0)": "multilabel_margin_loss: argument 'input' must be a Tensor",
    "tg.zeros(10**12, 10**12)": "zeros: the result needs more memory than there is",
}  # fmt: skip


def names() -> dict[str, Any]:
    """Return what the expressions are about; new tensors each time."""
    sgd = optim.SGD([nn.Parameter(tg.ones(2))], lr=0.1)
    own = {"x": tg.ones(4, 5), "v": tg.ones(3), "w": tg.ones(2, 3, 4), "sgd": sgd}
    return {"tg": tg, "nn": nn, "F": F, "optim": optim, "data": data, "np": np,
            "lr_scheduler": lr_scheduler, **own}  # fmt: skip


@pytest.mark.parametrize("expression", SAID)
def test_mistake_gets_its_sentence(expression: str) -> None:
    with pytest.raises(Exception) as caught:
        eval(expression, names())
    assert re.match(SAID[expression], str(caught.value)), str(caught.value)
    assert not faults(caught.value)


def stepped(cls: Any, length: int) -> tuple[Any, Any]:
    p = nn.Parameter(tg.ones(length))
    p.grad = tg.ones(length)
    optimizer = cls([p], lr=0.1)
    optimizer.step()
    return optimizer, p


@pytest.mark.parametrize("cls", [optim.Adam, optim.RMSprop, optim.Adagrad, optim.Rprop])
def test_state_of_another_model_is_named(cls: Any) -> None:
    (other, _), (optimizer, _) = stepped(cls, 3), stepped(cls, 4)
    optimizer.load_state_dict(other.state_dict())
    with pytest.raises(RuntimeError, match=r"step: the state '\w+' has shape \[3\], but its"):
        optimizer.step()


def test_a_place_that_is_no_number_lies_outside_of_the_image(torch: Any) -> None:
    for t in (tg, torch):
        image, grid = t.ones(1, 1, 2, 2, requires_grad=True), t.full((1, 1, 1, 2), float("nan"))
        out = t.nn.functional.grid_sample(image, grid, align_corners=False)
        assert np.isnan(out.item())
        near = t.nn.functional.grid_sample(image, grid, mode="nearest", align_corners=False)
        assert near.item() == 0
        out.sum().backward()
        assert image.grad.tolist() == [[[[0, 0], [0, 0]]]]


# Calls of many functions that work: with one thing in them exchanged they get a sentence, or work.
CALLS = """
tg.cat([x, y]); tg.stack([x, y]); x + y; x * y; x - y; x / y; x @ z; tg.where(m, x, y); x[i]; x[m]; x[:, i];
x.gather(1, j); x.scatter(1, j, y); x.scatter_add(1, j, y); x.index_select(0, i); x.index_add(0, i, y[:3]);
x.take_along_dim(j, 1); x.masked_fill(m, 2.0); x.masked_select(m); x.reshape(4, 3); x.view(2, 6); x.expand(2, 3, 4);
x.repeat(2, 2); x.permute(1, 0); x.transpose(0, 1); x.unsqueeze(1); x.squeeze(0); x.flatten(0, 1); x.split(2); x.chunk(2);
x.sum(1); x.mean(0); x.max(1); x.argmax(1); x.std(0); x.cumsum(1); x.sort(1); x.topk(2); x.quantile(0.5); x.norm(2);
x.softmax(1); x.clamp(0.1, 0.9); x.pow(2); x.lerp(y, 0.5); x.addcmul(x, y); x.addmm(x, x.T @ x); x.tril(1); x.roll(1, 0);
tg.full((2, 3), 1.5); tg.arange(0, 5, 2); tg.linspace(0, 1, 5); tg.eye(3); tg.randint(0, 5, (2,)); tg.tensor([1, 2]);
F.linear(x, z.T); F.conv1d(w, k); F.max_pool1d(w, 2); F.avg_pool1d(w, 2); F.pad(x, (1, 1)); F.interpolate(w, 8);
F.embedding(i, x); F.one_hot(i, 4); F.layer_norm(x, (4,)); F.batch_norm(x, None, None, training=True); F.dropout(x, 0.5);
F.cross_entropy(x, i); F.mse_loss(x, y); F.l1_loss(x, y); F.nll_loss(x, i); F.kl_div(x, y); F.huber_loss(x, y);
F.binary_cross_entropy(x, y); F.binary_cross_entropy_with_logits(x, y); F.cosine_similarity(x, y); F.normalize(x, 2.0);
F.scaled_dot_product_attention(w, w, w); nn.Linear(4, 2)(x); nn.Conv1d(3, 2, 2)(w); nn.LSTM(4, 2)(x); nn.GRU(4, 2)(w);
nn.BatchNorm1d(4)(x); nn.Embedding(5, 2)(i); nn.MultiheadAttention(4, 2)(w, w, w); nn.Bilinear(4, 4, 2)(x, y);
tg.linalg.inv(x @ x.T); tg.linalg.solve(x @ x.T, x); tg.linalg.svd(x); tg.linalg.qr(x); tg.linalg.norm(x); tg.det(x[:, :3]);
tg.einsum('ij,kj->ik', x, y); tg.tensordot(x, y, 2); tg.bmm(w, w.mT); tg.outer(x[0], y[0]); tg.cdist(x, y);
nn.init.xavier_uniform_(x, 1.0); nn.init.normal_(x, 0.0, 1.0); nn.init.constant_(x, 3.0); x.clone().add_(y); x.clone().copy_(y);
data.TensorDataset(x, y)[0]; data.Subset(x, [0, 2]); data.DataLoader(x, 2); data.random_split(x, [1, 2]);
nn.utils.clip_grad_norm_([x], 1.0, 2.0); nn.utils.rnn.pad_sequence([x, y]); optim.SGD([x], 0.1, 0.9); optim.Adam([x], 0.1);
lr_scheduler.StepLR(sgd, 2, 0.5); lr_scheduler.CosineAnnealingLR(sgd, 5); lr_scheduler.OneCycleLR(sgd, 0.1, 10);
tg.distributions.Normal(x, y).log_prob(x); tg.distributions.Categorical(x).sample(); tg.distributions.Bernoulli(x).entropy()
"""
WRONG: list[Any] = [
    None, "text", -1, 7, 2.5, float("nan"), True, [1.5, 2], (0,), np.ones(3), object(), tg.float32, {"a": 1},
    [], 2**70, 1j, b"", slice(None), lambda x: x, [[1, 2], [3]], (1, -1), range(3), int,
]  # fmt: skip
SHAPES = [(), (0,), (1,), (3,), (2, 3), (5,), (4, 3), (2, 0), (2, 2, 3), (1, 1, 1, 7)]


def fitting() -> dict[str, Any]:
    """Return the tensors with which the calls work."""
    numbers = np.random.default_rng(0)
    x, y, w = (tg.tensor(numbers.random(s).astype("f")) for s in ((3, 4), (3, 4), (2, 3, 4)))
    i = tg.tensor([2, 0, 1])
    own = {"x": x, "y": y, "w": w, "z": tg.ones(4, 2), "k": tg.ones(2, 3, 2), "m": x > 0.5, "i": i}
    return {**names(), **own, "j": i.unsqueeze(1)}


def wrong(source: random.Random) -> Any:
    """Return something that hardly fits."""
    if source.random() < 0.5:
        return source.choice(WRONG)
    array = np.random.default_rng(source.randrange(99)).integers(-3, 9, source.choice(SHAPES))
    return tg.tensor(array.astype(source.choice("fdqB?e")))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", [" ".join(call.split()) for call in CALLS.split(";")])
def test_what_is_exchanged_in_a_call_is_refused_in_our_own_words(expression: str) -> None:
    source = random.Random(expression)
    places = [
        found.span() for found in re.finditer(r"\b(?:[a-z]|sgd|\d[\d.]*)\b(?!\()", expression)
    ]
    eval(expression, fitting())
    for _ in range(5):
        start, end = source.choice(places)
        given = {**fitting(), "given": wrong(source)}
        try:
            eval(f"{expression[:start]}given{expression[end:]}", given)
        except Exception as error:
            # What Python says of an operator, or of what isn't one of our objects, is its own affair.
            trace = error.__traceback__
            if trace is not None and trace.tb_next is not None and trace.tb_next.tb_next is None:
                continue
            assert not (found := faults(error)), (
                f"{expression}, {given['given']!r}: {found}: {error}"
            )


def test_a_traceback_shows_each_call_once_and_nothing_of_how_errors_are_named() -> None:
    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            return nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))(x).sum()

    with pytest.raises(RuntimeError, match="in_features is 4") as caught:
        Net()(tg.ones(2, 3))
    shown = [(entry.path.name, entry.lineno) for entry in caught.traceback]  # type: ignore[union-attr]
    assert "naming.py" not in {name for name, _ in shown}
    assert sum(name == "containers.py" for name, _ in shown) == 2
    assert sum(name == "module.py" for name, _ in shown) == 4  # Net, two Sequentials, the Linear
