"""The loaders on small files in the true formats, and on every kind of broken or hostile file."""

import contextlib
import gzip
import io
import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.vision.cifar_files import load_cifar10, read_batch
from cgro_theory.vision.data_sets import load_images
from cgro_theory.vision.idx_files import load_mnist, read_idx
from cgro_theory.vision.labelled_images import ImageData, LabelledImages
from cgro_theory.vision.restricted_unpickler import read_data_pickle

RNG = np.random.default_rng(0)


def idx_bytes(array):
    header = bytes((0, 0, 8, array.ndim)) + b"".join(struct.pack(">I", size) for size in array.shape)
    return header + array.tobytes()


def write_mnist(root, train=30, test=20, pack=lambda content: content, suffix=""):
    arrays = {}
    for stem, count in (("train", train), ("t10k", test)):
        images = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (root / f"{stem}-images-idx3-ubyte{suffix}").write_bytes(pack(idx_bytes(images)))
        (root / f"{stem}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx_bytes(labels)))
        arrays[stem] = (images, labels)
    return arrays


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_mnist_is_read_back(tmp_path, pack, suffix):
    arrays = write_mnist(tmp_path, pack=pack, suffix=suffix)
    data = load_images("mnist", tmp_path)
    for side, stem in ((data.train, "train"), (data.test, "t10k")):
        images, labels = arrays[stem]
        assert np.array_equal(np.rint(side.pixels[:, 0] * 255).astype(np.uint8), images)
        assert np.array_equal(side.labels, labels)
        assert side.shape == (1, 28, 28)
    split = data.split(15, 10, seed=3)
    assert (split.train.size, split.test.size) == (15, 10)
    assert set(split.train.labels) == set(range(10))


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)), st.data())
def test_every_prefix_and_every_longer_idx_file_is_refused(tmp_path_factory, array, data):
    path = tmp_path_factory.getbasetemp() / "prefix.idx"
    content = idx_bytes(array)
    path.write_bytes(content)
    assert np.array_equal(read_idx(path, 3), array)
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(InvalidFile):
        read_idx(path, 3)
    path.write_bytes(content + b"x")
    with pytest.raises(InvalidFile, match="bytes after its end"):
        read_idx(path, 3)


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (lambda path: read_idx(path, 3), read_data_pickle):
        with pytest.raises(InvalidFile, match="it is a pipe, not a file"):
            read(tmp_path / "pipe")


def test_broken_mnist_files_are_named(tmp_path):
    write_mnist(tmp_path)
    images, labels = (tmp_path / f"train-{name}-ubyte" for name in ("images-idx3", "labels-idx1"))
    good_images, good_labels = images.read_bytes(), labels.read_bytes()
    cases = [
        (images, good_images[:-1], "truncated"),
        (images, b"", "truncated"),
        (images, b"\x00\x00\x0d\x03" + good_images[4:], "magic number 0x00000d03"),
        (images, good_labels, "magic number|truncated"),
        (labels, idx_bytes(np.zeros(7, np.uint8)), "7 labels for 30 images"),
        (labels, idx_bytes(np.full(30, 10, np.uint8)), "label 10"),
        (images, idx_bytes(np.zeros((0, 28, 28), np.uint8)), "empty shape"),
        (images, gzip.compress(good_images)[:-20], "cannot be read"),
        (images, b"\x1f\x8b not gzip at all", "cannot be read"),
    ]
    for path, content, why in cases:
        images.write_bytes(good_images)
        labels.write_bytes(good_labels)
        path.write_bytes(content)
        with pytest.raises(InvalidFile, match=why) as caught:
            load_mnist(tmp_path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
    images.unlink()
    with pytest.raises(InvalidFile, match="no such file"):
        load_mnist(tmp_path)


def batch(count=4, **changes):
    content = {
        b"batch_label": b"training batch 1 of 5",
        b"labels": [index % 10 for index in range(count)],
        b"data": RNG.integers(0, 256, (count, 3072), dtype=np.uint8),
        b"filenames": [b"leptodactylus_pentadactylus_s_000004.png"] * count,
    }
    return content | changes


def write_cifar(folder, contents=None, protocol=2):
    folder.mkdir(exist_ok=True)
    written = []
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        content = batch()
        (folder / name).write_bytes(pickle.dumps(content, protocol=protocol))
        written.append(content)
    return written


@pytest.mark.parametrize("protocol", range(6))
def test_cifar_is_read_back_at_every_protocol(tmp_path, protocol):
    written = write_cifar(tmp_path / "cifar-10-batches-py", protocol=protocol)
    data = load_cifar10(tmp_path)
    assert data.train.pixels.shape == (20, 3, 32, 32)
    assert data.test.size == 4
    rows = np.concatenate([content[b"data"] for content in written[:5]])
    assert np.array_equal(np.rint(data.train.pixels.reshape(20, -1) * 255).astype(np.uint8), rows)
    red, green = rows[0, :1024].reshape(32, 32), rows[0, 1024:2048].reshape(32, 32)
    assert np.allclose(data.train.pixels[0, 0] * 255, red)
    assert np.allclose(data.train.pixels[0, 1] * 255, green)
    assert data.train.labels.tolist() == [0, 1, 2, 3] * 5


def python_2_pickle(rows, labels):
    """The opcodes by which Python 2 wrote the batches: 8-bit strings, protocol 2."""

    def short(text):
        return b"U" + bytes((len(text),)) + text

    def long_string(content):
        return b"T" + struct.pack("<i", len(content)) + content

    dtype = (
        b"cnumpy\ndtype\n"
        + short(b"u1")
        + b"K\x00K\x01\x87R(K\x03"
        + short(b"|")
        + b"NNN"
        + b"J\xff\xff\xff\xff" * 2
    )
    dtype += b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short(b"b") + b"\x87R"
    array += (
        b"(K\x01K" + bytes((len(rows),)) + b"M\x00\x0c\x86" + dtype + b"\x89" + long_string(rows.tobytes()) + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes((label,)) for label in labels) + b"e"
    return b"\x80\x02}(" + short(b"data") + array + short(b"labels") + numbers + b"u."


def test_a_batch_as_python_2_wrote_it(tmp_path):
    rows, labels = RNG.integers(0, 256, (3, 3072), dtype=np.uint8), [3, 1, 4]
    path = tmp_path / "batch"
    path.write_bytes(python_2_pickle(rows, labels))
    reference = pickle.loads(path.read_bytes(), encoding="bytes")
    assert np.array_equal(reference[b"data"], rows)
    images = read_batch(path)
    assert np.array_equal(np.rint(images.pixels.reshape(3, -1) * 255).astype(np.uint8), rows)
    assert images.labels.tolist() == labels


class Calls:
    """A pickle that calls ``function`` on loading."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Loud:
    pass


HOSTILE = {
    "system": lambda marker: Calls(__import__("os").system, f"touch {marker}"),
    "open": lambda marker: Calls(open, str(marker), "w"),
    "eval": lambda marker: Calls(eval, f"open({str(marker)!r}, 'w')"),
    "getattr": lambda marker: Calls(getattr, "x", "upper"),
    "object": lambda marker: Loud(),
    "set": lambda marker: {1, 2},
    "complex": lambda marker: 1j,
    "numpy_load": lambda marker: Calls(np.load, "x.npy", None, True),
    "object_array": lambda marker: np.array([Loud()], dtype=object),
    "structured_array": lambda marker: np.zeros(2, dtype=[("a", "u1")]),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_with_anything_but_data_is_refused(tmp_path, name, protocol):
    marker, path = tmp_path / "executed", tmp_path / "batch"
    path.write_bytes(pickle.dumps(batch() | {b"extra": HOSTILE[name](marker)}, protocol=protocol))
    with pytest.raises(InvalidFile, match=r"is refused|no complete pickle") as caught:
        read_data_pickle(path)
    assert "\n" not in str(caught.value)
    assert not marker.exists()


def test_the_refused_name_is_said(tmp_path):
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(Calls(__import__("os").system, "true")))
    with pytest.raises(InvalidFile, match=r"names (posix|nt)\.system, which is not data"):
        read_data_pickle(path)


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cnumpy.core.multiarray\n_reconstruct\n}(U\x01aK\x01ub.",  # sets an attribute of a known name
        b"cnumpy\nndarray\n)R.",  # calls ndarray
        b"cnumpy\nndarray\n)\x81.",  # makes an ndarray without a call
        b"cnumpy\ndtype\nU\x01O\x85R.",  # an object dtype
        b"ccodecs\nencode\n.",
        b"c_codecs\nencode\n(U\x01aU\x05rot13tR.",
        b"Pabc\n.",  # a persistent reference
        b"\x82\x01.",  # an extension code
        b"cnumpy.core.multiarray\n_reconstruct\n)R.",  # an array without bytes
        b"]\x94h\x00a.",  # a list that holds itself
        b"cposix\nsystem\n(U\x04truetR.",
        b"(U\x04trueios\nsystem\n.",
    ],
)
def test_hand_written_opcodes_are_refused(tmp_path, opcodes):
    path = tmp_path / "batch"
    path.write_bytes(opcodes)
    with pytest.raises(InvalidFile):
        read_data_pickle(path)


def test_shared_lists_are_walked_once(tmp_path):
    nested = [1]
    for _ in range(100):
        nested = [nested, nested]  # 2^100 leaves when each is walked anew
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(nested))
    assert len(read_data_pickle(path)) == 2


@given(st.data())
def test_a_truncated_or_altered_pickle_never_escapes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "altered"
    content = bytearray(
        pickle.dumps({b"data": np.arange(12, dtype=np.uint8).reshape(3, 4), b"labels": [1, 2, 3]}, 2)
    )
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    with contextlib.suppress(InvalidFile):  # and nothing else
        read_data_pickle(path)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({b"data": np.zeros((4, 3071), np.uint8)}, "shape"),
        ({b"data": np.zeros((4, 3072), np.float32)}, "unsigned bytes"),
        ({b"data": [1, 2]}, "unsigned bytes"),
        ({b"labels": [0, 1, 2]}, "3 labels for 4 images"),
        ({b"labels": [0, 1, 2, 10]}, "label outside"),
        ({b"labels": [0, 1, 2, "3"]}, "list 'labels'"),
        ({b"labels": None}, "list 'labels'"),
        ({b"data": np.zeros((0, 3072), np.uint8), b"labels": []}, "shape"),
    ],
)
def test_a_batch_of_the_wrong_shape_is_refused(tmp_path, changes, why):
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(batch() | changes, 2))
    with pytest.raises(InvalidFile, match=why):
        read_batch(path)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(InvalidFile, match="no such folder"):
        load_images("cifar10", tmp_path / "nowhere")
    with pytest.raises(InvalidFile, match="data_batch_1: no such file"):
        load_images("cifar10", tmp_path)
    with pytest.raises(InvalidInput, match="--root"):
        load_images("mnist")
    with pytest.raises(InvalidInput, match="--root"):
        load_images("digits", tmp_path)
    with pytest.raises(InvalidInput, match="one of digits, mnist, cifar10"):
        load_images("imagenet")
    path = tmp_path / "list"
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InvalidFile, match="no dictionary"):
        read_batch(path)
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_data_pickle(tmp_path)


def test_digits_are_in_range_and_splits_are_disjoint():
    data = load_images("digits")
    assert data.train.shape == (1, 8, 8)
    assert data.train.size == 1797
    assert data.train.pixels.max() == 1.0
    pool = LabelledImages("numbered", data.train.pixels, data.train.labels, 10)
    first, again, other = (ImageData(pool).split(20, 1777, seed) for seed in (5, 5, 6))
    assert np.array_equal(first.train.pixels, again.train.pixels)
    assert not np.array_equal(first.train.pixels, other.train.pixels)
    assert set(first.train.labels) == set(range(10))
    both = np.concatenate([first.train.pixels, first.test.pixels]).reshape(1797, -1)
    whole = data.train.pixels.reshape(1797, -1)
    assert np.array_equal(both[np.lexsort(both.T)], whole[np.lexsort(whole.T)])


def test_an_empty_class_and_wrong_sizes_are_refused():
    pixels = np.zeros((20, 1, 8, 8), np.float32)
    nine = LabelledImages("nine", pixels, np.arange(20) % 9, 10)
    with pytest.raises(InvalidInput, match="class 9"):
        ImageData(nine).split(10, 5, 0)
    ten = ImageData(LabelledImages("ten", pixels, np.arange(20) % 10, 10))
    for train_size, test_size in ((9, 5), (16, 5), (10, 0), (10, 20)):
        with pytest.raises(InvalidInput):
            ten.split(train_size, test_size, 0)
    with pytest.raises(InvalidInput, match="range of the pixels"):
        LabelledImages("bright", pixels + 1.5, np.zeros(20, np.int64), 10)
    with pytest.raises(InvalidInput, match="range of the pixels"):
        LabelledImages("nan", pixels * np.nan, np.zeros(20, np.int64), 10)
    with pytest.raises(InvalidInput, match="number of labels"):
        LabelledImages("few", pixels, np.zeros(19, np.int64), 10)
    with pytest.raises(InvalidInput, match="range of the labels"):
        LabelledImages("label", pixels, np.full(20, 10), 10)
    with pytest.raises(InvalidInput, match="shape of the images"):
        LabelledImages("flat", pixels[:, 0], np.zeros(20, np.int64), 10)


def test_io_module_is_not_reachable(tmp_path):
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(Calls(io.open_code, "/dev/null")))
    with pytest.raises(InvalidFile, match="is refused"):
        read_data_pickle(path)
