def own(logger, name, event_dict):
    event_dict["night"] = "2026-11-24"
    return event_dict
