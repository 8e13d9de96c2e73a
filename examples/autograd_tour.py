"""A tour of automatic differentiation: gradients, the walk, second derivatives, a checked rule.

Data: none. Expect five stops, printed within a second or two, and in the output folder a picture of
the graph and a page to step through.

    python examples/autograd_tour.py
"""

import argparse
from pathlib import Path

import tinygrad_mnist as tg
from tinygrad_mnist import autograd, nn, viz


class Cube(autograd.Function):
    """The cube, with a mistake in its derivative: 2 x² where 3 x² is right."""

    @staticmethod
    def forward(ctx, x):
        """Compute the cube, and keep what backward needs."""
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        """Turn the gradient of the output into that of the input."""
        (x,) = ctx.saved_tensors
        return g * 2 * x**2


def main(out: Path) -> None:
    """Go from stop to stop."""
    print("1. A gradient. d/dx of x³ + 2x at 3 is 3 · 3² + 2 = 29:")
    x = tg.tensor(3.0, requires_grad=True)
    (x**3 + 2 * x).backward()
    print(f"   x.grad = {x.grad.item()}\n")

    print("2. The walk, with its numbers: each rule turns what came in into what goes out.")
    w = tg.tensor([1.0, -2.0], requires_grad=True)
    loss = (w * tg.tensor([3.0, 0.5])).sum() ** 2
    print(viz.trace(loss, {"w": w}).replace("\n", "\n   ").join(["   ", "\n"]))

    print("3. Second derivatives come from the same rules. d²/dx² of x⁴ at 2 is 12 · 2² = 48:")
    x = tg.tensor(2.0, requires_grad=True)
    (first,) = autograd.grad(x**4, x, create_graph=True)
    (second,) = autograd.grad(first, x)
    print(f"   first {first.item()}, second {second.item()}\n")

    print("4. A wrong rule, and what the checker says of it:")
    x = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    try:
        autograd.gradcheck(Cube.apply, x)
    except autograd.GradcheckError as error:
        print(f"   {error}\n")

    print("5. A network, drawn, and as a page to step through (arrow keys):")
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    with viz.record():
        loss = nn.functional.cross_entropy(model(tg.randn(6, 4)), tg.tensor([0, 1, 2, 0, 1, 2]))
    out.mkdir(parents=True, exist_ok=True)
    viz.graph(loss, model).save(out / "tour-graph.svg")
    print(f"   {out / 'tour-graph.svg'}\n   {viz.explore(loss, model, out / 'tour.html')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    main(parser.parse_args().out)
