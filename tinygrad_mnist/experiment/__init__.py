"""What an experiment on digits needs beside its model and its loop: the bookkeeping.

``options`` reads the command, ``load`` and ``split`` the digits; ``Run`` keeps history, seconds and
a checkpoint to go on from; ``scores`` evaluates, ``judge`` reports mistakes, and
``one_line_errors`` says in a line what is wrong with options and files. Needs matplotlib,
scikit-learn and tqdm, the extra ``examples``.
"""

from tinygrad_mnist.experiment.digits import Part as Part
from tinygrad_mnist.experiment.digits import evaluate as evaluate
from tinygrad_mnist.experiment.digits import load as load
from tinygrad_mnist.experiment.digits import scores as scores
from tinygrad_mnist.experiment.digits import split as split
from tinygrad_mnist.experiment.errors import ExperimentError as ExperimentError
from tinygrad_mnist.experiment.errors import one_line_errors as one_line_errors
from tinygrad_mnist.experiment.options import HelpFormatter as HelpFormatter
from tinygrad_mnist.experiment.options import above_zero as above_zero
from tinygrad_mnist.experiment.options import check_output as check_output
from tinygrad_mnist.experiment.options import options as options
from tinygrad_mnist.experiment.options import positive as positive
from tinygrad_mnist.experiment.options import try_folder as try_folder
from tinygrad_mnist.experiment.reports import json_text as json_text
from tinygrad_mnist.experiment.reports import judge as judge
from tinygrad_mnist.experiment.reports import show as show
from tinygrad_mnist.experiment.reports import tell as tell
from tinygrad_mnist.experiment.reports import write as write
from tinygrad_mnist.experiment.reports import write_figure as write_figure
from tinygrad_mnist.experiment.reports import write_json as write_json
from tinygrad_mnist.experiment.run import Run as Run
from tinygrad_mnist.experiment.run import note as note
