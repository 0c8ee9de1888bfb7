"""What uses both wings: check, draft, doctor, rerun."""
