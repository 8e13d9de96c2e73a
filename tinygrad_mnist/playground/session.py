"""What the page talks to: the models, their answers, and one training at a time."""

from __future__ import annotations

import functools
import math
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.playground.model import Model
from tinygrad_mnist.playground.models import MODELS
from tinygrad_mnist.playground.networks import NETWORKS, NetworkModel, first_weights, look
from tinygrad_mnist.playground.pictures import tiles
from tinygrad_mnist.playground.training import Settings, tensors, train

YOURS = "yours"
"""The name of the network that is trained when asked."""

PAUSE = 0.2
"""The least time between two pictures of a training, in seconds."""


class BusyError(RuntimeError):
    """What is asked for has to wait, or there is nothing to be asked."""


class ClosedError(Exception):
    """The session is closed."""


class Channel:
    """A state that any number of threads wait for to change."""

    def __init__(self, **state: Any) -> None:
        self._changed = threading.Condition()
        self._version, self._state, self._closed = 1, state, False

    def publish(self, **changes: Any) -> None:
        """Change parts of the state, and wake all who wait."""
        with self._changed:
            self._state = {**self._state, **changes}
            self._version += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[int, dict[str, Any]] | None:
        """Wait for a version that wasn't seen, no longer than that; None when it is closed.

        Examples
        --------
        >>> channel = Channel(share=0.0)
        >>> channel.publish(share=0.5)
        >>> channel.wait(0, 1.0)
        (2, {'share': 0.5})
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._version != seen, seconds)
            return None if self._closed else (self._version, self._state)

    @property
    def state(self) -> dict[str, Any]:
        """The state as it is now."""
        return self._state

    def close(self) -> None:
        """Wake all who wait, for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Session:
    """The models on a page, prepared by a thread of their own.

    Parameters
    ----------
    digits
        What they learn, and are tested with.
    tell
        Called with a line about each model that is ready.
    """

    def __init__(self, digits: Digits, tell: Callable[[str], None] = print) -> None:
        self.digits = digits
        self.channel = Channel(
            preparing={"name": "nearest", "share": 0.0}, models={}, training=None, failed=None,
            examples=len(digits.test_labels),
        )  # fmt: skip
        self._tell = tell
        self._models: dict[str, Model] = {}
        self._stop = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._doing: str | None = "the models are being prepared"
        self._worker = threading.Thread(target=self._prepare, name="prepare", daemon=True)

    def start(self) -> None:
        """Begin to prepare the models."""
        self._worker.start()

    def _prepare(self) -> None:
        try:
            for name, make in MODELS.items():
                start = time.monotonic()
                self._share(name, 0.0)
                model = make(self.digits, functools.partial(self._share, name))
                self._ready(name, model, time.monotonic() - start)
            failed = None
        except ClosedError:
            return
        except Exception as error:
            traceback.print_exc()
            failed = f"The models could not be prepared: {error}"
        self._doing = None
        self.channel.publish(preparing=None, failed=failed)

    def _share(self, name: str, share: float) -> None:
        if self._closing:
            raise ClosedError
        self.channel.publish(preparing={"name": name, "share": share})

    def _ready(self, name: str, model: Model, seconds: float) -> None:
        labels = self.digits.test_labels
        right = float((model.predict(self.digits.test_images) == labels).mean())
        self._models[name] = model
        self._tell(
            f"  {name:<14} ready in {seconds:4.1f} s; {right:.1%} of {len(labels):,} held-out "
            f"digits are right"
        )
        self.channel.publish(models={**self.channel.state["models"], name: right})

    def answer(self, image: np.ndarray, chosen: str) -> dict[str, Any]:
        """Return what every model that is ready makes of an image, and a look into one network."""
        models = dict(self._models)
        model = models.get(chosen)
        return {
            "image": tiles(image[None]),
            "answers": {name: model.answer(image) for name, model in models.items()},
            "look": _seen(model.network, image) if isinstance(model, NetworkModel) else None,
        }

    def train(self, settings: Settings) -> None:
        """Begin to train a network.

        Raises
        ------
        BusyError
            When the models aren't prepared yet, or a training is running.
        """
        with self._lock:
            if self._doing is not None:
                raise BusyError(f"one training at a time: {self._doing}")
            self._doing = "a network is trained; stop that first"
            self._stop.clear()
            self._worker = threading.Thread(
                target=self._train, args=(settings,), name="train", daemon=True
            )
            self._worker.start()

    def stop(self) -> None:
        """Ask the training to end.

        Raises
        ------
        BusyError
            When none is running.
        """
        with self._lock:
            if self._doing is None or self._worker.name != "train":
                raise BusyError("no training is running")
            self._stop.set()

    def _train(self, settings: Settings) -> None:
        tg.manual_seed(settings.seed)
        network = NETWORKS[settings.network]()
        shown = {
            **settings._asdict(), "step": 0, "steps": 0, "epoch": 0, "losses": [], "accuracies": [],
            "ended": None,
        }  # fmt: skip
        self._show(network, shown)
        last = time.monotonic()
        ended = "done"
        try:
            for report in train(network, settings, tensors(self.digits)):
                shown.update(step=report.step, steps=report.steps, epoch=report.epoch)
                if not math.isfinite(report.loss):
                    ended = "diverged"
                    break
                shown["losses"].append((report.step, report.loss))
                if report.accuracy is not None:
                    shown["accuracies"].append((report.step, report.accuracy))
                if self._stop.is_set() or self._closing:
                    ended = "stopped"
                    break
                if time.monotonic() - last > PAUSE:
                    self._show(network, shown)
                    last = time.monotonic()
        except Exception:
            traceback.print_exc()
            ended = "failed"
        shown["ended"] = ended
        with self._lock:  # the next training is shown after the end of this one
            self._doing = None
            self._show(network, shown)

    def _show(self, network: nn.Sequential, shown: dict[str, Any]) -> None:
        """Let the page see a training, and ask the network as it is now."""
        if shown["ended"] != "diverged":
            self._models[YOURS] = NetworkModel(network)
        lists = {name: list(shown[name]) for name in ("losses", "accuracies")}
        weights = tiles(first_weights(network))
        self.channel.publish(training={**shown, **lists, "weights": weights})

    def close(self) -> None:
        """End the training and everything that waits for news."""
        self._closing = True
        self.channel.close()
        if self._worker.ident is not None:
            self._worker.join(5)


def _seen(network: nn.Sequential, image: np.ndarray) -> dict[str, Any]:
    found = look(network, image)
    layers = [
        {"name": layer.name, "shape": layer.shape, "tiles": tiles(layer.tiles)}
        for layer in found.layers
    ]
    return {"gradient": tiles(found.gradient[None]), "layers": layers}
