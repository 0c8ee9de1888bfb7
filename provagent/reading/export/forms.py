"""In which forms, formats and words a document may be written."""

FORMS = ("bundle", "activities")  # what a run is in a document
OPUS = "opus"
VOTABLE = "votable"
IVOA = "ivoa"
MODELS = ("w3c", IVOA)
