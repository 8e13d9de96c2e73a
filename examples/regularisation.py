"""Train a network with weights that shrink, by three amounts.

The report's section 6.7.2: 784-100-200-10 rectified units, Xavier's initial weights, learning rate
0.1. In each step the report subtracts alpha w from the weights w, not multiplied by the learning
rate: in PyTorch's terms weight_decay = alpha / lr. Biases don't shrink.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.91 on its 1,000 test digits from the best cell, in some 10 seconds on one core.
"""

import itertools

import grid

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn

EPOCHS = {"sample": 10, "mnist": 25}
BATCH_SIZE = 32
LEARNING_RATE = 0.1
UNITS = (784, 100, 200, 10)
CELLS = [{"alpha": alpha} for alpha in (3e-5, 7e-5, 1e-4)]
COLUMNS = 3


def build(cell: grid.Cell) -> tuple[nn.Module, tg.optim.Optimizer]:
    """Return the network and the optimizer of a cell."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(UNITS):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    weights = [p for p in network.parameters() if p.ndim == 2]
    biases = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": weights, "weight_decay": cell["alpha"] / LEARNING_RATE},
        {"params": biases},
    ]
    return network, tg.optim.SGD(groups, lr=LEARNING_RATE)


def present(results: list[grid.Result], args) -> dict:
    """Draw and report the grid."""
    return grid.present("regularisation", "weights that shrink", results, COLUMNS, args)


def main(arguments: list[str] | None = None) -> dict:
    """Train the grid, and write panels, the best cell's report, and figures."""
    args = grid.options(__doc__, EPOCHS, BATCH_SIZE, arguments)
    return present(grid.run(build, CELLS, args), args)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
