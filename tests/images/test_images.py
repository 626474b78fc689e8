"""`tf.image`: every function against numbers that TensorFlow gave (`golden/images.json`), and the errors."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import labkit as tf

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "images.json").read_text())
INPUTS = {name: np.array(entry["value"], entry["dtype"]) for name, entry in GOLDEN["inputs"].items()}
ODD = "png_1bit 4"  # TensorFlow gives 1 of 255 for the opacity of images of one bit; here they are opaque
FILES = {name: base64.b64decode(text) for name, text in GOLDEN["files"].items()}


def weights(shape):
    """What the gradients of the golden file were taken with."""
    return (np.arange(np.prod(shape)) % 7 - 3).reshape(shape).astype(np.float32)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{c['function']}-{c['input']}-{i}") for i, c in enumerate(GOLDEN["cases"])]
)
def test_values_and_gradients_are_tensorflows(case):
    x = tf.constant(INPUTS[case["input"]])
    kwargs = {k: getattr(tf, v[3:]) if isinstance(v, str) else v for k, v in case["kwargs"].items()}
    y = getattr(tf.image, case["function"])(x, **kwargs)
    expected = np.array(case["result"])
    assert y.dtype.name == case["dtype"]
    assert y.shape.as_list() == list(expected.shape)
    with tf.Session() as sess:
        value = sess.run(y)
        if y.dtype.is_integer:
            np.testing.assert_array_equal(value, expected)
        else:
            np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6 * max(1.0, np.abs(expected).max()))
        if "gradient" in case:
            gradient = sess.run(tf.gradients(y, x, tf.constant(weights(expected.shape)))[0])
            np.testing.assert_allclose(gradient, case["gradient"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("function", ["resize_image_with_crop_or_pad", "resize_images", "flip_left_right", "rot90"])
def test_sizes_that_are_known_only_when_the_graph_runs(function):
    case = next(c for c in GOLDEN["cases"] if c["function"] == function and c["input"] == "u8")
    x = tf.placeholder(tf.uint8, [None, None, 3])
    with tf.Session() as sess:
        value = sess.run(getattr(tf.image, function)(x, **case["kwargs"]), {x: INPUTS["u8"]})
    np.testing.assert_allclose(value, case["result"], rtol=1e-5)


def test_crop_and_resize():
    crop = GOLDEN["crop"]
    image, boxes = tf.constant(INPUTS["batch"]), tf.constant(crop["boxes"])
    y = tf.image.crop_and_resize(image, boxes, [0, 1, 1], [3, 4], extrapolation_value=-1.0)
    one = tf.image.crop_and_resize(image, boxes, [0, 1, 1], [1, 1])
    with tf.Session() as sess:
        np.testing.assert_allclose(sess.run(y), crop["result"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(sess.run(one), crop["one"], rtol=1e-5, atol=1e-6)
        gradients = sess.run(tf.gradients(y, [image, boxes], tf.constant(weights(y.shape.as_list()))))
    for ours, theirs in zip(gradients, crop["gradients"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_boxes_are_drawn():
    draw = GOLDEN["draw"]
    expected = np.array(draw["result"], np.float32)
    with tf.Session() as sess:
        drawn = sess.run(tf.image.draw_bounding_boxes(tf.fill(expected.shape, 0.25), draw["boxes"]))
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("threshold", list(GOLDEN["nms"]["chosen"]))
def test_the_best_boxes_are_chosen(threshold):
    nms = GOLDEN["nms"]
    with tf.Session() as sess:
        chosen = sess.run(tf.image.non_max_suppression(nms["boxes"], nms["scores"], 12, float(threshold)))
    assert chosen.tolist() == nms["chosen"][threshold]


@pytest.mark.parametrize("case", [key for key in GOLDEN["decoded"] if key.startswith("png") and key != ODD])
def test_png_files(case):
    name, how = case.split()
    arguments = {"dtype": tf.uint16} if how == "16" else {"channels": int(how)}
    with tf.Session() as sess:
        pixels = sess.run(tf.image.decode_png(FILES[name], **arguments))
        near = 1 if how == "1" else 0  # the grey of a colour is rounded differently
        np.testing.assert_allclose(pixels.astype(int), GOLDEN["decoded"][case], rtol=0, atol=near)
        if how in "0134":
            anything = sess.run(tf.image.decode_image(FILES[name], **arguments))
            np.testing.assert_array_equal(anything, pixels)


def test_gif_and_bmp_files():
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(tf.image.decode_gif(FILES["gif"])), GOLDEN["decoded"]["gif"])
        np.testing.assert_array_equal(sess.run(tf.image.decode_bmp(FILES["bmp"])), GOLDEN["decoded"]["bmp"])
        assert sess.run(tf.image.decode_image(FILES["gif"])).shape == (2, 4, 6, 3)


def test_jpeg_files():
    """Libraries round differently: a few steps of 255."""
    with tf.Session() as sess:
        for key, channels in (("jpeg", 0), ("jpeg grey", 1)):
            pixels = sess.run(tf.image.decode_jpeg(FILES["jpeg"], channels=channels)).astype(int)
            assert np.abs(pixels - GOLDEN["decoded"][key]).max() <= 6
        assert sess.run(tf.image.decode_jpeg(FILES["jpeg"], ratio=2)).shape == (8, 12, 3)
        smooth = np.add.outer(np.arange(16) * 7, np.arange(24) * 5)[:, :, None].astype(np.uint8)
        again = sess.run(tf.image.decode_jpeg(tf.image.encode_jpeg(smooth)))
        assert again.shape == (16, 24, 1)
        assert np.abs(again.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_there_and_back(channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 3, channels)).astype(np.uint8)
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(tf.image.decode_png(tf.image.encode_png(image))), image)
        wide = image[:, :, :1].astype(np.uint16) * 257 + 3
        np.testing.assert_array_equal(sess.run(tf.image.decode_png(tf.image.encode_png(wide), dtype=tf.uint16)), wide)


def test_broken_files():
    with tf.Session() as sess:
        for data in (b"", b"not an image", FILES["png_grey"][:40], FILES["jpeg"]):
            with pytest.raises(tf.errors.InvalidArgumentError, match="no readable PNG image"):
                sess.run(tf.image.decode_png(data))
    with pytest.raises(tf.errors.InvalidArgumentError, match="channels is 7"):
        tf.image.decode_png("", channels=7)
    with pytest.raises(tf.errors.ShapeError, match="the contents of one file"):
        tf.image.decode_jpeg(["a", "b"])


def test_an_animation_whose_pictures_are_too_many(monkeypatch):
    """Each picture is small enough, all together are not; nothing is decoded."""
    content = io.BytesIO()
    first, *rest = (Image.new("L", (100, 100), color) for color in range(50))
    first.save(content, "GIF", save_all=True, append_images=rest)
    monkeypatch.setattr("labkit.ops.images_decode._LARGEST", 40 * 100 * 100)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match="50 pictures of 100 x 100"):
        sess.run(tf.image.decode_gif(content.getvalue()))


def test_a_file_that_claims_to_be_enormous():
    """The header of a PNG of 2**30 x 2**30 pixels, with right checksums, asks for no memory."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1 << 30, 1 << 30, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match="no readable PNG"):
        sess.run(tf.image.decode_png(data))


def drawn(function, count=40):
    """Many random versions of one image."""
    y = function(tf.constant(INPUTS["u8"]))
    with tf.Session() as sess:
        return np.stack([sess.run(y) for _ in range(count)])


def test_random_flips_do_both():
    image = INPUTS["u8"]
    for function, mirror in (
        (tf.image.random_flip_left_right, image[:, ::-1]), (tf.image.random_flip_up_down, image[::-1]),
    ):  # fmt: skip
        found = drawn(lambda x, flip=function: flip(x, seed=3))
        same = (found == image).all((1, 2, 3))
        mirrored = (found == mirror).all((1, 2, 3))
        assert (same ^ mirrored).all()
        assert 5 < same.sum() < 35


def test_random_changes_are_the_plain_ones_by_tensorflows_numbers():
    """With a seed, a change is the plain one by the number that tf.random_uniform gives."""
    x = tf.constant(INPUTS["flt"])
    for changed, plain, low, high in (
        (tf.image.random_brightness(x, 0.3, seed=5), tf.image.adjust_brightness, -0.3, 0.3),
        (tf.image.random_contrast(x, 0.2, 1.8, seed=5), tf.image.adjust_contrast, 0.2, 1.8),
        (tf.image.random_hue(x, 0.2, seed=5), tf.image.adjust_hue, -0.2, 0.2),
        (tf.image.random_saturation(x, 0.2, 1.8, seed=5), tf.image.adjust_saturation, 0.2, 1.8),
    ):
        expected = plain(x, tf.random_uniform([], low, high, seed=5))
        with tf.Session() as sess:
            one, other = sess.run([changed, expected])
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_sampled_box_is_inside_and_covers_enough():
    image = tf.zeros([40, 60, 3])
    box = [[[0.25, 0.25, 0.75, 0.75]]]
    begin, size, corners = tf.image.sample_distorted_bounding_box(
        tf.shape(image), box, seed=1, min_object_covered=0.5, area_range=(0.3, 0.9)
    )
    cut = tf.slice(image, begin, size)
    with tf.Session() as sess:
        seen = set()
        for _ in range(20):
            start, sizes, relative, shape = sess.run([begin, size, corners, tf.shape(cut)])
            (top, left), (rows, columns) = start[:2], sizes[:2]
            seen.add((top, left, rows, columns))
            assert 0 <= top <= top + rows <= 40
            assert 0 <= left <= left + columns <= 60
            np.testing.assert_allclose(
                relative[0, 0], [top / 40, left / 60, (top + rows) / 40, (left + columns) / 60], rtol=1e-6
            )
            down = min(top + rows, 30) - max(top, 10)
            right = min(left + columns, 45) - max(left, 15)
            assert down * right >= 0.5 * 20 * 30
            assert shape.tolist() == [rows, columns, 3]
        assert len(seen) > 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.image.resize_images(tf.zeros([2, 2]), [1, 1]), "images have the shape"),
        (lambda: tf.image.resize_images(tf.zeros([2, 2, 3]), [0, 1]), "both positive"),
        (lambda: tf.image.resize_images(tf.zeros([2, 2, 3]), [1, 1], method=9), "9 is none of"),
        (lambda: tf.image.rgb_to_hsv(tf.zeros([2, 2, 1])), "red, green and blue"),
        (lambda: tf.image.grayscale_to_rgb(tf.zeros([2, 2, 3])), "a grey image has one channel"),
        (lambda: tf.image.crop_to_bounding_box(tf.zeros([4, 4, 1]), 2, 0, 3, 3), "rows 2 to 5 were asked for"),
        (lambda: tf.image.pad_to_bounding_box(tf.zeros([4, 4, 1]), 2, 0, 5, 5), "does not fit into 5 x 5"),
        (lambda: tf.image.central_crop(tf.zeros([4, 4, 1]), 1.5), r"must be in \(0, 1\]"),
        (lambda: tf.image.random_flip_left_right(tf.zeros([1, 4, 4, 1])), r"\(height, width, channels\), and this"),
        (lambda: tf.image.random_contrast(tf.zeros([4, 4, 1]), 1.5, 0.5), "lower < upper"),
        (lambda: tf.image.flip_left_right(tf.placeholder(tf.float32)), "the rank of 'Placeholder:0' is unknown"),
        (lambda: tf.image.encode_png(tf.zeros([2, 2, 5], tf.uint8)), "1, 2, 3, 4 channels"),
        (lambda: tf.image.draw_bounding_boxes(tf.zeros([2, 2, 3]), [[[0.0] * 4]]), "expand_dims|images are"),
    ],
)
def test_errors(call, message):
    with pytest.raises(tf.errors.LabkitError, match=message):
        call()
