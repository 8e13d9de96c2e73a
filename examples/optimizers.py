"""Train a network by four optimizers, each at several settings.

The report's section 6.8: 784-100-200-10 rectified units, Xavier's initial weights. The report's
Adam divided its running means by the constants 1 - beta, so that they grew with every step, and
had a sign wrong for the biases; it overflowed even at learning rates of 1e-9, and was interrupted.
In its place stands Adam as it was published, at sensible learning rates.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.95 on its 1,000 test digits from the best of 24 cells, in some 50 seconds on one core.
"""

import itertools

import grid

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn

EPOCHS = {"sample": 10, "mnist": 25}
BATCH_SIZE = 32
UNITS = (784, 100, 200, 10)
CELLS = [
    *({"optimizer": "sgd", "lr": lr} for lr in (0.07, 0.1, 0.3)),
    *(
        {"optimizer": "momentum", "beta": beta, "lr": lr}
        for beta, lr in itertools.product((0.8, 0.9, 0.95), (0.007, 0.01, 0.03))
    ),
    *(
        {"optimizer": "rmsprop", "beta": beta, "lr": lr}
        for beta, lr in itertools.product((0.8, 0.9, 0.99), (0.0007, 0.001, 0.003))
    ),
    *({"optimizer": "adam", "lr": lr} for lr in (0.0003, 0.001, 0.003)),
]
COLUMNS = 3
ADAM_BETAS = (0.9, 0.99)


def build(cell: grid.Cell) -> tuple[nn.Module, tg.optim.Optimizer]:
    """Return the network and the optimizer of a cell."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(UNITS):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    parameters, lr = network.parameters(), cell["lr"]
    if cell["optimizer"] == "sgd":
        return network, tg.optim.SGD(parameters, lr=lr)
    if cell["optimizer"] == "momentum":
        return network, tg.optim.SGD(parameters, lr=lr, momentum=cell["beta"])
    if cell["optimizer"] == "rmsprop":
        return network, tg.optim.RMSprop(parameters, lr=lr, alpha=cell["beta"])
    return network, tg.optim.Adam(parameters, lr=lr, betas=ADAM_BETAS)


def present(results: list[grid.Result], args) -> dict:
    """Draw and report the grids."""
    return grid.present("optimizers", "784-100-200-10,", results, COLUMNS, args)


def main(arguments: list[str] | None = None) -> dict:
    """Train the grids, and write panels, the best cell's report, and figures."""
    args = grid.options(__doc__, EPOCHS, BATCH_SIZE, arguments)
    return present(grid.run(build, CELLS, args), args)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
