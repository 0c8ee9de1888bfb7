"""Redaction: masks credentials in texts and source code, and values with secret names."""
