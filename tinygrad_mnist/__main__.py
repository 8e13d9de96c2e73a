"""Say what there is: ``python -m tinygrad_mnist``."""

from __future__ import annotations

from pathlib import Path

from tinygrad_mnist import __version__

TEXT = """\
tinygrad_mnist {version}: a deep-learning framework whose engine one person can read

Write a model       import tinygrad_mnist as torch
                    and go on as in PyTorch

Draw a digit        python -m tinygrad_mnist.playground
                    a page: what networks answer, why, and how one learns

Look at a step      tinygrad_mnist.viz.explore(loss, model)
                    a page to step through; viz also draws, prints and counts

Break a rule        python -m tinygrad_mnist.mutation
                    and see the gradient checker catch it

In Python           help(tinygrad_mnist.matmul), and of any other name
"""

REPOSITORY = """
In this folder      {folder}
  README.md         where to begin
  docs/guide/       learn how backpropagation works, chapter by chapter
  docs/design.md    how it is built, and which files to read first
  docs/catalogue.md the functions, and their derivatives
  examples/mlp.py   train a network on handwritten digits, in seconds;
                    the other experiments stand beside it
"""


def main() -> None:
    """Print the commands, and where documentation and examples are."""
    print(TEXT.format(version=__version__), end="")
    folder = Path(__file__).parent.parent
    if (folder / "examples" / "mlp.py").exists():  # not where a wheel is installed
        print(REPOSITORY.format(folder=folder), end="")


if __name__ == "__main__":
    main()
