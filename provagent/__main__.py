"""``python -m provagent``, which imports what it needs from where it is installed.

``python -m`` puts the working folder first on the path, where a file ``click.py`` may lie that
nobody knows. The programs that ``run`` starts are interpreters of their own, with their own path.
"""

import sys

if not sys.flags.safe_path and sys.path:
    os = sys.modules["os"]  # it is there: nothing is imported before the path is clean
    try:
        folder = os.getcwd()
    except OSError:
        folder = ""
    if sys.path[0] in ("", folder):
        del sys.path[0]

from provagent.cli import main

main()
