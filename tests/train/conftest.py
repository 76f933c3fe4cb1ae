"""What the tests of training share."""

import pytest


@pytest.fixture
def data(save_photos, tmp_path):
    save_photos(tmp_path / "photos", 20, size=24)  # half of them are held out
    return [(tmp_path / "photos", None)]
