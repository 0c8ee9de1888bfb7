"""Enables provagent where it cannot be installed: put this folder on PYTHONPATH.

Python runs only the first sitecustomize on the path. This file also runs the next one.
"""

import os
import sys

try:
    from provagent.boot import start

    start()
except ImportError as error:
    sys.stderr.write(f"provagent: sitecustomize: {error}; put provagent on PYTHONPATH too\n")


def _run_the_next() -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_run_the_next()
