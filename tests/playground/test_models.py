"""The playground's models are those of the examples; a look into a network changes nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import classical as examples
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.playground import cache as kept
from tinygrad_mnist.playground.classical import Gaussian, Logistic, NearestNeighbour
from tinygrad_mnist.playground.networks import NETWORKS, batch, finished, first_weights, look
from tinygrad_mnist.playground.pictures import tiles
from tinygrad_mnist.playground.training import Settings, tensors, train

each_network = pytest.mark.parametrize("name", NETWORKS)


def test_gaussian_is_that_of_the_examples(few: Digits) -> None:
    model = Gaussian(few.train_images, few.train_labels)
    other = examples.GaussianClassifier(4000.0).fit(few.train_images, few.train_labels)
    found = model.probabilities(few.test_images)
    np.testing.assert_allclose(found, other.predict_proba(few.test_images), rtol=1e-6, atol=1e-12)


def test_nearest_neighbour_is_that_of_the_examples(few: Digits) -> None:
    model = NearestNeighbour(few.train_images, few.train_labels)
    other = examples.NearestNeighbour().fit(few.train_images, few.train_labels)
    positions = other.kneighbors(few.test_images)
    np.testing.assert_array_equal(model.nearest(few.test_images)[:, 0], positions)
    found = model.answer(few.test_images[0].reshape(28, 28))
    assert found["distances"] == sorted(found["distances"]) and len(found["labels"]) == 5
    gap = few.train_images[positions[0]].astype(float) - few.test_images[0]
    assert found["distances"][0] == pytest.approx(np.sqrt((gap**2).sum()) / 255)
    assert found["digit"] == few.train_labels[positions[0]]


def test_logistic_regressions_are_those_of_scikit_learn(few: Digits) -> None:
    model, shares = Logistic(), []
    model.fit(few.train_images, few.train_labels, shares.append)
    assert shares == sorted(shares) and 0 < shares[-1] <= 1
    assert (model.predict(few.test_images) == few.test_labels).mean() > 0.7
    # the cost of each digit, with the same weight of the squares
    ones = (few.train_labels == 3).astype(int)
    alone = LogisticRegression(C=1 / (2 * 1e-3 * len(ones)), max_iter=5000, tol=1e-6)
    alone.fit(few.train_images / 255, ones)
    mine = model.probabilities(few.test_images)[:, 3]
    other = alone.predict_proba(few.test_images / 255)[:, 1]
    np.testing.assert_allclose(mine, other, atol=0.06)


@each_network
def test_a_look_shows_what_the_network_computes(name: str, few: Digits) -> None:
    tg.manual_seed(0)
    network = finished(NETWORKS[name]())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    image = few.test_images[0].reshape(28, 28)
    found = look(network, image)
    logits = network(batch(image))[0]
    np.testing.assert_array_equal(found.probabilities, logits.softmax(0).numpy())
    np.testing.assert_array_equal(found.layers[-1].tiles.ravel(), logits.numpy())
    for layer in found.layers:
        assert layer.tiles.size == np.prod(layer.shape)
    relu = [layer for layer in found.layers if layer.name == "ReLU"]
    assert relu and all((layer.tiles >= 0).all() for layer in relu)
    for key, value in network.state_dict().items():
        assert (value == before[key]).all()
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())


@each_network
def test_gradient_is_that_of_differences(name: str) -> None:
    tg.manual_seed(1)
    network = finished(NETWORKS[name]())
    # on white paper a pool's pixels are all the greatest, and there is no derivative
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    found = look(network, image)
    digit = int(found.probabilities.argmax())
    precise = network.double()
    start = tg.from_numpy(image.reshape(1, 784) / 255)
    for place in range(0, 784, 41):
        step = tg.zeros(1, 784, dtype=tg.float64)
        step[0, place] = 1e-5
        rise = (precise(start + step) - precise(start - step))[0, digit].item() / 2e-5
        assert found.gradient.ravel()[place] == pytest.approx(rise, abs=2e-5)


def test_finished_copy_is_not_trained_on(few: Digits) -> None:
    network = NETWORKS["convolutional"]()
    copy = finished(network)
    assert not copy.training and network.training
    list(train(network, Settings("convolutional", epochs=1), tensors(few)))
    assert not (first_weights(copy) == first_weights(network)).all()


def test_first_weights_are_pictures() -> None:
    perceptron = NETWORKS["perceptron"]()
    pictures = first_weights(perceptron)
    assert pictures.shape == (100, 28, 28)
    np.testing.assert_array_equal(pictures[7].ravel(), perceptron[0].weight.detach().numpy()[7])
    assert first_weights(NETWORKS["convolutional"]()).shape == (8, 5, 5)


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_training_reports_what_it_does(optimizer: str, few: Digits) -> None:
    tg.manual_seed(0)
    settings = Settings("perceptron", optimizer, {"Adam": 3e-3, "SGD": 0.3}[optimizer], epochs=8)
    reports = list(train(NETWORKS["perceptron"](), settings, tensors(few)))
    steps = 8 * 10
    assert [r.step for r in reports] == list(range(1, steps + 1))
    assert {r.steps for r in reports} == {steps}
    accuracies = [r.accuracy for r in reports if r.accuracy is not None]
    assert len(accuracies) == 8 and accuracies[-1] > 0.7
    assert reports[-1].loss < reports[0].loss / 2


def test_long_training_reports_two_hundred_times() -> None:
    few = Digits(*(np.zeros((n, *s), d) for n, s, d in (
        (64, (784,), np.uint8), (64, (), np.int64), (2, (784,), np.uint8), (2, (), np.int64))))  # fmt: skip
    settings = Settings("perceptron", epochs=50, batch=1)
    reports = list(train(nn.Linear(784, 10), settings, tensors(few)))
    assert 200 <= len(reports) <= 250
    assert reports[-1].step == 3200


def test_training_ends_when_the_loss_is_no_number(few: Digits) -> None:
    tg.manual_seed(0)
    settings = Settings("perceptron", "SGD", 1e30, epochs=50)
    *_, last = train(NETWORKS["perceptron"](), settings, tensors(few))
    assert not np.isfinite(last.loss) and last.step < 100


def test_tiles_say_how_large_their_numbers_are() -> None:
    array = np.array([[[0.5, -1.0]], [[np.nan, np.inf]]], np.float32)
    assert tiles(array) == {
        "count": 2, "height": 1, "width": 2, "largest": 1.0, "numbers": "QIEAAA==",
    }  # fmt: skip
    assert tiles(np.zeros((1, 2, 2)))["largest"] == 0


# what is kept between runs


def test_kept_model_is_read_again(few: Digits, cache: Path) -> None:
    model = NETWORKS["perceptron"]()
    file = kept.path("perceptron", few, Settings("perceptron"))
    assert file.parent == cache
    assert not kept.read(file, NETWORKS["perceptron"]())
    kept.write(file, model)
    other = NETWORKS["perceptron"]()
    assert kept.read(file, other)
    np.testing.assert_array_equal(first_weights(other), first_weights(model))
    assert [path.name for path in cache.iterdir()] == [file.name]


def test_name_of_a_kept_model_says_all_that_it_depends_on(
    few: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def name(digits: Digits = few, **settings: Any) -> str:
        return kept.path("perceptron", digits, Settings("perceptron", **settings)).name

    names = {
        name(), name(), name(rate=0.1), name(epochs=3), name(seed=1),
        name(few._replace(train_images=few.train_images[::-1])),
        kept.path("convolutional", few, Settings("perceptron")).name,
    }  # fmt: skip
    assert len(names) == 6
    monkeypatch.setattr(tg, "__version__", "99")
    assert name() not in names


@pytest.mark.parametrize(
    "fault", ["bytes", "empty", "other", "shape", "dtype", "nan", "list", "huge"]
)
def test_kept_file_that_does_not_fit_counts_as_none(
    fault: str, few: Digits, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = kept.path("perceptron", few, Settings("perceptron"))
    kept.write(file, NETWORKS["perceptron"]())
    content = bytearray(file.read_bytes())
    state = dict(NETWORKS["perceptron"]().state_dict())
    weight = state["0.weight"].clone()
    if fault == "bytes":
        content[5000] ^= 1
        file.write_bytes(content)
    elif fault == "empty":
        file.write_bytes(b"")
    elif fault == "other":
        tg.save(NETWORKS["convolutional"]().state_dict(), file)
    elif fault == "shape":
        tg.save({**state, "0.weight": weight[:50]}, file)
    elif fault == "dtype":
        tg.save({**state, "0.weight": weight.double()}, file)
    elif fault == "nan":
        weight[3, 3] = float("nan")
        tg.save({**state, "0.weight": weight}, file)
    elif fault == "list":
        tg.save({name: None for name in state}, file)
    else:
        monkeypatch.setattr(kept, "LARGEST", 1000)
    model = NETWORKS["perceptron"]()
    before = first_weights(model).copy()
    assert not kept.read(file, model)
    np.testing.assert_array_equal(first_weights(model), before)


def test_kept_file_is_not_run(few: Digits, cache: Path) -> None:
    file = kept.path("perceptron", few, Settings("perceptron"))
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", b"cos\nsystem\n(S'touch ran'\ntR.")
    assert not kept.read(file, NETWORKS["perceptron"]())
    assert not Path("ran").exists()


def test_folder_that_cannot_be_written_to_is_done_without(few: Digits, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    kept.write(kept.path("perceptron", few, []), NETWORKS["perceptron"]())
    assert cache.read_text() == "a file where the folder should be"
