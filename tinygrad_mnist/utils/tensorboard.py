"""TensorBoard's files aren't written here: importing a writer says what to use."""


def __getattr__(name: str) -> object:
    """Say what writes TensorBoard's files."""
    if name == "SummaryWriter":
        raise ImportError(
            "tinygrad_mnist.utils.tensorboard isn't offered: tensorboardX has a SummaryWriter of "
            "its own, which takes numbers and arrays; viz draws curves"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
