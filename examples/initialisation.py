"""Train a deep network from two kinds of initial weights, at four learning rates.

The report's section 6.7.1: 784-100-200-300-400-10 rectified units; weights from N(0, 0.01²) or
Xavier's N(0, 2 / (inputs + outputs)). A run that diverges is stopped, and shown as such.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.936 on its 1,000 test digits from the best cell, in some 30 seconds on one core. With
weights from N(0, 0.01²) nothing is learnt in 10 epochs: five layers of them shrink the signal away.
"""

import itertools

import grid

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn

EPOCHS = {"sample": 10, "mnist": 25}
BATCH_SIZE = 32
UNITS = (784, 100, 200, 300, 400, 10)
WEIGHT_DEVIATION = 0.01
CELLS = [
    {"weights": weights, "lr": lr}
    for weights, lr in itertools.product(("normal", "xavier"), (0.07, 0.1, 0.3, 0.5))
]
COLUMNS = 4


def build(cell: grid.Cell) -> tuple[nn.Module, tg.optim.Optimizer]:
    """Return the network and the optimizer of a cell."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(UNITS):
        layer = nn.Linear(inputs, outputs)
        if cell["weights"] == "normal":
            nn.init.normal_(layer.weight, std=WEIGHT_DEVIATION)
        else:
            nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    return network, tg.optim.SGD(network.parameters(), lr=cell["lr"])


def present(results: list[grid.Result], args) -> dict:
    """Draw and report the grid."""
    return grid.present("initialisation", "depth and initial weights", results, COLUMNS, args)


def main(arguments: list[str] | None = None) -> dict:
    """Train the grid, and write panels, the best cell's report, and figures."""
    args = grid.options(__doc__, EPOCHS, BATCH_SIZE, arguments)
    return present(grid.run(build, CELLS, args), args)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
