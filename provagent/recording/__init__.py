"""The wing that runs inside the user's process: it watches calls and files, and writes events."""
