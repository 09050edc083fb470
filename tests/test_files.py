"""Files are whole or absent."""

from pathlib import Path, PurePosixPath

import pytest

from flows import files
from flows.errors import ConfigError, FlowError


def test_a_tree_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "rtl"
    files.write_tree(folder, {PurePosixPath("a/b.sv"): "one", PurePosixPath("c.bin"): b"\xff\x00"})
    files.write_tree(folder, {PurePosixPath("d.sv"): "two", PurePosixPath("c.bin"): b"\xff\x00"})
    assert dict(files.read_tree(folder)) == {PurePosixPath("c.bin"): b"\xff\x00", PurePosixPath("d.sv"): "two"}
    assert [p.name for p in tmp_path.iterdir()] == ["rtl"]


def test_an_output_folder_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "out"
    path.write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        files.make_output_folder(path)
    with pytest.raises(FlowError, match="cannot write"):
        files.write_text(path / "x.json", "{}")


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FlowError, match=r"summary.json: No space left"):
        files.write_text(tmp_path / "summary.json", "{}")
    assert list(tmp_path.iterdir()) == []


def test_digests_follow_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    first = files.file_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert files.file_digest(tmp_path) != first
