"""The findings of type checkers in a script: read by mypy and pyright, and never run.

``assert_type`` states the type of an expression, and ``# error`` marks a line that must be an error.
Where a checker finds something else today, the line is marked ``# not yet: mypy``, ``# not yet:
pyright`` or ``# not yet: mypy, pyright``. A mark that isn't true any more fails the test, too.
"""

from __future__ import annotations

from typing import Any, Literal, assert_type

import numpy as np

import tinygrad_mnist as torch
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.optim import SGD, Adam
from tinygrad_mnist.utils.data import DataLoader, Dataset, TensorDataset

x = torch.randn(3, 4)
y = torch.tensor([0, 1, 1])

# Creation

assert_type(torch.tensor([1.0, 2.0], requires_grad=True), Tensor)
assert_type(torch.zeros(2, 3), Tensor)
assert_type(torch.ones((2, 3), dtype=torch.float64), Tensor)
assert_type(torch.zeros_like(x), Tensor)
assert_type(torch.rand(2), Tensor)
assert_type(x, Tensor)
assert_type(torch.arange(10), Tensor)
assert_type(torch.linspace(0, 1, 5), Tensor)
assert_type(torch.eye(3), Tensor)
assert_type(torch.full((2, 2), 7.0), Tensor)
assert_type(torch.randint(0, 10, (3,)), Tensor)
assert_type(torch.randperm(5), Tensor)
assert_type(torch.from_numpy(np.zeros(3)), Tensor)

# What a tensor is

assert_type(x.shape[0], int)
assert_type(x.shape, torch.Size)
assert_type(x.shape[:-1], torch.Size)
rows, columns = x.shape
assert_type(rows, int)
assert_type(x.size(0), int)
assert_type(x.dim(), int)
assert_type(x.ndim, int)
assert_type(x.numel(), int)
assert_type(len(x), int)
assert_type(x.requires_grad, bool)
assert_type(x.is_leaf, bool)
assert_type(x.grad, Tensor | None)
assert_type(x.data, Tensor)
assert_type(x.dtype, torch.dtype)
assert_type(x.device, torch.device)
assert_type(x.T, Tensor)
assert_type(x.item(), float)
assert_type(x.sum().item(), float)
assert_type(float(x.sum()), float)
assert_type(int(y[0]), int)
assert_type(bool(x.any()), bool)
assert_type(x.numpy(), np.ndarray)

# Operators

assert_type(x + 1, Tensor)
assert_type(1 + x, Tensor)
assert_type(x - x, Tensor)
assert_type(2.0 * x, Tensor)
assert_type(x / 2, Tensor)
assert_type(1 / x, Tensor)
assert_type(x**2, Tensor)
assert_type(2**x, Tensor)
assert_type(-x, Tensor)
assert_type(x @ x.T, Tensor)
assert_type(x > 0, Tensor)
assert_type(x == y, Tensor)
assert_type((x > 0) & (x < 1), Tensor)
assert_type(~(x > 0), Tensor)
assert_type(x[0], Tensor)
assert_type(x[0, 1], Tensor)
assert_type(x[:, 1:], Tensor)
assert_type(x[x > 0], Tensor)
assert_type(x[y], Tensor)
assert_type(x[..., None], Tensor)
assert_type(x[[0, 1]], Tensor)
assert_type(x[np.array([0])], Tensor)
x[0] = 1.0
x[1] = [1.0, 2.0, 3.0, 4.0]
x[x > 0] = x.mean()
x += 1
x *= x
assert_type(x, Tensor)
for row in x:
    assert_type(row, Tensor)

# Methods

assert_type(x.exp(), Tensor)
assert_type(x.sum(), Tensor)
assert_type(x.sum(dim=1, keepdim=True), Tensor)
assert_type(x.mean(0), Tensor)
assert_type(x.max(), Tensor)
assert_type(x.max(dim=1).values, Tensor)
assert_type(x.max(1)[1], Tensor)
assert_type(x.min(dim=1).indices, Tensor)
assert_type(x.argmax(dim=1), Tensor)
assert_type(x.sort().values, Tensor)
assert_type(x.topk(2).indices, Tensor)
values, indices = x.max(dim=1)
assert_type(values, Tensor)
assert_type(x.view(2, 6), Tensor)
assert_type(x.view((2, -1)), Tensor)
assert_type(x.reshape(-1), Tensor)
assert_type(x.permute(1, 0), Tensor)
assert_type(x.transpose(0, 1), Tensor)
assert_type(x.unsqueeze(0).squeeze(), Tensor)
assert_type(x.flatten(1), Tensor)
assert_type(x.expand(3, 4), Tensor)
assert_type(x.chunk(2)[0], Tensor)
assert_type(x.split(2), tuple[Tensor, ...])
assert_type(x.clone().detach(), Tensor)
assert_type(x.float(), Tensor)
assert_type(x.long(), Tensor)
assert_type(x.to(torch.float64), Tensor)
assert_type(x.to("cpu"), Tensor)
assert_type(x.add_(1).mul_(2), Tensor)
assert_type(x.zero_(), Tensor)
assert_type(x.clamp_(0, 1), Tensor)
assert_type(x.normal_(0, 1), Tensor)
assert_type(x.requires_grad_(), Tensor)
assert_type(x.masked_fill(x > 0, 0.0), Tensor)
assert_type(x.gather(1, y[:, None]), Tensor)
assert_type(x.softmax(dim=-1), Tensor)
assert_type(x.std(dim=0), Tensor)
assert_type(x.norm(), Tensor)
assert_type(x.softmax(-1).argmax(-1).eq(y).float().mean().item(), float)

# Functions

assert_type(torch.where(x > 0, x, 0.0), Tensor)
assert_type(torch.cat([x, x], dim=1), Tensor)
assert_type(torch.stack((x, x)), Tensor)
assert_type(torch.exp(x), Tensor)
assert_type(torch.sum(x, dim=0), Tensor)
assert_type(torch.max(x, dim=1).values, Tensor)
assert_type(torch.maximum(x, x), Tensor)
assert_type(torch.argmax(x), Tensor)
assert_type(torch.sort(x).indices, Tensor)
assert_type(torch.matmul(x, x.T), Tensor)
assert_type(torch.einsum("ij,kj->ik", x, x), Tensor)
assert_type(torch.clamp(x, min=0), Tensor)
assert_type(torch.sigmoid(x), Tensor)
assert_type(torch.softmax(x, dim=1), Tensor)
assert_type(torch.bincount(y, minlength=3), Tensor)
assert_type(torch.hann_window(3, dtype=torch.float64), Tensor)
assert_type(torch.asarray([1, 2]), Tensor)
assert_type(torch.histogram(x, 3).hist, Tensor)
assert_type(x.new_zeros(3, device="cpu"), Tensor)
assert_type(x.index_add(0, y, x), Tensor)
assert_type(torch.unique(x), Tensor)
assert_type(torch.unique(x, return_counts=True), tuple[Tensor, Tensor])
assert_type(x.unique(return_inverse=True, return_counts=True), tuple[Tensor, Tensor, Tensor])
assert_type(x.nonzero(), Tensor)
assert_type(x.nonzero(as_tuple=True), tuple[Tensor, ...])
assert_type(torch.median(x), Tensor)
assert_type(x.median(dim=1).values, Tensor)
assert_type(x.type(), str)
assert_type(x.type(torch.float64), Tensor)
assert_type(torch.atleast_1d(x), Tensor)
assert_type(torch.atleast_2d(x, y), tuple[Tensor, ...])
assert_type(torch.meshgrid(y, y, indexing="ij"), tuple[Tensor, ...])
assert_type(torch.linalg.svd(x).S, Tensor)
assert_type(torch.allclose(x, x), bool)
assert_type(torch.equal(x, x), bool)
assert_type(torch.tril(x), Tensor)
assert_type(torch.multinomial(x, 1), Tensor)
assert_type(torch.linalg.norm(x), Tensor)
assert_type(torch.linalg.solve(x, x), Tensor)
assert_type(torch.is_grad_enabled(), bool)
assert_type(torch.manual_seed(0), torch.Generator)

# Where the result goes, and NumPy's names of arguments

assert_type(torch.add(x, x, out=x), Tensor)
assert_type(torch.exp(x, out=x), Tensor)
assert_type(torch.sum(x, axis=0), Tensor)
assert_type(torch.mean(x, axis=(0, 1), keepdims=True), Tensor)
assert_type(torch.sum(x, dim=0, out=x), Tensor)
assert_type(torch.sum(input=x, dim=0), Tensor)
assert_type(torch.matmul(x, x, out=x), Tensor)
assert_type(torch.clamp(x, min=0, out=x), Tensor)
assert_type(torch.cat([x, x], out=x), Tensor)
assert_type(torch.stack([x, x], dim=1, out=x), Tensor)
assert_type(torch.std(x, axis=0), Tensor)
assert_type(torch.softmax(x, axis=1), Tensor)
assert_type(x.sum(axis=0), Tensor)
assert_type(x.mean(axis=0, keepdims=True), Tensor)
assert_type(x.cumsum(axis=0), Tensor)
assert_type(x.argmax(axis=1), Tensor)
assert_type(torch.sort(x, axis=1, out=(x, y)).values, Tensor)
x.clamp(min=0, out=x)  # error
torch.sum(x, axes=0)  # error
torch.sum(x, axis="rows")  # error
torch.add(x, x, axis=0)  # error

# Modules


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(width, 2)
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.first(x))
        return F.softmax(self.last(self.drop(hidden)) * self.scale, dim=1)


net = Net(8)
assert_type(net.first, nn.Linear)
assert_type(net.first.weight, Tensor)
assert_type(net.scale.grad, Tensor | None)
assert_type(net.train().eval(), Net)
assert_type(net.double().to("cpu"), Net)
assert_type(net.training, bool)
assert_type(net.state_dict(), dict[str, Any])
net.load_state_dict(net.state_dict())
for parameter in net.parameters():
    assert_type(parameter, nn.Parameter)
    assert_type(parameter.numel(), int)
for name, parameter in net.named_parameters():
    assert_type(name, str)
    assert_type(parameter, nn.Parameter)
for child in net.children():
    assert_type(child, nn.Module)
nn.Linear(4, 2).bias.data.fill_(0)
nn.Linear(4, 2).weight.data.fill_(0)
assert_type(nn.Linear(4, 2, bias=False).bias, Tensor | Any)  # None here
assert_type(nn.CrossEntropyLoss().reduction, Literal["none", "mean", "sum"])
model = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
assert_type(model[0], nn.Module)
assert_type(model(x), Any)
layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
assert_type(len(layers), int)
assert_type(nn.init.xavier_uniform_(net.first.weight), Tensor)
assert_type(nn.utils.clip_grad_norm_(net.parameters(), 1.0), Tensor)

# Functions of nn

assert_type(F.relu(x), Tensor)
assert_type(F.softmax(x, dim=1), Tensor)
assert_type(F.log_softmax(x, dim=-1), Tensor)
assert_type(F.cross_entropy(x, y), Tensor)
assert_type(F.mse_loss(x, x), Tensor)
assert_type(F.nll_loss(x, y, reduction="sum"), Tensor)
assert_type(F.kl_div(x, x, reduction="batchmean"), Tensor)
assert_type(F.linear(x, x), Tensor)
assert_type(F.conv2d(x[None, None], x[None, None], padding=1), Tensor)
assert_type(F.max_pool2d(x[None, None], 2), Tensor)
assert_type(F.dropout(x, 0.5, training=True), Tensor)
assert_type(F.one_hot(y, 3), Tensor)
assert_type(F.embedding(y, x), Tensor)
assert_type(F.layer_norm(x, (4,)), Tensor)
assert_type(F.pad(x, (1, 1)), Tensor)
assert_type(F.leaky_relu_(x, 0.1), Tensor)
assert_type(F.gumbel_softmax(x, hard=True), Tensor)
assert_type(F.ctc_loss(x, y, [3], [2]), Tensor)
assert_type(F.embedding_bag(y, x, y, mode="sum"), Tensor)

# Layers, and containers of them

assert_type(nn.Linear(4, 2)(x), Tensor)
assert_type(net(x), Tensor)
assert_type(nn.ReLU(inplace=True)(x), Tensor)
assert_type(nn.Dropout()(x), Tensor)
assert_type(nn.Embedding(3, 2, padding_idx=0)(y), Tensor)
assert_type(nn.EmbeddingBag(3, 2).from_pretrained(x)(y, y), Tensor)
assert_type(nn.CrossEntropyLoss(weight=x[0], label_smoothing=0.1)(x, y), Tensor)
assert_type(nn.Identity()(y), Tensor)
assert_type(nn.Bilinear(4, 4, 2)(x, x), Tensor)
assert_type(nn.Sequential(nn.ReLU(), nn.Tanh())[:1], nn.Sequential)
assert_type(layers.append(nn.ReLU()), nn.ModuleList)
for layer in layers:
    assert_type(layer, nn.Module)
    assert_type(layer(x), Any)
for _, module in nn.ModuleDict({"a": nn.ReLU(), "b": net}).items():
    assert_type(module, nn.Module)
nn.ParameterList([x])[0].data.fill_(0)

# Images and sequences

conv, images = nn.Conv2d(1, 2, 3, padding="same"), x[None, None]
assert_type(conv(images), Tensor)
conv.bias.data.fill_(0)
nn.BatchNorm2d(2).weight.data.fill_(1)
assert_type(nn.LazyConv2d(2, 3)(images), Any)
assert_type(F.conv2d(images, images, stride=[1, 2], padding="same"), Tensor)
assert_type(nn.MaxPool2d(2)(images), Tensor)
assert_type(F.max_pool1d(x, 2, return_indices=True), tuple[Tensor, Tensor])
assert_type(F.adaptive_max_pool2d(images, (2, None), True), tuple[Tensor, Tensor])
assert_type(F.interpolate(images, scale_factor=2.0), Tensor)
packed = nn.utils.rnn.pack_sequence([x])
assert_type(nn.LSTM(4, 2)(x), tuple[Tensor, tuple[Tensor, Tensor]])
assert_type(nn.GRU(4, 2)(packed)[1], Tensor)
assert_type(nn.GRU(4, 2)(packed)[0], nn.utils.rnn.PackedSequence)
assert_type(nn.LSTMCell(4, 2)(x), tuple[Tensor, Tensor])
assert_type(nn.TransformerEncoderLayer(4, 2)(x), Tensor)

# Training

optimizer = Adam(net.parameters(), lr=1e-3)
SGD([{"params": net.first.parameters(), "lr": 0.1}, {"params": [net.scale]}], momentum=0.9)
SGD([net.scale, x], lr=0.1)
Adam(net.named_parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
dataset = TensorDataset(x, y)
loader = DataLoader(dataset, batch_size=2, shuffle=True)
criterion = nn.CrossEntropyLoss()
total = 0.0
for images, labels in loader:
    optimizer.zero_grad()
    loss = criterion(net(images), labels)
    loss.backward()
    optimizer.step()
    total += loss.item() * len(labels)
scheduler.step()
assert_type(scheduler.get_last_lr(), list[float])
assert_type(len(loader), int)
assert_type(optimizer.param_groups, list[dict[str, Any]])
assert_type(optimizer.state_dict(), dict[str, Any])
optimizer.load_state_dict(optimizer.state_dict())
assert_type(F.cross_entropy(x, y).backward(), None)
torch.save(net.state_dict(), "net.npz")
net.load_state_dict(torch.load("net.npz"))


class Squares(Dataset[int]):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> int:
        return index**2


assert_type(Squares()[3], int)

# Modes and gradients


@torch.no_grad()
def evaluate(model: nn.Module, threshold: float = 0.5) -> float:
    return threshold


@torch.no_grad
def bare(threshold: float) -> float:
    return threshold


@torch.inference_mode()
def infer(threshold: float) -> float:
    return threshold


@torch.enable_grad()
def record(threshold: float) -> float:
    return threshold


class Agent:
    @torch.no_grad()
    def act(self, state: Tensor) -> int:
        return int(state.argmax())


assert_type(evaluate(net), float)
assert_type(bare(0.5), float)
assert_type(infer(0.5), float)
assert_type(record(0.5), float)
assert_type(Agent().act(x), int)
with torch.no_grad():
    assert_type(net.scale.mul_(2), nn.Parameter)
with torch.set_grad_enabled(False), torch.inference_mode():
    pass
assert_type(torch.autograd.grad(x.sum(), x), tuple[Tensor, ...])
assert_type(torch.autograd.grad(x.sum(), [x, x], create_graph=True), tuple[Tensor, ...])
assert_type(torch.autograd.backward([x.sum(), x.mean()]), None)
assert_type(torch.autograd.gradcheck(torch.exp, x), bool)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x**3

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * 3


# Programs


@torch.compile
def compiled_step(x: Tensor, scale: float = 1.0) -> Tensor:
    return x * scale


@torch.compile(fullgraph=True)
def whole_step(x: Tensor) -> tuple[Tensor, int]:
    return x, 1


assert_type(compiled_step(x), Tensor)
assert_type(compiled_step.source(), str)
assert_type(whole_step(x), tuple[Tensor, int])
assert_type(torch.compile(nn.Linear(2, 3)), nn.Linear)
assert_type(torch.compile(nn.Linear(2, 3))(x), Tensor)

# Mistakes

F.relu("x")  # error
F.cross_entropy(3, "x")  # error
F.linear(x)  # error
F.linear(x, 3)  # error
F.relu_(x, 3)  # error
F.gelu(x, 3)  # error
F.dropout("x")  # error
F.embedding(3, x)  # error
F.mse_loss(x, 3)  # error
F.mse_loss(x, x, reduction="average")  # error
F.kl_div(x, x, reduction="batch")  # error
F.pad(x, (1, 1), mode="mirror")  # error
F.interpolate(x, mode="cubic")  # error
F.grid_sample(x, x, padding_mode="zero")  # error
F.embedding_bag(y, x, y, mode="min")  # error
F.gelu(x, approximate="sigmoid")  # error
F.conv2d(x, x, padding="full")  # error
F.ctc_loss(x, y, 3, 2)  # error
nn.ReLU()("x")  # error
nn.Linear(4, 2)(x, x)  # error
net("x")  # error
nn.MSELoss()(x)  # error
nn.CrossEntropyLoss(weight="x")  # error
nn.Embedding(3, "2")  # error
nn.ModuleList([x])  # error
nn.init.zeros_(3)  # error
F.softmax(x, dim="rows")  # error
F.conv2d(x, 3)  # error
F.avg_pool3d("x", 2)  # error
F.pad(x, 1)  # error
nn.Conv2d("x", 2, 3)  # error
nn.Conv2d(1, 2, 3, padding_mode="mirror")  # error
nn.Upsample(2, mode="area2")  # error
nn.EmbeddingBag(3, 2, mode="min")  # error
nn.L1Loss(reduction="average")  # error
nn.KLDivLoss(reduction="batch")  # error
nn.RNN(4, 2, nonlinearity="sigmoid")  # error
nn.TransformerEncoderLayer(4, 2, activation="selu")  # error
nn.init.kaiming_normal_(x, mode="fan")  # error
nn.Conv2d(1, 2, 3)("x")  # error
nn.LSTM(4, 2)("x")  # error
Adam(3)  # error
Adam(net.parameters(), lr="fast")  # error
Adam(net.parameters(), learning_rate=0.1)  # error
torch.cat(x, x)  # error
torch.cat(3)  # error
torch.stack([1, 2])  # error
torch.zeros("a")  # error
torch.exp("x")  # error
torch.matmul(x, "y")  # error
torch.where(x > 0, "a", x)  # error
x.view("a")  # error
x.reshape([1.5])  # error
x.sum(dim="rows")  # error
x.transpose(0)  # error
x.unsqueeze()  # error
x.masked_fill(x > 0)  # error
x.expp()  # error
x @ "y"  # error
x["a"]  # error
nn.Linear("4", 2)  # error
nn.Linear(4)  # error
nn.Linear(4, 2, biased=False)  # error
nn.Sequential(3)  # error
nn.Conv2d(1, 2, kernel_size="3")  # error
nn.Dropout("half")  # error
DataLoader(dataset, batch_size="two")  # error
DataLoader(3)  # error
evaluate(3)  # error
evaluate(net, "x")  # error
Agent().act(3)  # error
torch.set_grad_enabled("no")  # error
torch.autograd.grad(3, x)  # error
torch.autograd.backward("loss")  # error

optimizer.step("again")  # error
TensorDataset([1, 2])  # error
x.clamp(min="low")  # error
x.to(3.5)  # error
torch.arange("3")  # error
torch.randn(3, 4, requires_gradient=True)  # error
torch.save()  # error
F.mse_loss(x, x).backwards()  # error
torch.nn.functional.rellu(x)  # error
torch.relo(x)  # error
torch.view(x, 2)  # error
torch.expand(x, 3, 4)  # error
torch.repeat(x, 2)  # error
torch.contiguous(x)  # error
torch.normal_(x)  # error
torch.new_zeros(x, 3)  # error
torch.fill_diagonal_(x, 3)  # error
compiled_step("x")  # error
whole_step()  # error
torch.compile(3)  # error
torch.compile(nn.Linear(2, 3), mod="default")  # error
