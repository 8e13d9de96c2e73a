"""The examples; ``python -m examples.mlp`` finds what they share as ``examples/mlp.py`` does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
