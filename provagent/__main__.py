"""``python -m provagent``."""

from provagent.cli import main

main()
