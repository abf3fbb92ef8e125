"""Files on the way out: what cannot be written is said before the work, and nothing is ever lost."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from picture_files import as_stranger, left_in, levels

from deepdream.errors import DeepDreamError
from deepdream.pictures.picture import Picture, check_writable, output_path


def unwritable(path: Path, photo: Picture, *, overwrite: bool = False) -> DeepDreamError:
    """The same refusal before the work (check) and after it (save), and nothing left behind."""
    before = left_in(path.parent) if path.parent.is_dir() else set()
    with pytest.raises(DeepDreamError) as checked:
        check_writable(path, overwrite)
    with pytest.raises(DeepDreamError) as saved:
        photo.save(path, overwrite=overwrite)
    assert (checked.value.message, checked.value.hint) == (saved.value.message, saved.value.hint)
    assert "\n" not in checked.value.message
    assert before == (left_in(path.parent) if path.parent.is_dir() else set())
    return checked.value


def test_unknown_suffix_lists_the_known_ones(tmp_path: Path, photo: Picture) -> None:
    error = unwritable(tmp_path / "a.jpgg", photo)
    assert error.exit_code == 2 and "'.jpgg'" in error.message
    assert "did you mean '.jpg'" in str(error.hint) and ".webp" in str(error.hint)
    error = unwritable(tmp_path / "dream", photo)
    assert error.exit_code == 2 and "no suffix" in error.message and ".png, .jpg" in str(error.hint)


def test_places_that_cannot_be_written(tmp_path: Path, photo: Picture) -> None:
    assert "no folder" in unwritable(tmp_path / "gone" / "a.png", photo).message
    (tmp_path / "file").write_text("x")
    assert "is a file, not a folder" in unwritable(tmp_path / "file" / "a.png", photo).message
    (tmp_path / "folder.png").mkdir()
    assert unwritable(tmp_path / "folder.png", photo).message.endswith("is a folder")
    assert "name too long" in unwritable(tmp_path / ("a" * 300 + ".png"), photo).message
    (tmp_path / "full.png").symlink_to("/dev/full")
    assert "not a regular file" in unwritable(tmp_path / "full.png", photo, overwrite=True).message
    assert Path("/dev/full").is_char_device()


def test_folder_without_permission(open_folder: Path, photo: Picture) -> None:
    folder = open_folder / "theirs"
    folder.mkdir(mode=0o555)
    photo.save(open_folder / "mine.png")  # whatever is imported late is imported now
    with as_stranger():
        error = unwritable(folder / "a.png", photo)
    assert error.message == f"cannot write {folder / 'a.png'}: permission denied"
    assert left_in(folder) == set()


def test_existing_file_is_kept_unless_told_otherwise(tmp_path: Path, photo: Picture) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    assert "exists already" in unwritable(path, photo).message
    assert path.read_bytes() == b"precious"
    path.chmod(0o600)
    photo.save(path, overwrite=True)
    np.testing.assert_array_equal(levels(path), photo.pixels)
    assert path.stat().st_mode & 0o777 == 0o600, "a private picture stays private"
    assert left_in(tmp_path) == {"a.png"}


def test_protected_file_is_not_overwritten(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo.save(tmp_path / "a.png")
    path.chmod(0o444)
    # What the system answers anybody but root.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).stat().st_mode & 0o222 != 0)
    assert "read-only" in unwritable(path, photo, overwrite=True).message


def test_new_file_has_ordinary_permissions(tmp_path: Path, photo: Picture) -> None:
    (tmp_path / "other").touch()
    assert photo.save(tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_link_stays_a_link(tmp_path: Path, photo: Picture) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "a.png").symlink_to(tmp_path / "there" / "real.png")
    photo.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").is_symlink() and (tmp_path / "there" / "real.png").is_file()
    assert "exists already" in unwritable(tmp_path / "a.png", photo).message
    photo.save(tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "a.png").is_symlink() and left_in(tmp_path / "there") == {"real.png"}


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_file_that_appears_meanwhile_is_kept(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    photo.save(tmp_path / "first.png")
    path = tmp_path / "a.png"
    fsync = os.fsync

    def meanwhile(descriptor: int) -> None:
        fsync(descriptor)
        path.write_bytes(b"somebody else's")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(DeepDreamError, match="exists already"):
        photo.save(path)
    assert path.read_bytes() == b"somebody else's"
    assert left_in(tmp_path) == {"first.png", "a.png"}


def no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("overwrite", [False, True])
def test_full_disk_loses_nothing(tmp_path: Path, overwrite: bool) -> None:
    """A limit on the size of files stands in for the disk: the system really refuses to write on."""
    picture = Picture.from_array(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = tmp_path / "a.png"
    if overwrite:
        path.write_bytes(b"precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(DeepDreamError, match=r"cannot write .*a\.png: file too large"):
            picture.save(path, overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_in(tmp_path) == ({"a.png"} if overwrite else set())
    assert not overwrite or path.read_bytes() == b"precious"


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_failure_at_the_last_moment_loses_nothing(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if where == "fsync" else (Path, "replace", full)))
    with pytest.raises(DeepDreamError) as caught:
        photo.save(path, overwrite=True)
    assert caught.value.message == f"cannot write {path}: no space left on device"
    assert "free some space" in str(caught.value.hint)
    assert path.read_bytes() == b"precious" and left_in(tmp_path) == {"a.png"}


def test_interrupted_write_leaves_nothing(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        photo.save(tmp_path / "a.png")
    assert left_in(tmp_path) == set()


def test_output_path_is_the_first_free_name(tmp_path: Path) -> None:
    assert output_path("cat.dream", folder=tmp_path) == tmp_path / "cat.dream.png"
    (tmp_path / "cat.dream.png").touch()
    (tmp_path / "cat.dream-2.png").symlink_to("nowhere")
    assert output_path("cat.dream", folder=tmp_path) == tmp_path / "cat.dream-3.png"
    assert output_path("cat.dream", ".jpg", tmp_path) == tmp_path / "cat.dream.jpg"
    assert output_path("cat.style") == Path("cat.style.png")


def test_check_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "a.png")
    assert left_in(tmp_path) == set()
