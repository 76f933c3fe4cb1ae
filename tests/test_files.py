"""Files appear whole or not at all."""

import json

import pytest

from colorlab.files import whole_file, write_json


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "note.txt"
    with whole_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [path]


def test_a_block_that_raises_leaves_what_was_there(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.write(None)
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_longest_names_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    with whole_file(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_what_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "absent" / "note.txt"
    told = r"absent/note.txt cannot be written: No such"
    with pytest.raises(OSError, match=told), whole_file(path):
        pass


def test_mode_is_that_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with whole_file(tmp_path / "whole"):
        pass
    assert len({file.stat().st_mode for file in tmp_path.iterdir()}) == 1


def test_numbers_of_a_list_stand_on_one_line(tmp_path):
    write_json(tmp_path / "a.json", {"row": [1.5, None, -2], "text": "[1,\n 2]"})
    text = (tmp_path / "a.json").read_text()
    assert '"row": [1.5, null, -2]' in text
    assert json.loads(text) == {"row": [1.5, None, -2], "text": "[1,\n 2]"}
