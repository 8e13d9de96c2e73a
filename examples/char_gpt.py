"""Train a small transformer to write: it guesses the next character of a text.

The text is Python's own documentation, which comes with every Python, or a file of yours. The
model is a decoder as in GPT: blocks of causal attention and of feed-forward networks, each behind
a normalisation, with the table of characters used at both ends.

Data: 200,000 characters of Python's documentation, or --text. Expect a cost of about 2.03 nats a
character of text that it hasn't seen, where it writes things like words, in some 40 seconds.
"""

import argparse
import functools
import inspect
import math
from contextlib import suppress
from pathlib import Path

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.experiment import ExperimentError, positive
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.viz import draw_curves

EPOCHS = 8
STEPS = 60  # an epoch here: so many batches of random pieces of the text
BATCH_SIZE = 32
LEARNING_RATE = 3e-3
WARMUP = 30  # steps
LAST_RATE = 0.1  # of the learning rate, at the end
WEIGHT_DECAY = 0.1
BETAS = (0.9, 0.99)
MAX_NORM = 1.0

CONTEXT = 64  # characters that a guess may be based on
WIDTH = 64
HEADS = 4
BLOCKS = 2
DROPOUT = 0.0

CHARACTERS = 200_000  # of Python's documentation
PROMPT = "\n\n"


class Block(nn.Module):
    """Each position looks at those before it, and then thinks about what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.to_qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.from_heads = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.think = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return x (N, T, WIDTH) with what attention and network have to add."""
        n, t, _ = x.shape
        parts = self.to_qkv(self.norm1(x)).view(n, t, 3, HEADS, WIDTH // HEADS)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.from_heads(seen.transpose(1, 2).reshape(n, t, WIDTH)))
        return x + self.dropout(self.think(self.norm2(x)))


class GPT(nn.Module):
    """Characters and their positions to logits of the next character at every position."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*[Block() for _ in range(BLOCKS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, vocabulary, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        self.head.weight = self.characters.weight  # one table for both ends

    def forward(self, tokens: tg.Tensor) -> tg.Tensor:
        """Return the logits (N, T, vocabulary) for tokens (N, T)."""
        x = self.characters(tokens) + self.positions(tg.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def read(path: Path | None) -> str:
    """Return the text of a file, or what pydoc knows about Python's language."""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ExperimentError(f"--text: {path} is not a text in UTF-8: {error}") from error
    else:
        try:
            from pydoc_data.topics import topics

            text = "\n\n".join(topics[name] for name in sorted(topics))[:CHARACTERS]
        except ImportError:  # some systems keep the documentation in a package of its own
            text = inspect.getsource(argparse)
    if len(text) < 20 * CONTEXT:
        raise ExperimentError(
            f"--text: {path} has {len(text)} characters; at least {20 * CONTEXT} are needed"
        )
    return text


def pieces(tokens: tg.Tensor, starts: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
    """Return pieces of CONTEXT characters, and the same moved on by one: the right guesses."""
    rows = starts.unsqueeze(1) + tg.arange(CONTEXT)
    return tokens[rows], tokens[rows + 1]


def rate(step: int, steps: int, highest: float) -> float:
    """Return the learning rate of a step: up in a line, and down along half a cosine."""
    if step < WARMUP:
        return highest * (step + 1) / WARMUP
    done = (step - WARMUP) / max(steps - WARMUP, 1)
    return highest * (LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2)


@tg.no_grad()
def evaluate(network: GPT, tokens: tg.Tensor) -> float:
    """Return the mean cost of a guess, in nats, on pieces that lie side by side."""
    network.eval()
    starts = tg.arange(0, len(tokens) - CONTEXT, CONTEXT)
    total = 0.0
    for part in starts.split(64):
        x, y = pieces(tokens, part)
        total += F.cross_entropy(network(x).flatten(0, 1), y.flatten()).item() * len(part)
    network.train()
    return total / len(starts)


@tg.no_grad()
def write(
    network: GPT, prompt: list[int], length: int, temperature: float, top_k: int, seed: int
) -> list[int]:
    """Go on from a prompt: draw one character after another from what the network expects."""
    network.eval()
    generator = tg.Generator().manual_seed(seed)  # training's random numbers stay as they are
    written = list(prompt)
    for _ in range(length):
        logits = network(tg.tensor([written[-CONTEXT:]]))[0, -1] / temperature
        least = sorted(logits.tolist())[-min(top_k, len(logits))]
        probabilities = F.softmax(logits.masked_fill(logits < least, -math.inf), dim=0)
        written.append(int(tg.multinomial(probabilities, 1, generator=generator)))
    network.train()
    return written


def options(arguments: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    temperature = functools.partial(experiment.above_zero, what="temperature")
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--text", type=Path, help="a text to learn, in place of Python's own")
    parser.add_argument("--length", type=positive, default=600, help="characters to write")
    parser.add_argument("--temperature", type=temperature, default=0.8, help="the lower, the surer")
    parser.add_argument("--top-k", type=positive, default=20, help="characters to draw from")
    return experiment.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, digits=False,
        settings=("text", "epochs", "seed", "batch_size", "lr"),
        arguments=arguments, parents=[parser],
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> dict:
    """Train, write a text, and write curves, checkpoint and figures."""
    args = options(arguments)
    experiment.check_output(args)
    text = read(args.text)
    alphabet = sorted(set(text))
    number = {character: i for i, character in enumerate(alphabet)}
    tokens = tg.tensor([number[character] for character in text])
    count = len(tokens) * 9 // 10
    train, validation = tokens[:count], tokens[count:]

    tg.set_num_threads(1)  # the products are small: one thread computes them, unasked
    tg.manual_seed(args.seed)
    network = GPT(len(alphabet))
    # Weight decay is for matrices; biases and the scales of normalisations are left alone.
    matrices = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = tg.optim.AdamW(groups, lr=args.lr, betas=BETAS)
    run = experiment.Run("char-gpt", args, network=network, optimizer=optimizer)

    @tg.compile(disable=not args.compile)
    def step(x, y):
        logits = network(x)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), MAX_NORM)
        optimizer.step()
        return loss

    print(network)
    print(f"{len(text):,} characters, {len(alphabet)} different ones")
    for epoch in run.epochs():
        total = 0.0
        for batch in run.batches(range(STEPS)):
            for group in optimizer.param_groups:
                group["lr"] = rate((epoch - 1) * STEPS + batch, args.epochs * STEPS, args.lr)
            x, y = pieces(train, tg.randint(len(train) - CONTEXT, (args.batch_size,)))
            total += step(x, y).item()
        run.note(train_cost=total / STEPS, validation_cost=evaluate(network, validation))

    history, seconds = run.history, run.seconds
    figures = {
        "seed": args.seed,
        "epochs": history.epochs,
        "parameters": sum(p.numel() for p in network.parameters()),
        "characters": len(alphabet),
        "train_cost": history["train_cost"][-1],
        "validation_cost": history["validation_cost"][-1],
        "seconds": seconds,
        "history": dict(history),
    }
    experiment.write_figure(args.out / "char-gpt-curves.png", draw_curves(history, "a small GPT"))
    if not history.diverged:
        prompt = [number[c] for c in PROMPT if c in number] or [0]
        written = write(network, prompt, args.length, args.temperature, args.top_k, args.seed)
        figures["sample"] = "".join(alphabet[i] for i in written)
        experiment.write(args.out / "char-gpt-sample.txt", figures["sample"] + "\n")
        print(figures["sample"])
    experiment.write_json(args.json, figures)
    print(f"\n{seconds:.1f} s of training; written: {args.out}/char-gpt-*")
    return figures


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
