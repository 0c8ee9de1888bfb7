"""The forms, formats and models of documents."""

FORMS = ("bundle", "activities")  # a run in a document: a bundle, or activities
OPUS = "opus"
VOTABLE = "votable"
IVOA = "ivoa"
MODELS = ("w3c", IVOA)
