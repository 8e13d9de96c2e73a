"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

The arguments name the extras that are to be installed, besides what is always needed.
"""

import re
import sys
import tomllib
from pathlib import Path

text = (Path(__file__).parent.parent / "pyproject.toml").read_text()
project = tomllib.loads(text)["project"]
needed = list(project["dependencies"])
for extra in sys.argv[1:]:
    needed += project["optional-dependencies"][extra]
for requirement in sorted(set(needed)):
    found = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement)
    if found is None:
        sys.exit(f"{requirement!r} declares no lowest version; write name>=version")
    print("{}=={}".format(*found.groups()))
