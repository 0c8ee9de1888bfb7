"""Whether provenance can be true: the constraints of PROV, on statements of any origin.

Knows no library and no format. Constraints, inferences and their numbers are those of
https://www.w3.org/TR/prov-constraints/; mentions are those of https://www.w3.org/TR/prov-links/.
"""
