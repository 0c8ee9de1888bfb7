"""File access: files that the program opens, renames and removes, and URLs that it requests.

The audit events of the process report them. Until the recorder is loaded, accesses are only kept in
a list, so that a program that is about to import modules does not wait. The recorder is loaded for
them when the program ends, or when the program overwrites a file that it has read. Worker processes
may be ended at any time, so they record each access at once.
"""

from __future__ import annotations

import stat
import sys
from _thread import get_ident  # the import of threading costs a millisecond

from provagent.isolation import audit_hook
from provagent.isolation.originals import os, real_time_ns
from provagent.recording.process.file_filter import FileFilter, absolute, kernel_files
from provagent.recording.process.inheritance import STREAMS_VARIABLE
from provagent.recording.process.standard_streams import STDIN, StandardStreams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from provagent.recording.process.interfaces import Process

# The kinds of access: how the state of the file before and after counts.
READ = "read"
MADE = "made"  # the earlier file is gone, or did not exist
CHANGED = "changed"  # the file may be different afterwards, and contains the earlier state
MOVED = "moved"
LINKED = "linked"  # the file has a further name from now on

_NAMED = (MOVED, LINKED)
_NO_FILE = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)
_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_NEW = os.O_TRUNC | os.O_EXCL
LOCK_SECONDS = 10
_LOOKED_AT = 100  # of the kept accesses
_MOST = 10_000  # accesses kept before the recorder is loaded

# Device, inode, size, mtime_ns and ctime_ns: equal for an unchanged file.
State = tuple[int, int, int, int, int]
# Kind of access, path, source path, activity, call sites of the user, state of a file that was
# read, time in nanoseconds, thread.
Access = tuple[str, str, str, "Any", "list[Any]", "State | None", int, int]

_HERE = (-1, None)  # a path relative to the working folder has none of these as its folder


class OpenedFileEvents:
    """Reports each file that the filter accepts to the recorder; ``arm`` starts it."""

    def __init__(self, activation: Process) -> None:
        self.activation = activation
        settings = activation.settings
        own = [os.path.join(settings.store, ""), os.path.join(os.path.dirname(__file__), "")]
        own += [source.location for source in activation.sources]
        own += kernel_files()
        if settings.cache:
            own.append(os.path.join(settings.cache, ""))
        self._filter = FileFilter(settings.files_ignore, own)
        # The script: read again when a traceback shows it; not recorded, as other code.
        self._program = absolute(sys.argv[0]) if getattr(sys, "argv", None) else ""
        self._remembered: list[Access] = []
        self._streams = StandardStreams(_state)
        self.busy = audit_hook.busy  # shared with the recorder
        self._reporting: set[int] = set()  # threads that are reporting accesses
        self._listeners = {
            "open": self._on_open,
            "os.rename": self._on_rename,
            "os.link": self._on_link,
            "os.remove": self._on_removal,
            # These change the ctime of a file, by which a change is seen.
            "os.chmod": self._on_loss,
            "os.chown": self._on_loss,
            "os.utime": self._on_loss,
            "os.truncate": self._on_truncate,
            "sqlite3.connect": self._on_database,
            "http.client.send": self._on_request,
            "ftplib.sendcmd": self._on_ftp,
        }

    def arm(self) -> None:
        inherited = os.environ.get(STREAMS_VARIABLE, "")
        noted = self._streams.note(inherited)
        if noted != inherited:
            self.activation.pass_on({STREAMS_VARIABLE: noted})
        audit_hook.listen(self._listeners, self._failed)

    def disarm(self) -> None:
        audit_hook.unlisten(self._listeners)

    def restart(self) -> None:
        """Continue in a forked process: the kept accesses belong to the parent."""
        self._remembered.clear()
        self._streams.forget()
        self.busy.clear()
        self._reporting.clear()

    def catch_up(self) -> None:
        """Report the accesses that are kept in the list."""
        if self._remembered and get_ident() not in self._reporting:
            self._follow_task()

    def record_closed(self) -> None:
        """Record files that were written and are closed by now."""
        loaded = self.activation.loaded
        if loaded is not None and get_ident() not in self.busy:
            loaded.files.record_all_closed()

    def record_before_child(self) -> None:
        """Record files that another process may change or read, before it starts."""
        try:
            if get_ident() in self.busy:
                return
            self.catch_up()
            loaded = self.activation.loaded
            if loaded is not None:
                loaded.files.record_all_closed(of_all=True, is_for_child=True)
        except BaseException as error:
            self._failed(error)

    def end(self) -> None:
        """Report the kept accesses at the end of the program."""
        try:
            self.disarm()
            self._add_streams()
            # For files that are gone by now the recorder is not loaded.
            if not any(
                "://" in access[1] or os.path.exists(access[1]) for access in self._remembered
            ):
                self._remembered.clear()
            self.catch_up()
        except BaseException as error:
            self._failed(error)

    def _add_streams(self) -> None:
        """Keep the files at standard input and output, if the program has used them."""
        start = self.activation.start_ns
        for number, path, state in self._streams.used():
            is_read = number == STDIN
            if not self._filter.is_ignored(path, is_read=is_read):
                # A file that was appended to contains its earlier state.
                what = READ if is_read else CHANGED if state[2] else MADE
                then = None if what is MADE else state
                site = {"file": "<stdin>" if is_read else "<stdout>", "line": 0}
                self._remembered.append((what, path, "", None, [site], then, start, get_ident()))

    # The fastest check comes first: most opened files are filtered out.
    def _on_open(self, args: tuple[Any, ...]) -> None:
        try:
            path, mode, flags = args
            if type(path) is not str:
                if isinstance(path, int) or path is None:
                    return
                path = os.fsdecode(path)
            if path[:1] != os.sep and _is_elsewhere(_caller(), mode):
                return
            path = absolute(path)
            if path.startswith(self._filter.prefixes) or get_ident() in self.busy:
                return
            if flags & _NO_FILE or (not flags and mode == "rb"):  # code to be executed
                return
            access = flags & _ACCESS
            if access == os.O_RDONLY:
                self._observe(READ, path)
            else:
                self._observe(
                    MADE if flags & _NEW else CHANGED, path, is_new=bool(flags & os.O_EXCL)
                )
        except BaseException as error:
            self._failed(error)

    def _on_rename(self, args: tuple[Any, ...]) -> None:
        self._on_new_name(MOVED, args)

    def _on_link(self, args: tuple[Any, ...]) -> None:
        self._on_new_name(LINKED, args)

    def _on_new_name(self, what: str, args: tuple[Any, ...]) -> None:
        try:
            if get_ident() in self.busy:
                return
            source, path = (_place(*each) for each in zip(args[:2], args[2:4], strict=True))
            self._save(source, is_removed=what is MOVED)
            if source and path:
                self._observe(what, path, source)
        except BaseException as error:
            self._failed(error)

    def _on_truncate(self, args: tuple[Any, ...]) -> None:
        try:
            if not isinstance(args[0], int) and get_ident() not in self.busy:
                self._observe(CHANGED, os.fsdecode(args[0]))
        except BaseException as error:
            self._failed(error)

    def _on_removal(self, args: tuple[Any, ...]) -> None:
        self._on_loss(args, is_removed=True)

    def _on_loss(self, args: tuple[Any, ...], *, is_removed: bool = False) -> None:
        """Report a read file before it is removed, or before its times change."""
        try:
            if self._remembered and get_ident() not in self.busy and not isinstance(args[0], int):
                self._save(_place(args[0], args[-1]), is_removed=is_removed)
        except BaseException as error:
            self._failed(error)

    def _save(self, path: str, *, is_removed: bool) -> None:
        if self._remembered and path and self._is_read(path, _look(path), is_removed=is_removed):
            self._follow_task()

    def _on_database(self, args: tuple[Any, ...]) -> None:
        try:
            path = os.fsdecode(args[0])
            if path.startswith("file:"):
                from urllib.parse import unquote, urlsplit

                parts = urlsplit(path)
                path = "" if "mode=memory" in parts.query else unquote(parts.path)
            if path and path != ":memory:" and get_ident() not in self.busy:
                self._observe(CHANGED, path)
        except BaseException as error:
            self._failed(error)

    def _on_request(self, args: tuple[Any, ...]) -> None:
        self._on_remote("http_request", args)

    def _on_ftp(self, args: tuple[Any, ...]) -> None:
        self._on_remote("ftp_command", args)

    def _on_remote(self, reader: str, args: tuple[Any, ...]) -> None:
        try:
            from provagent.recording.process import url_access

            what, url = getattr(url_access, reader)(*args) or ("", "")
            if what and get_ident() not in self.busy:
                self._report(what, url)
        except BaseException as error:
            self._failed(error)

    def note_opening(self, file: object, mode: object) -> None:
        """Report a file or a URL that a library is about to open, as a definition declares."""
        if not isinstance(file, (str, bytes, os.PathLike)) or get_ident() in self.busy:
            return  # a buffer, or an open file
        path = os.fsdecode(file).removeprefix("file://")
        what, is_new = _access(mode)
        if "://" in path and what:
            self._report(what, path)
        elif "://" not in path:
            if self.activation.loaded is not None:
                self.activation.loaded.files.note_library(path)
            self._observe(what, path, is_new=is_new)

    def _observe(self, what: str, path: str, source: str = "", *, is_new: bool = False) -> None:
        path = absolute(path)
        if self._filter.is_ignored(path, is_read=what is READ):
            return
        if what is READ and path == self._program:
            return
        is_named = what in _NAMED
        found = _look(source if is_named else path)
        if is_named and found is not None and self._filter.is_ignored(source, is_read=True):
            what, source = MADE, ""
        if found is None:
            if what is READ or is_named:
                return  # a missing file will not be opened
            what = MADE
        elif not stat.S_ISREG(found.st_mode) and not (
            what is MOVED and stat.S_ISDIR(found.st_mode)
        ):
            return
        elif not is_named and (is_new or not os.access(path, os.R_OK if what is READ else os.W_OK)):
            if what is not CHANGED or not os.access(path, os.R_OK):
                return
            what = READ  # a database may be read nevertheless
        self._report(what, path, source, found)

    def _report(
        self, what: str, path: str, source: str = "", found: os.stat_result | None = None
    ) -> None:
        activities = sys.modules.get("provagent.recording.capture.current_activity")
        activity = None if activities is None else activities.current.get()
        # The text of IPython cells is lost when the interpreter ends.
        is_kept = (
            self.activation.is_root
            and self.activation.loaded is None
            and "IPython.core.interactiveshell" not in sys.modules
        )
        from provagent.recording.call_sites import (
            sites_of,  # its import reads whether there is an audit hook
        )

        sites = sites_of(sys._getframe(1))  # noqa: SLF001 - the only way to who opens it
        state = _state(found) if found is not None and what is READ else None
        access = what, path, source, activity, sites, state, real_time_ns(), get_ident()
        is_few = len(self._remembered) < _MOST
        if is_kept and is_few and not self._needs_recorder(what, path, source, found):
            self._remember(access)
            if self.activation.frame is None:
                self.activation.frame = _program_frame(sys._getframe(1))  # noqa: SLF001 - as above
            return
        self._follow_task(access)

    def _remember(self, access: Access) -> None:
        what, path, sites = access[0], access[1], access[4]
        first = max(0, len(self._remembered) - _LOOKED_AT)
        for index in range(len(self._remembered) - 1, first - 1, -1):
            one = self._remembered[index]
            if one[:6] == access[:6] and what not in _NAMED:  # the same place opens the file again
                # the earlier content is lost: the time of the last write counts
                if what is not READ:
                    self._remembered[index] = access
                return
            if one[4] == sites or path in (one[1], one[2]):
                break
        self._remembered.append(access)

    def _needs_recorder(
        self, what: str, path: str, source: str, found: os.stat_result | None
    ) -> bool:
        """Return whether an access destroys a file state that must be recorded."""
        if what is READ or "://" in path:
            return False
        if what in _NAMED and not any(
            access[1] == source and access[0] is not READ for access in self._remembered
        ):
            return True
        # The file at the destination of a move is another file than the moved one.
        lost = _look(path) if what in _NAMED else found
        return (what is CHANGED) or self._is_read(path, lost)

    def _is_read(
        self, path: str, found: os.stat_result | None, *, is_removed: bool = False
    ) -> bool:
        """Return whether the program has read a file that will be lost.

        The program may have read the file ``found`` by another name than this path.
        """
        number = None if found is None else _state(found)[:2]
        names = {
            access[1]
            for access in self._remembered
            if access[5] is not None and access[5][:2] == number
        }
        names.add(path)
        known = [access for access in self._remembered if access[1] in names]
        if not any(access[0] is READ for access in known):
            return False
        # The recorder is not loaded only for a scratch file of a helper.
        is_scratch = is_removed and known[0][0] is not READ
        return not is_scratch or any(
            access[1] not in names and os.path.exists(access[1]) for access in self._remembered
        )

    def _follow_task(self, *accesses: Access) -> None:
        """Report the kept accesses and further ones to the recorder."""
        thread = get_ident()
        was_busy = thread in self.busy
        self.busy.add(thread)
        self._reporting.add(thread)
        try:
            files = self._files()
            while self._remembered:
                files.observe(*self._remembered.pop(0))
            for each in accesses:
                files.observe(*each)
        finally:
            self._reporting.discard(thread)
            if not was_busy:
                self.busy.discard(thread)

    def _files(self) -> Any:
        loaded = self.activation.loaded
        if loaded is None:
            if not self.activation.lock.acquire(timeout=LOCK_SECONDS):
                raise TimeoutError("another thread blocks the recorder")
            try:
                from provagent.recording.process.loading import KeptRandom

                with KeptRandom():
                    loaded = self.activation.recorder
            finally:
                self.activation.lock.release()
        return loaded.files

    def _failed(self, error: BaseException) -> None:
        thread = get_ident()
        was_busy = thread in self.busy
        self.busy.add(thread)
        try:
            self.activation.failures.add("files", "noticing", error)
        finally:
            if not was_busy:
                self.busy.discard(thread)


def _access(mode: object) -> tuple[str, bool]:
    """Return the kind of access of an opening mode, and whether the file must be new.

    Modes are those of ``open``, those that libraries add ("w-" for "x"), or methods of HTTP.
    """
    text = mode if isinstance(mode, str) else ""
    if text.isupper():
        from provagent.recording.process.url_access import METHODS

        return METHODS.get(text, ""), False
    if "w" in text or "x" in text:
        return MADE, "x" in text or "-" in text
    return (CHANGED if "a" in text or "+" in text else READ), False


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _state(found: os.stat_result) -> State:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _place(path: Any, folder: Any) -> str:
    """Return the absolute path of a path relative to an open folder; empty if unknown."""
    path = os.fsdecode(path)
    if folder in _HERE or path[:1] == os.sep:
        return absolute(path)
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
    except OSError:
        return ""


# The event of ``open`` does not contain the folder that ``dir_fd`` or an opener uses for a path;
# the call that raises the event does. A file that an opener opens has an event of its own.
def _caller() -> FrameType | None:
    """Return the frame of the event; None if the interpreter itself opens a file."""
    try:
        return sys._getframe(3)  # noqa: SLF001 - past the listener and the hook
    except ValueError:
        return None


# The end of a script needs no frame: the interpreter leaves a sign that the script has returned.
def _program_frame(frame: FrameType | None) -> FrameType | None:
    """Return the frame in which a module or standard input runs as the program."""
    main = sys.modules.get("__main__")
    namespace = getattr(main, "__dict__", None)
    if type(namespace) is not dict:
        return None
    loader = type(namespace.get("__loader__")).__name__
    if namespace.get("__spec__") is None and loader == "SourceFileLoader":
        return None
    while frame is not None:
        if frame.f_globals is namespace and frame.f_code.co_name == "<module>":
            return frame
        frame = frame.f_back
    return None


def _is_elsewhere(caller: FrameType | None, mode: object) -> bool:
    """Return whether a relative path may be relative to another folder than the working folder."""
    if caller is None:
        return False
    code = caller.f_code
    name = "dir_fd" if mode is None else "opener"
    is_named = any(name == one or (type(one) is tuple and name in one) for one in code.co_consts)
    if mode is not None and not is_named:
        return False
    from provagent.recording.process.loading import OwnCopies

    with OwnCopies(is_shared=False):  # call_keywords imports a module of the standard library
        from provagent.recording.process.call_keywords import keywords_at
    names = keywords_at(code, caller.f_lasti)
    return (mode is None or is_named) if names is None else name in names
