"""A page that draws: ``python -m tinygrad_mnist.playground``.

One draws a digit, and sees at once what two networks and three classical models answer, which
pixels matter to the answer, what each layer makes of it, and, when asked, a network in training.
"""
