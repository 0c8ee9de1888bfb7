"""The recording wing: runs inside the user's process, watches calls and files, writes events."""
