"""Check the constraints of PROV on statements of any origin.

This package depends on no library and no format. Constraints, inferences and their numbers are from
https://www.w3.org/TR/prov-constraints/; mentions are from https://www.w3.org/TR/prov-links/.
"""
