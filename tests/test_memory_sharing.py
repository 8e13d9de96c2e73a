"""Shared memory: the same results as PyTorch's share it, whatever their order in memory.

A program makes a tensor in some order in memory, calls something with it, and writes to what that
returns; then it writes to the tensor. Both libraries must hold the same numbers in the end.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

BASES = {
    "row-major": "b = t.arange(96.).reshape(2, 3, 4, 4) / 8",
    "of a convolution": "b = F.conv2d(t.arange(96.).reshape(2, 3, 4, 4), t.eye(3)[:, :, None, None])",
    "of a convolution and relu": "b = F.conv2d(t.arange(96.).reshape(2, 3, 4, 4) - 9, t.eye(3)[:, :, None, None]).relu() * 2",
    "of a convolution and a parameter's view": "b = F.conv2d(t.arange(96.).reshape(2, 3, 4, 4), t.eye(3)[:, :, None, None]) + t.ones(3).view(1, 3, 1, 1)",
    "of a transposed convolution": "b = F.conv_transpose2d(t.arange(24.).reshape(2, 3, 2, 2), t.ones(3, 3, 2, 2), t.ones(3), stride=2)",
    "of a pooling": "b = F.max_pool2d(F.conv2d(t.arange(384.).reshape(2, 3, 8, 8), t.eye(3)[:, :, None, None]), 2)",
    "permuted": "b = t.arange(96.).reshape(2, 4, 4, 3).permute(0, 3, 1, 2)",
    "computed from permuted": "b = t.arange(96.).reshape(2, 4, 4, 3).permute(0, 3, 1, 2) * 2 + 1",
    "transposed": "b = t.arange(96.).reshape(4, 4, 3, 2).permute(3, 2, 1, 0)",
    "cut": "b = t.arange(768.).reshape(4, 6, 4, 8)[::2, 1:4, :, ::2]",
    "detached": "b = (t.arange(96.).reshape(2, 4, 4, 3) * 1).permute(0, 3, 1, 2).detach()",
    "from Fortran's order": "b = t.from_numpy(np.asfortranarray(np.arange(96.).reshape(2, 3, 4, 4)))",
    "from a part of an array": "b = t.from_numpy(np.arange(768.).reshape(4, 6, 4, 8)[::2, 1:4, :, ::2])",
    "cloned": "b = t.arange(96.).reshape(2, 4, 4, 3).permute(0, 3, 1, 2).clone()",
    "copied": "import copy; b = copy.deepcopy(F.conv2d(t.arange(96.).reshape(2, 3, 4, 4), t.eye(3)[:, :, None, None]))",
}  # fmt: skip

MATRICES = {
    "row-major": "b = t.arange(12.).reshape(3, 4)",
    "a layer's": "m = nn.Linear(4, 3); m.weight.data.copy_(t.arange(12.).reshape(3, 4)); b = m.weight.data",
    "a layer's gradient": "m = nn.Linear(4, 3); m(t.arange(8.).reshape(2, 4)).sum().backward(); b = m.weight.grad",
    "a recurrent layer's": "m = nn.LSTM(4, 3); b = m.weight_ih_l0.data.fill_(3.)",
    "a product": "b = t.arange(6.).reshape(2, 3).T @ t.arange(8.).reshape(2, 4)",
    "a layer's output": "m = nn.Linear(4, 4, bias=False); m.weight.data.copy_(t.eye(4)); b = m(t.arange(12.).reshape(3, 4)).detach()",
    "transposed": "b = t.arange(12.).reshape(4, 3).t()",
    "computed from transposed": "b = t.arange(12.).reshape(4, 3).t() + 1",
    "a sum": "b = F.conv2d(t.arange(96.).reshape(1, 3, 4, 8)[..., :4], t.eye(3)[:, :, None, None]).sum((0, 3))",
    "expanded": "b = t.arange(3.).unsqueeze(1).expand(3, 4)",
}  # fmt: skip

ANY = """
b | b.detach() | b.data | b.view(b.shape) | b.reshape(b.shape) | b.reshape(-1) | b.flatten() | b.ravel()
b.contiguous() | b.clone() | b.view_as(b) | b.reshape_as(b) | b.expand(b.shape) | b.expand_as(b)
b.squeeze() | b.unsqueeze(0) | b.unsqueeze(-1) | b.transpose(0, 1) | b.transpose(0, 0) | b.swapaxes(0, -1)
b.movedim(0, -1) | b.movedim(0, 0) | b.permute(*range(b.ndim)) | b.mT | b.to(b.dtype)
b.to(b.dtype, copy=True) | b.to(b.dtype, False, True) | b.to(b, False, True) | b.to('cpu', b.dtype, False, True)
b.to('cpu') | b.float() | b.type(b.dtype) | b.type_as(b) | b.cpu() | t.as_tensor(b) | nn.Parameter(b).data
b[0] | b[:] | b[...] | b[None] | b[1:] | b[..., 0] | b[..., ::2] | b[..., [0, 1]] | b[b > -9e9] | b[0, 1:] | b[:, :]
b.select(0, 1) | b.narrow(1, 0, 2) | b.narrow(0, 0, b.shape[0])
b.split(2, 1)[0] | b.chunk(2, 1)[1] | b.chunk(1)[0] | b.unbind(0)[1] | t.split(b, b.shape[0])[0] | b.tensor_split(2, 1)[0]
b.diagonal() | b.unfold(1, 2, 1)[0, 0] | b.unfold(-1, 1, 1) | b.unfold(0, 2, 2) | b.swapdims(0, 1)
b.repeat(*[1] * b.ndim) | b.repeat(2, *[1] * b.ndim) | b.repeat(2, *[1] * (b.ndim - 1)) | b.tile((1,)) | b.tile((2, 1))
b.repeat_interleave(1, 0) | b.roll(0, 0) | b.flip(0) | b.flip(()) | b.rot90(4)
b.flatten(0, 0) | b.flatten(0, 1) | b.unflatten(0, (1, -1)) | b.unflatten(1, (-1,)) | t.atleast_3d(b) | t.atleast_1d(b)
b.sum((0, 1))[None] | b.mean(0) | b.sum(0, keepdim=True)[:, :1] | b.amax(0) | b.max(0)[0] | b.cumsum(0)[:1]
b.clamp(-9e9) | b.clamp_min(-9e9) | b.abs() | b.float() | b.nan_to_num() | b.round() | b + 0 | b * 1 | b ** 1 | +b
t.where(b == b, b, 0.) | b.masked_fill(b != b, 0.) | b.index_select(0, t.arange(b.shape[0])) | b.gather(0, t.zeros(b.shape, dtype=t.int64))
b.take_along_dim(t.zeros(b.shape, dtype=t.int64), 0) | b.sort(0)[0] | b.topk(1, 0)[0] | b.tril(9) | b.triu(-9) | b.broadcast_to(b.shape)
t.cat([b]) | t.stack([b])[0] | t.cat([b, b[:0]]) | t.cat((b[:0], b)) | t.hstack([b]) | t.vstack([b]) | t.concat([b], -1) | t.broadcast_tensors(b)[0]
t.squeeze(b, 0) | b.squeeze(0) | t.flatten(b) | t.ravel(b) | t.reshape(b, (-1,)) | t.t(b[0, 0]) if b.ndim == 4 else b.t() | t.numel(b) * b
F.dropout(b, 0.0) | F.dropout(b, 0.5, False) | nn.Identity()(b) | nn.Flatten(0)(b) | nn.Flatten()(b) | nn.Unflatten(1, (1, -1))(b)
F.pad(b, (0, 0)) | F.pad(b, (0, -1)) | F.pad(b, (1, 0)) | F.pad(b, (-1, -1)) | F.relu(b + 1e9) | F.threshold(b, -9e9, 0.)
F.normalize(b, eps=1e9) | t.from_numpy(b.numpy()) | t.tensor(b.numpy()) | t.as_tensor(b.numpy()) | t.from_dlpack(b) | t.Tensor(b) | b.new_tensor(b.tolist())
t.swapaxes(b, 0, 1) | t.narrow(b, 0, 0, 1) | t.select(b, 0, 0) | t.unbind(b)[0] | t.diagonal(b) | t.movedim(b, 1, 0) | t.unsqueeze(b, 1) | t.clone(b)
b.hsplit(1)[0] | b.vsplit(1)[0] | t.tensor_split(b, 1)[0] | b.view(1, *b.shape) | b.view(*b.shape, 1) | b.view(-1, b.shape[-1]) | b.reshape(-1, b.shape[-1])
b.reshape(b.shape[0], -1) | b.view(b.shape[0], -1) | b.view(-1) | t.zeros_like(b).reshape(-1) | t.empty_like(b).copy_(b).reshape(-1) | t.ones_like(b).view(-1)
t.zeros_like(b).transpose(0, 1).reshape(-1) | t.empty_like(b).copy_(b).transpose(-1, 0).flatten() | F.softplus(b).mT.reshape(-1)
b.long().transpose(0, 1).flatten() | F.prelu(b, t.ones(1, dtype=b.dtype)).reshape(-1) | t.rand_like(b).zero_().reshape(-1)
(b * 2).reshape(-1) | (b + b.contiguous()).reshape(-1) | b.exp().flatten() | b.clone().reshape(-1) | b.double().reshape(-1) | t.where(b > 0, b, b).reshape(-1)
b.softmax(-1).reshape(-1) | b.cumsum(0).flatten() | b.sort(0)[0].reshape(-1) | b.flip(0).reshape(-1) | b.roll(1, 0).reshape(-1) | F.dropout(b, 0.0).reshape(-1)
""".replace("\n", " | ").split(" | ")  # fmt: skip

IMAGES = """
F.interpolate(b, scale_factor=1) | F.interpolate(b, size=(4, 4)) | F.interpolate(b, size=(4, 4), mode='bilinear') | F.interpolate(b, size=(4, 4), mode='area')
F.interpolate(b, size=(4, 4), mode='nearest-exact') | F.interpolate(b, scale_factor=1, mode='bilinear', align_corners=True)
F.adaptive_avg_pool2d(b, 4) | F.adaptive_max_pool2d(b, 4) | F.adaptive_avg_pool2d(b, (None, None)) | F.avg_pool2d(b, 1) | F.max_pool2d(b, 1)
F.pixel_shuffle(b, 1) | F.pixel_unshuffle(b, 1) | F.pixel_unshuffle(b, 4) | F.pixel_shuffle(b[:, :1], 1) | F.channel_shuffle(b, 1) | F.channel_shuffle(b, 3)
F.unfold(b, 1) | F.unfold(b, 4) | F.fold(b.reshape(2, 3, 16), (4, 4), 1) | F.pad(b, (0, 0, 0, 0), mode='reflect') | F.pad(b, (0, 0, 0, 0), mode='replicate')
F.pad(b, (0, 0, 0, 0), mode='circular') | F.pad(b, (0,) * 8) | nn.ZeroPad2d(0)(b) | nn.ReflectionPad2d(0)(b) | nn.Upsample(scale_factor=1)(b) | nn.PixelShuffle(1)(b)
b.sqrt() | nn.Dropout2d().eval()(b) | F.dropout2d(b, 0.0) | F.alpha_dropout(b, 0.0) | F.local_response_norm(b, 1, 0.)
b.permute(0, 2, 3, 1) | b.permute(0, 2, 3, 1).reshape(-1, 3) | b.permute(0, 2, 3, 1).contiguous() | b.flatten(2) | b.flatten(2).transpose(1, 2) | b.flatten(1) | b.flatten(2, 3)
b.view(2, 3, 16) | b.view(6, 4, 4) | b.view(2, 3, 2, 2, 4) | b.reshape(2, 3, 2, 2, 2, 2) | b.unflatten(2, (2, 2)) | b.transpose(2, 3).flatten(2) | b[:, 1].reshape(-1) | b[:, :1].flatten()
b.mean(1).reshape(-1) | b.sum((2, 3)).reshape(-1) | b.sum(0).flatten() | b.amax((0, 3)).view(-1) | b.std(1).flatten() | b.var(0).view(-1) | F.avg_pool2d(b, 2).view(-1) | F.max_pool2d(b, 2).flatten()
nn.BatchNorm2d(3)(b.float()).detach().reshape(-1) | nn.GroupNorm(3, 3)(b.float()).detach().flatten(1) | nn.InstanceNorm2d(3)(b.float()).view(-1) | F.layer_norm(b, (4, 4)).view(-1)
F.relu(b).view(2, -1) | F.gelu(b.float()).flatten(1) | F.softmax(b, 1).flatten(1) | F.log_softmax(b, 1).reshape(-1) | F.interpolate(b, scale_factor=2).flatten() | F.pad(b, (1, 1)).flatten()
t.cat([b, b], 1).flatten(1) | t.stack([b, b]).reshape(-1) | t.cat([b, b]).view(-1) | b.unfold(2, 2, 2).unfold(3, 2, 2)[0, 0, 0, 0]
b.unfold(2, 2, 1)[1, 2, 0] | b.as_strided((2, 2), (1, 2)) | b.as_strided((3,), (2,), 5) | b[0].as_strided((4,), (1,)) | b[1, 1:].unfold(0, 1, 1) | b.diagonal(0, 2, 3) | b.movedim(1, -1).flatten(0, 2)
""".replace("\n", " | ").split(" | ")  # fmt: skip

VECTORS = """
b.view(3, 4) | b.unflatten(0, (3, 4)) | b.unfold(0, 3, 3) | b.unfold(0, 3, 2)[1] | b.expand(2, 12)[0] | b.repeat(1) | b.repeat(1, 1) | b.repeat(2) | b.tile(1) | b.tile((1, 1)) | t.tile(b, (2,)) | b.t() | b.T
t.atleast_2d(b) | t.diag(b) | b.diag() | t.hstack((b,)) | t.cat((b,)) | t.column_stack((b,)) | F.pad(b, (0, 0)) | b.broadcast_to(1, 12) | b.as_strided((3,), (2,), 1) | t.meshgrid(b, indexing='ij')[0]
b.unsqueeze(0).repeat(3, 1) | b[None].expand(3, 12)[1] | b.repeat_interleave(1) | t.einsum('i->i', b) | t.einsum('ij->ji', b.view(3, 4)) | t.outer(b, t.ones(1))[:, 0] | b @ t.eye(12) | b.dot(b) + b[:1]
b.view(3, 4) @ t.eye(4) | t.linalg.multi_dot([b.view(3, 4), t.eye(4)]) | t.block_diag(b) | t.cartesian_prod(b)
t.flipud(b) | t.fliplr(b[None])[0] | b.narrow(0, 0, 12) | b.index_select(0, t.arange(12)) | b.take(t.arange(12)) | b.masked_select(b > -1) | b.squeeze(-1) | b.trunc() | b.positive() | t.nan_to_num(b)
""".replace("\n", " | ").split(" | ")  # fmt: skip


def run(library: Any, program: str, call: str, back: bool) -> list[Any]:
    """Write to a result, or to what it was made from; return both."""
    scope: dict[str, Any] = {
        "t": library, "nn": library.nn, "F": library.nn.functional, "np": np,
    }  # fmt: skip
    with library.no_grad():
        exec(program, scope)
        base = scope["b"]
        result = eval(call, scope)
        numbers = np.arange(result.numel(), dtype=np.float64).reshape(tuple(result.shape)) + 1000
        if back:
            base.add_(library.ones(base.shape, dtype=base.dtype))
        else:
            result.copy_(library.from_numpy(numbers))
        return [base.tolist(), result.tolist()]


def compare(torch: Any, program: str, call: str) -> list[str]:
    differences = []
    for back in (False, True):
        outcomes = []
        for library in (torch, tg):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    outcomes.append(run(library, program, call, back))
                except RuntimeError as error:
                    outcomes.append(error)
        theirs, ours = outcomes
        if isinstance(theirs, Exception):
            continue  # written-to memory overlaps, or a view needs a copy: ours may do it
        if isinstance(ours, Exception):
            differences.append(f"{call}: refused: {ours}")
        elif not all(np.allclose(a, b, 1e-4, 1e-4) for a, b in zip(theirs, ours, strict=True)):
            differences.append(f"{call}: {'the tensor' if back else 'the result'} was written to")
    return differences


@pytest.mark.parametrize("order", BASES)
def test_images_share_memory_where_pytorchs_do(torch: Any, order: str) -> None:
    calls = [call for call in ANY + IMAGES if call]
    if "part" in order:  # memory with gaps, of which the rest wasn't handed in
        calls = [call for call in calls if "as_strided" not in call]
    found = [line for call in calls for line in compare(torch, BASES[order], call)]
    print("\n".join(found))
    assert not found


@pytest.mark.parametrize("order", MATRICES)
def test_matrices_share_memory_where_pytorchs_do(torch: Any, order: str) -> None:
    found = [line for call in ANY if call for line in compare(torch, MATRICES[order], call)]
    print("\n".join(found))
    assert not found


def test_vectors_share_memory_where_pytorchs_do(torch: Any) -> None:
    found = [line for c in VECTORS if c for line in compare(torch, "b = t.arange(12.)", c)]
    print("\n".join(found))
    assert not found


PROGRAMS = {
    "a write to a flattened output of a convolution": """
h = F.conv2d(x, w)
h.flatten(1)[:, 0] = 100.0
out = h * h""",
    "a write to a reshaped normalisation": """
h = F.layer_norm(F.conv2d(x, w), (4, 4))
h.reshape(-1)[::3] *= 2
h.view(2, -1)[1] += h[0].reshape(-1)
out = h""",
    "views of one convolution in several orders": """
h = F.conv2d(x, w)
rows, image, last = h.view(6, 16), h[1], h.permute(0, 2, 3, 1)
rows[2].mul_(3)
last[..., 0].add_(1)
out = rows.sum() + (image * image).sum() + h.sum()""",
    "a repetition, and a write to what was repeated": """
b = x * 1
r = b.repeat(1, 1, 1, 1)
b.mul_(10.0)
out = r.sum() + b.sum()""",
    "a write to a repetition": """
r = (x * 2).repeat(2, 1, 1, 1)
r[1] = 0
out = r * r""",
    "padding by nothing, and writes": """
b = x * 1
r = F.pad(b, (0, 0))
b.mul_(10.0)
r[0].add_(5)
out = [r * r, b]""",
    "windows of a transposed matrix": """
b = (x * 1)[0, 0].t()
u = b.unfold(0, 2, 1)
u[0] = 7
out = [b * b, u * 2]""",
    "steps through the memory of a part": """
b = (x * 1)[1]
s = b.as_strided((3, 2), (2, 5), 4)
s.mul_(3)
out = [b, s * s]""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_through_shared_memory_are_pytorchs(torch: Any, name: str) -> None:
    results = []
    for library in (torch, tg):
        x = library.from_numpy(np.arange(96.0).reshape(2, 3, 4, 4) / 10).requires_grad_()
        w = library.eye(3, dtype=library.float64)[:, :, None, None].requires_grad_()
        scope = {"x": x, "w": w, "F": library.nn.functional}
        exec(PROGRAMS[name], scope)
        outs = scope["out"] if isinstance(scope["out"], list) else [scope["out"]]
        sum((out * out).sum() for out in outs).backward()
        grads = [a.grad.tolist() for a in (x, w) if a.grad is not None]
        results.append([*(out.tolist() for out in outs), *grads])
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-9)


def test_a_layers_weight_is_written_to_through_any_shape() -> None:
    for layer in (tg.nn.Linear(3, 2), tg.nn.LSTM(3, 2), tg.nn.MultiheadAttention(2, 1)):
        weight = next(iter(layer.parameters()))
        for flat in (weight.data.flatten(), weight.detach().view(-1), weight.data.numpy().ravel()):
            before = weight[0, 1].item()
            flat[1] += 3.0
            assert weight[0, 1].item() == pytest.approx(before + 3)
    with tg.no_grad():
        weight.view(-1)[0] = 9.0
    assert weight[0, 0].item() == 9


def test_repetitions_own_their_memory() -> None:
    m = tg.ones(4).unsqueeze(0).repeat(3, 1)
    m[1] = 0
    assert m.sum(1).tolist() == [4, 0, 4]
    x = tg.arange(3.0)
    r = x.repeat(2, 1)
    x[0] = 9
    assert r.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert tg.zeros(3).repeat(2, 1).add_(1).tolist() == [[1] * 3] * 2
