"""The import hook: which modules it weaves, when, and that it has no other effect."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import zipfile

import pytest

from provagent.recording.weave.finder import TargetFinder
from provagent.recording.weave.target import Target


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package ``hooked`` with a module ``core`` that binds a name of ``core`` at its top."""
    folder = tmp_path / "hooked"
    folder.mkdir()
    (folder / "__init__.py").write_text("from hooked.core import answer\n")
    (folder / "core.py").write_text("def answer():\n    return 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "hooked"]:
        del sys.modules[name]


@pytest.fixture
def armed():
    """Arms finders for target texts; each gives the list of modules handed over."""
    finders = []

    def arm(*texts, on_module=None):
        seen = []
        finder = TargetFinder([Target(text) for text in texts], on_module or seen.append)
        finder.arm()
        finders.append(finder)
        finder.seen = seen
        return finder

    yield arm
    for finder in finders:
        finder.disarm()


def test_module_is_handed_over_before_a_name_is_bound_from_it(package, armed):
    """What the callback changes in a module is what ``from module import name`` gives."""

    def replace(module):
        module.answer = lambda: 43

    armed("hooked.core:answer", on_module=replace)
    assert importlib.import_module("hooked").answer() == 43


def test_loaders_are_put_back(package, armed):
    """Neither ``__loader__`` nor ``__spec__.loader`` shows our loader, also while it executes."""
    (package / "core.py").write_text("during = __spec__.loader, __loader__\n")
    (package / "__init__.py").write_text("")
    finder = armed("hooked.core")
    core = importlib.import_module("hooked.core")
    assert finder.seen == [core]
    for loader in (*core.during, core.__loader__, core.__spec__.loader):
        assert type(loader).__module__.startswith("_frozen_importlib")


def test_reload_hands_the_module_over_again(package, armed):
    """A module that is executed again is new, and is woven again."""
    finder = armed("hooked.core")
    core = importlib.import_module("hooked.core")
    importlib.reload(core)
    assert finder.seen == [core, core]


def test_import_after_deletion_hands_over_the_new_module(package, armed):
    """A module that was dropped from ``sys.modules`` and imported again is handed over."""
    finder = armed("hooked.core")
    first = importlib.import_module("hooked.core")
    del sys.modules["hooked.core"]
    second = importlib.import_module("hooked.core")
    assert first is not second
    assert finder.seen == [first, second]


def test_module_that_is_imported_already_is_handed_over_when_armed(package, armed):
    """Arming late is not missing what is there."""
    core = importlib.import_module("hooked.core")
    assert armed("hooked.core").seen == [core]


def test_finder_that_got_in_front_is_noticed_and_overtaken(package, armed):
    """A finder that loads a target before we are asked costs us nothing for long."""

    class Front:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "hooked.core":
                return None
            return importlib.util.spec_from_file_location(name, package / "core.py")

    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("")
    finder = armed("hooked.core")
    importlib.import_module("hooked")
    sys.meta_path.insert(0, Front)
    try:
        core = importlib.import_module("hooked.core")
        assert finder.seen == []
        importlib.import_module("hooked.other")
        assert finder.seen == [core]
        assert finder.overtaken_by == ["Front"]
        assert sys.meta_path[0] is finder
    finally:
        sys.meta_path.remove(Front)


def test_zipped_module_is_handed_over(tmp_path, armed, monkeypatch):
    """zipimport's modules are as good as others."""
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("zipped_module.py", "value = 1\n")
    monkeypatch.syspath_prepend(str(archive))
    finder = armed("zipped_module")
    module = importlib.import_module("zipped_module")
    assert finder.seen == [module]
    assert type(module.__loader__).__name__ == "zipimporter"
    del sys.modules["zipped_module"]


def test_circular_import_is_handed_over_once_it_is_whole(package, armed):
    """A module that is half executed is not handed over."""
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("import hooked.peer\nlast = 1\n")
    (package / "peer.py").write_text("import hooked.core\n")
    whole = []
    armed("hooked.core", on_module=lambda module: whole.append(hasattr(module, "last")))
    importlib.import_module("hooked.core")
    assert whole == [True]


def test_lazy_loader_stays_lazy(package, armed):
    """A lazy module is handed over at its first use, not before."""
    (package / "__init__.py").write_text("")
    finder = armed("hooked.core")
    importlib.import_module("hooked")
    spec = importlib.util.find_spec("hooked.core")
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["hooked.core"] = module
    loader.exec_module(module)
    assert finder.seen == []
    assert module.answer() == 42
    assert finder.seen == [module]


def test_asking_for_a_spec_hands_nothing_over(package, armed):
    """``importlib.util.find_spec`` is a question, and its answer still loads the module."""
    (package / "__init__.py").write_text("")
    finder = armed("hooked.core")
    spec = importlib.util.find_spec("hooked.core")
    assert finder.seen == []
    assert spec.loader.get_code("hooked.core") is not None
    assert isinstance(spec.loader, importlib.machinery.SourceFileLoader)


def test_missing_module_stays_missing(package, armed):
    """A target that is not there raises what Python raises."""
    armed("hooked.nowhere")
    with pytest.raises(ModuleNotFoundError, match=r"hooked\.nowhere"):
        importlib.import_module("hooked.nowhere")


def test_traceback_of_a_failing_import_has_no_frame_of_ours(package, armed):
    """A module that raises looks as it does without us."""
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("1 / 0\n")
    armed("hooked.core")
    with pytest.raises(ZeroDivisionError) as caught:
        import hooked.core  # noqa: F401
    files = [entry.path.name for entry in caught.traceback[1:]]
    assert files == ["core.py"]


def test_glob_matches_modules_below_a_package(package, armed):
    """``package.**`` means the package and every module in it."""
    finder = armed("hooked.**")
    hooked = importlib.import_module("hooked")
    assert finder.seen == [sys.modules["hooked.core"], hooked]


def test_module_imported_by_two_threads_is_handed_over_once(package, armed):
    """Imports in threads wait for one another, and for us."""
    (package / "core.py").write_text("import time\ntime.sleep(0.05)\n")
    (package / "__init__.py").write_text("")
    finder = armed("hooked.core")
    threads = [
        threading.Thread(target=importlib.import_module, args=("hooked.core",)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finder.seen) == 1


def test_run_module_through_the_hook(package, armed):
    """``runpy`` asks the loader for code, and gets it."""
    import runpy

    (package / "__init__.py").write_text("")
    armed("hooked.core")
    assert runpy.run_module("hooked.core")["answer"]() == 42


def test_disarmed_finder_is_gone(package, armed):
    """After ``disarm`` the import system is as it was."""
    before = list(sys.meta_path)
    finder = armed("hooked.core")
    finder.disarm()
    assert sys.meta_path == before


@pytest.mark.parametrize(
    "text", ["", ":", "a.b:", ":C", "a b:C", "a..b:C", "a:b:c", "a:**", "1a:b", "a.**.b:C"]
)
def test_text_that_is_no_target_is_refused(text):
    """The message shows what a target looks like."""
    from provagent.contract.errors import TargetError

    with pytest.raises(TargetError, match=r"write package\.module:Class\.method"):
        Target(text)


def test_armed_twice_it_stands_once(package, armed):
    finder = armed("hooked.core:answer")
    finder.arm()
    assert sys.meta_path.count(finder) == 1
    finder.disarm()
    assert finder not in sys.meta_path


def test_finder_that_asks_for_the_module_it_is_asked_for(package, armed, monkeypatch):
    """It begins again at the head of the path; the module is handed over once all the same."""

    class Asks:
        busy = False

        def find_spec(self, name, path=None, target=None):
            if self.busy or name != "hooked.core":
                return None
            self.busy = True
            try:
                return importlib.util.find_spec(name)
            finally:
                self.busy = False

    monkeypatch.setattr(sys, "meta_path", [Asks(), *sys.meta_path])
    finder = armed("hooked.core:answer")
    from hooked import answer

    assert answer() == 42
    assert [module.__name__ for module in finder.seen] == ["hooked.core"]


def test_finder_of_pyfakefs_stays_in_front(package, armed, monkeypatch):
    """It takes away whichever is the first."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    finder = armed("hooked.core:answer")
    front = type("Front", (), {"find_spec": lambda *_: None, "__module__": "pyfakefs.fake"})()
    sys.meta_path.insert(0, front)
    finder.find_spec("hooked.core")
    assert sys.meta_path[:2] == [front, finder]
    assert finder.overtaken_by == []


def test_object_in_the_place_of_a_module_is_not_handed_over(armed, monkeypatch):
    monkeypatch.setitem(sys.modules, "hooked.core", object.__new__(object))
    assert armed("hooked.core:answer").seen == []


def test_what_fails_is_given_to_who_asked_for_it(package):
    """And raised where nobody has."""
    failures = []

    def wants(_name):
        raise KeyError("ours")

    told = TargetFinder([], lambda _: None, lambda name, error: failures.append((name, error)))
    silent = TargetFinder([], lambda _: None)
    for finder in (told, silent):
        finder.wants = wants
    assert told.find_spec("hooked") is None
    assert [(name, type(error)) for name, error in failures] == [("hooked", KeyError)]
    with pytest.raises(KeyError):
        silent.find_spec("hooked")
