"""Stub, being replaced."""
class Size(tuple):
    def numel(self):
        n = 1
        for x in self: n *= x
        return n
    def __repr__(self): return f"torch.Size({list(self)})"
def format_tensor(array, requires_grad=False, grad_fn_name=None):
    return f"tensor({array.tolist()})"
def set_printoptions(**kw): ...
