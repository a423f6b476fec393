"""hpo for programs and notebooks: what the command line does, as functions that give records back.

`optimize` searches, `create` makes a study for ask and tell, `load` finds one again; all give a `Study`, by which all
else goes: its best, its trials, a comparison, a report, figures. They make the requests that commands make and call
what commands call; errors are raised, and nothing is printed but how far a search is. A program says `import hpo` and
`hpo.optimize(…)`; what is heavy is imported by the call that needs it.
"""

from hpo.api.best_trial import Best
from hpo.api.searching import create, load, optimize
from hpo.api.study_handle import Study

__all__ = ["Best", "Study", "create", "load", "optimize"]
