"""What both wings know: events, their vocabulary and layout, encoded values, errors."""
