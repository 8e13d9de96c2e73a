"""A session prepares its models, keeps them, answers, and trains one network at a time."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist._runtime import threads
from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.playground import models
from tinygrad_mnist.playground.messages import read_settings
from tinygrad_mnist.playground.session import BusyError, Session
from tinygrad_mnist.playground.training import Settings

from .conftest import SHORT, prepared

LONG = Settings("perceptron", epochs=50, batch=8)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    once = {name: settings._replace(epochs=1) for name, settings in SHORT.items()}
    monkeypatch.setattr(models, "TRAINED", once)


def opened(digits: Digits) -> tuple[Session, list[str]]:
    lines: list[str] = []
    session = Session(digits, lines.append)
    session.start()
    prepared(session)
    return session, lines


def test_models_are_prepared_once_and_then_read(
    few: Digits, cache: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, lines = opened(few)
    names = ["nearest", "gaussian", "perceptron", "logistic", "convolutional"]
    assert [line.split()[0] for line in lines] == names
    assert all("ready in" in line and "of 100 held-out digits" in line for line in lines)
    right = session.channel.state["models"]
    assert list(right) == names and right["gaussian"] > 0.7
    session.close()
    assert len(list(cache.iterdir())) == 3

    def refuse(*args: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(models, "train", refuse)
    monkeypatch.setattr(models.Logistic, "fit", refuse)
    again, lines = opened(few)
    assert again.channel.state["models"] == right
    image = few.test_images[0].reshape(28, 28)
    assert again.answer(image, "perceptron") == session.answer(image, "perceptron")
    again.close()


@pytest.mark.slow
def test_models_of_the_page_are_as_good_as_they_are_said_to_be(digits: Digits, cache: Path) -> None:
    session, _ = opened(digits)
    least = {"nearest": 0.93, "gaussian": 0.95, "perceptron": 0.93, "logistic": 0.89, "convolutional": 0.965}  # fmt: skip
    right = session.channel.state["models"]
    assert {name: max(share, least[name]) for name, share in right.items()} == right
    session.close()


def test_answers_of_the_models(session: Session, digits: Digits) -> None:
    right = dict.fromkeys(models.MODELS, 0)
    for image, label in zip(digits.test_images[:50], digits.test_labels[:50], strict=True):
        found = session.answer(image.reshape(28, 28), "convolutional")
        for name in right:
            answer = found["answers"][name]
            right[name] += answer["digit"] == label
            if name not in ("nearest", "logistic"):  # whose ten answers are questions of their own
                assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-4)
                assert answer["digit"] == np.argmax(answer["probabilities"])
    assert min(right.values()) >= 40, right
    names = [layer["name"] for layer in found["look"]["layers"]]
    assert names == ["Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d", "Linear", "ReLU", "Linear"]  # fmt: skip
    nearest = found["answers"]["nearest"]
    assert nearest["images"]["count"] == len(nearest["labels"]) == 5
    assert nearest["distances"] == sorted(nearest["distances"])
    assert found["image"]["largest"] == image.max()


def test_answer_before_anything_is_ready(few: Digits) -> None:
    session = Session(few, lambda line: None)
    found = session.answer(few.test_images[0].reshape(28, 28), "perceptron")
    assert found["answers"] == {} and found["look"] is None
    with pytest.raises(BusyError, match="one training at a time: the models are being prepared"):
        session.train(LONG)
    with pytest.raises(BusyError, match="no training is running"):
        session.stop()
    session.close()


def test_one_training_runs_at_a_time_and_stops(session: Session, digits: Digits) -> None:
    image = digits.test_images[0].reshape(28, 28)
    session.train(LONG)
    with pytest.raises(BusyError, match="stop that first"):
        session.train(LONG)
    running(session)
    during = session.answer(image, "yours")["answers"]["yours"]
    assert sum(during["probabilities"]) == pytest.approx(1, abs=1e-4)
    session.stop()
    training = wait_done(session)
    assert training["ended"] == "stopped" and training["step"] < training["steps"]
    assert training["network"] == "perceptron" and training["weights"]["count"] == 100
    with pytest.raises(BusyError, match="no training is running"):
        session.stop()
    session.train(LONG._replace(epochs=1, batch=64))  # another may begin at once
    wait_done(session)


def running(session: Session) -> None:
    """Wait until a training has told of some steps."""
    seen, training = 0, None
    while not training or training["ended"] or len(training["losses"]) < 2:
        news = session.channel.wait(seen, 30)
        assert news is not None
        seen, training = news[0], news[1]["training"]


def wait_done(session: Session) -> dict[str, Any]:
    session._worker.join(60)
    training: dict[str, Any] = session.channel.state["training"]
    assert training["ended"]
    return training


def test_finished_training_is_told_in_full(session: Session, digits: Digits) -> None:
    session.train(Settings("convolutional", "Adam", 2e-3, 1))
    training = wait_done(session)
    assert training["ended"] == "done" and training["step"] == training["steps"] == 63
    assert [step for step, _ in training["losses"]] == list(range(1, 64))
    ((step, right),) = training["accuracies"]
    assert step == 63 and 0.5 < right < 1
    weights = training["weights"]
    assert (weights["count"], weights["height"], weights["width"]) == (8, 5, 5)
    assert len(base64.b64decode(weights["numbers"])) == 200
    found = session.answer(digits.test_images[0].reshape(28, 28), "yours")
    assert len(found["look"]["layers"]) == 9


def test_training_that_diverges_says_so_and_still_answers(session: Session, digits: Digits) -> None:
    session.train(Settings("perceptron", "SGD", 1e30, 3))
    training = wait_done(session)
    assert training["ended"] == "diverged"
    assert all(np.isfinite(loss) for _, loss in training["losses"])
    found = session.answer(digits.test_images[0].reshape(28, 28), "yours")
    assert np.isfinite(found["answers"]["yours"]["probabilities"]).all()


def test_seed_makes_a_training_repeat(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_deterministic", True)  # as in the playground's own process
    losses = []
    for _ in range(2):
        session.train(read_settings({"network": "perceptron", "optimizer": "Adam", "rate": 0.001, "epochs": 1}))  # fmt: skip
        losses.append(wait_done(session)["losses"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("moment", ["preparing", "training"])
def test_closing_ends_whatever_runs(moment: str, few: Digits, cache: Path, short: None) -> None:
    session = Session(few, lambda line: None)
    session.start()
    if moment == "training":
        prepared(session)
        session.train(LONG)
    waiting: list[object] = []
    listener = threading.Thread(target=lambda: waiting.append(listen(session)))
    listener.start()
    session.close()
    listener.join(5)
    assert waiting == [None]
    assert not session._worker.is_alive()


def listen(session: Session) -> object:
    seen = 0
    while (news := session.channel.wait(seen, 30)) is not None:
        seen = news[0]
    return news


def test_preparation_that_fails_is_told(
    few: Digits, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setitem(models.MODELS, "gaussian", fail)
    session = Session(few, lambda line: None)
    session.start()
    session._worker.join(30)
    assert session.channel.state["failed"] == "The models could not be prepared: no room"
    assert session.channel.state["preparing"] is None
    assert "MemoryError" in capsys.readouterr().err
    session.close()


def test_next_training_is_shown_after_the_end_of_this_one(
    few: Digits, cache: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(few, lambda line: None)
    session.start()
    prepared(session)
    settings = Settings("perceptron", epochs=1)
    following: list[threading.Thread] = []
    show, shown = session._show, []

    def slowly(network: Any, state: dict[str, Any]) -> None:
        if state["ended"] and not following:
            following.append(threading.Thread(target=session.train, args=(settings,)))
            following[0].start()
            following[0].join(0.2)
        show(network, state)
        shown.append(state["ended"])

    monkeypatch.setattr(session, "_show", slowly)
    session.train(settings)
    while shown.count("done") < 2:
        threading.Event().wait(0.02)
    assert shown[shown.index("done") + 1] is None and shown[-1] == "done"
    assert shown[shown.index("done") - 1] is None
    session.close()
