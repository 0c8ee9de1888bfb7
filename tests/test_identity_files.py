"""Files and folders: their locations, and digests of their content."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provagent.identity import files as module
from provagent.identity.files import FileIdentities, resolve_location
from provagent.identity.registry import Identity


@pytest.fixture
def reads(monkeypatch):
    """The names of the files whose content was read, in order."""
    names = []
    real = module.hash_whole

    def counted(descriptor, *rest):
        names.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        return real(descriptor, *rest)

    monkeypatch.setattr(module, "hash_whole", counted)
    return names


@settings(max_examples=50)
@given(st.binary(max_size=2000))
def test_a_file_is_its_bytes(tmp_path_factory, content):
    """The digest of a file is that of its bytes alone."""
    folder = tmp_path_factory.mktemp("file")
    for name in ("one", "other"):
        (folder / name).write_bytes(content)
        expected = "sha256:" + hashlib.sha256(content).hexdigest()
        found = FileIdentities().identify_file(folder / name)
        assert found == Identity(digest=expected, identified="file", size=len(content))


def test_a_file_is_read_once(tmp_path, reads):
    """A file is not read again, under whatever name, while it stands as it is."""
    files, file = FileIdentities(), tmp_path / "a"
    file.write_bytes(b"1")
    os.link(file, tmp_path / "hard")
    (tmp_path / "soft").symlink_to(file)
    # A link changes the ctime: only now does the file stand.
    first = files.identify_file(file)
    assert {files.identify_file(tmp_path / name) for name in ("a", "hard", "soft")} == {first}
    assert reads == ["a"]


def test_a_changed_file_is_read_again(tmp_path, reads):
    """Other content, other size, or a file put in its place: each is seen."""
    files, file = FileIdentities(), tmp_path / "a"
    digests = []
    for content in (b"1", b"22", b"333"):
        file.write_bytes(content)
        digests.append(files.identify_file(file).digest)
    (tmp_path / "new").write_bytes(b"444")
    os.replace(tmp_path / "new", file)
    digests.append(files.identify_file(file).digest)
    assert len(set(digests)) == 4
    assert len(reads) == 4


def test_a_changed_file_with_its_old_date_is_read_again(tmp_path):
    """A file of the same size whose mtime was set back is told by its ctime."""
    files, file = FileIdentities(), tmp_path / "a"
    file.write_bytes(b"1")
    os.utime(file, ns=(10**18, 10**18))
    before = files.identify_file(file)
    file.write_bytes(b"2")
    os.utime(file, ns=(10**18, 10**18))
    assert files.identify_file(file) != before


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """A change during the reading is noticed; the second try counts, if it is quiet."""
    file, left = tmp_path / "a", [1]
    file.write_bytes(b"0")
    real = module.hash_whole

    def disturbed(opened, *rest):
        result = real(opened, *rest)
        if left[0]:
            left[0] -= 1
            file.write_bytes(file.read_bytes() + b"x")
        return result

    monkeypatch.setattr(module, "hash_whole", disturbed)
    assert FileIdentities().identify_file(file).digest == (
        "sha256:" + hashlib.sha256(b"0x").hexdigest()
    )
    left[0] = 9
    assert FileIdentities().identify_file(file) == Identity(changing=True)
    assert FileIdentities().identify_collection(tmp_path) == Identity(changing=True)


def test_what_is_not_there_is_missing(tmp_path):
    """A path that leads nowhere is missing; it is no error."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("no", "no/way", "file/below", "broken", "loop"):
        assert FileIdentities().identify_file(tmp_path / name) == Identity(missing=True)
        assert FileIdentities().identify_collection(tmp_path / name) == Identity(missing=True)


@pytest.mark.skipif(os.name != "posix", reason="no such things")
def test_pipes_sockets_and_devices_are_not_opened(tmp_path, reads):
    """What would block or never end is not opened, alone or in a folder."""
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    server.close()
    for path in (tmp_path / "pipe", tmp_path / "s", "/dev/zero", "/dev/stdin"):
        if not os.path.isfile(path):
            assert FileIdentities().identify_file(path).digest is None
    assert FileIdentities().identify_collection(tmp_path).digest is not None
    assert reads == []


def tree(folder, contents):
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


TREE = {"b/c.txt": b"1", "b/a.txt": b"22", "z": b"333"}


def test_a_folder_is_its_names_and_contents(tmp_path):
    """Folders with the same files below have one digest, wherever they are."""
    one = tree(tmp_path / "one", TREE)
    found = FileIdentities().identify_collection(one)
    assert (found.identified, found.size, found.sampled) == ("file", 6, False)
    other = tree(tmp_path / "other", dict(reversed(TREE.items())))
    assert FileIdentities().identify_collection(other) == found
    assert FileIdentities().identify_file(other) == found
    for change in ({"z": b"334"}, {"new": b""}):
        assert FileIdentities().identify_collection(tree(other, change)) != found
    renamed = tree(tmp_path / "renamed", {"b/c.txt": b"1", "b/a.txt": b"22", "y": b"333"})
    assert FileIdentities().identify_collection(renamed).digest != found.digest


def test_a_folder_by_its_index(tmp_path, reads):
    """With an index, that file stands for the folder; nothing else is read."""
    folder, files = tree(tmp_path / "one", TREE), FileIdentities()
    assert files.identify_collection(folder, index="z") == files.identify_file(folder / "z")
    both = files.identify_collection(folder, index=("z", "b/a.txt"))
    assert both == files.identify_collection(folder, index=["b/a.txt", "z"])
    assert (both.size, reads) == (5, ["z", "a.txt"])
    for index in ("no", ("no", "z")):
        assert files.identify_collection(folder, index=index) == Identity(missing=True)


def test_a_folder_with_too_many_files_is_sampled(tmp_path, reads):
    """Beyond the bound, the first files in order of name are taken, and that is said."""
    folder = tree(tmp_path / "one", TREE)
    found = FileIdentities(max_files=2).identify_collection(folder)
    assert found.sampled
    assert sorted(reads) == ["a.txt", "c.txt"]
    assert not FileIdentities(max_files=3).identify_collection(folder).sampled


def test_links_to_folders_are_not_followed(tmp_path):
    """A link that leads up does not lead in circles; where it leads does count."""
    folder = tree(tmp_path / "one", TREE)
    (folder / "up").symlink_to("..")
    found = FileIdentities().identify_collection(folder)
    assert found.size == 6
    (folder / "up").unlink()
    (folder / "up").symlink_to("b")
    assert FileIdentities().identify_collection(folder).digest != found.digest


def test_another_algorithm(tmp_path):
    """The algorithm of the ledger is that of its digests; an unknown one is refused."""
    (tmp_path / "a").write_bytes(b"1")
    found = FileIdentities(algorithm="md5").identify_file(tmp_path / "a")
    assert found.digest == "md5:" + hashlib.md5(b"1").hexdigest()
    with pytest.raises(ValueError, match="algorithm"):
        FileIdentities(algorithm="crc32")


def test_locations_are_absolute(tmp_path, monkeypatch):
    """Text, bytes and paths give one absolute place, with variables and home expanded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = os.getcwd()
    for value in ("a", b"a", Path("a"), "./a", "b/../a", "a/", ".//a"):
        assert resolve_location(value) == os.path.join(here, "a")
    assert resolve_location("a", cwd="/else") == "/else/a"
    assert resolve_location("$DATA/x") == resolve_location("${DATA}/x") == f"{tmp_path}/data/x"
    assert resolve_location("~/x") == f"{tmp_path}/home/x"
    assert resolve_location("$NO_SUCH_VARIABLE/x", cwd="/e") == "/e/$NO_SUCH_VARIABLE/x"
    assert resolve_location("//data//a") == "/data/a"
    with pytest.raises(TypeError):
        resolve_location(3)


def test_urls_are_left_alone():
    """What has a scheme is no path."""
    for url in ("https://a/../b", "s3://$BUCKET/x", "file:///data/a"):
        assert resolve_location(url) == url


def test_symbolic_links_are_kept(tmp_path):
    """A link stays in the location, but ``..`` after it is where the file system goes."""
    (tmp_path / "far" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "below")
    (tmp_path / "far" / "a").write_bytes(b"")
    assert resolve_location(tmp_path / "link" / "x") == f"{tmp_path}/link/x"
    assert os.path.samefile(resolve_location(f"{tmp_path}/link/../a"), tmp_path / "far" / "a")


@settings(max_examples=100)
@given(st.text("ab./~$", max_size=12))
def test_locations_are_absolute_and_stable(text):
    """Whatever the text, its location is absolute, and the location of itself."""
    location = resolve_location(text, cwd="/nowhere")
    assert os.path.isabs(location)
    assert resolve_location(location) == location
