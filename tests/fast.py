"""The test files of ``make test-fast``: each room of the package, in less than a minute.

They need only the packages of ``pip install -e ".[dev]"``, and start few processes. test_rooms.py
tests that the list is complete.
"""

FILES = """
    atomic_rewrite byte_limit capture clock condition definition_data descriptors emit_chain
    emit_processors emit_sinks entities expected export_times finder flow flow_shapes house
    identity_files identity_objects identity_registry import kept known_objects layout levels
    liveness members misfit nested parse path record_build record_dialect requires rooms selectors
    settings store_documents store_index store_part units value view_stats view_tree weave
""".split()
