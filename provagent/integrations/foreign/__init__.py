"""Import logs of other tools, and logs that contain provagent's events, into a store."""
