"""Well-known names of PyTorch's that are not offered, and what to use in their place."""

from __future__ import annotations

_COMPLEX = "there are no complex numbers; compute with real and imaginary parts, or with NumPy"
_DENSE = "tensors are dense; index_add_ and scatter_add_ add by index, scipy.sparse multiplies"
_PLAIN = "models run as they are: leave it out"
_WINDOW = "take NumPy's: torch.from_numpy(numpy.hanning(n)) and its like"

ABSENT = {
    "compile": f"there is no compiler, and {_PLAIN}",
    "jit": f"there is no compiler; functions and {_PLAIN}",
    "fx": "autograd's graph is at tensor.grad_fn",
    "onnx": "models are saved as state_dict(), with save or safetensors.save_file",
    "hub": "download weights yourself, and read them with safetensors.load_file",
    "distributed": "training runs in one process; set_num_threads says on how many cores",
    "multiprocessing": "use Python's; tensors are pickled",
    "quantization": "round by hand: (x / scale).round().clamp(-128, 127).to(int8)",
    "ao": "round by hand: (x / scale).round().clamp(-128, 127).to(int8)",
    "profiler": "use cProfile: an operation is a Python function here",
    "utils.tensorboard": "tensorboardX has a SummaryWriter of its own; viz draws curves",
    "sparse": _DENSE,
    "sparse_coo_tensor": _DENSE,
    "sparse_csr_tensor": _DENSE,
    "fft": "use numpy.fft on x.numpy(), without gradient",
    "stft": "use scipy.signal.stft on x.numpy(), without gradient",
    "complex": _COMPLEX,
    "polar": _COMPLEX,
    "view_as_complex": _COMPLEX,
    "view_as_real": _COMPLEX,
    "real": _COMPLEX,
    "imag": _COMPLEX,
    "matrix_exp": "use scipy.linalg.expm on x.numpy(), without gradient",
    "vander": "stack powers: torch.stack([x**k for k in range(n)], -1)",
    "lu": "use linalg.solve, linalg.det or linalg.cholesky; or scipy.linalg.lu",
    "poisson": "use numpy.random.Generator.poisson",
    "hann_window": _WINDOW,
    "hamming_window": _WINDOW,
    "blackman_window": _WINDOW,
    "nested": "pad with nn.utils.rnn.pad_sequence, and pass masks",
    "UntypedStorage": "x.numpy() is the memory",
}


def explain(module: str, name: str) -> AttributeError:
    """Return the error for a name that a module lacks."""
    reason = ABSENT.get(name)
    hint = "" if reason is None else f": it is not offered here; {reason}"
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
