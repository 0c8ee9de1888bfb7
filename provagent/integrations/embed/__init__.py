"""Write provenance into product files of known formats, and read it back.

Each format is a module with two functions. ``embed(content, facts, document)`` returns the file
with both inside. ``find(content)`` returns both. The data and all other content of the file stay
unchanged.
"""
