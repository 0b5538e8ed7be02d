"""Bytes of an npz archive: arrays, or one named error, whatever is done to them."""

import io
import zipfile

import numpy as np
import pytest

from cgro_theory.array_archive import read_arrays


def archive():
    stream = io.BytesIO()
    np.savez_compressed(stream, header=np.array("text"), values=np.arange(12.0))
    return stream.getvalue()


def test_all_arrays_or_those_that_are_named_are_read():
    assert read_arrays(archive()).keys() == {"header", "values"}
    found = read_arrays(archive(), ["values", "others"])
    assert found.keys() == {"values"}
    assert found["values"].tolist() == list(range(12))


def test_no_damaged_byte_and_no_cut_brings_another_error():
    whole, refused = archive(), 0
    for at in range(len(whole)):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]):
            try:
                read_arrays(content)
            except ValueError:
                refused += 1
    assert refused > len(whole)


def test_what_would_execute_or_is_no_array_is_refused():
    stream = io.BytesIO()
    np.savez(stream, values=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_arrays(stream.getvalue())
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    with pytest.raises(ValueError, match="context manager"):
        read_arrays(stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("values", "no array")
    with pytest.raises(ValueError, match="something else than arrays"):
        read_arrays(stream.getvalue())
