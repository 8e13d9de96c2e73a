"""TensorBoard's files aren't written here: importing this says what to use."""

raise ImportError(
    "tinygrad_mnist.utils.tensorboard isn't offered: tensorboardX has a SummaryWriter of its own, "
    "which takes numbers and arrays; viz draws curves"
)
