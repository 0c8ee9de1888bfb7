"""Tools that use both recording and reading: check, draft, doctor, rerun."""
