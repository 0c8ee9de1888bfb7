"""Capture: from a call to events. The code here does not depend on how the call was woven."""
