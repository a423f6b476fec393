"""`python -m hpo` is the command `hpo`."""

import sys

from hpo.cli import main

sys.exit(main())
