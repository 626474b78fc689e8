"""`tf.image`: images, decoded, resized, changed.

The functions live with their ops in `labkit/ops/images*.py`; this file is the table of contents.

    files        decode_png decode_jpeg decode_gif decode_bmp decode_image encode_png encode_jpeg
    size         resize_images resize_bilinear resize_nearest_neighbor resize_bicubic resize_area ResizeMethod
    cut and pad  resize_image_with_crop_or_pad central_crop crop_to_bounding_box pad_to_bounding_box
    turn         flip_left_right flip_up_down transpose_image rot90
    colours      rgb_to_grayscale grayscale_to_rgb rgb_to_hsv hsv_to_rgb convert_image_dtype
                 adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation
    at random    random_flip_left_right random_flip_up_down random_brightness random_contrast random_hue
                 random_saturation
    boxes        draw_bounding_boxes non_max_suppression crop_and_resize sample_distorted_bounding_box
    numbers      per_image_standardization total_variation
"""

from labkit.missing import namespace
from labkit.ops.images import (
    central_crop,
    crop_to_bounding_box,
    flip_left_right,
    flip_up_down,
    pad_to_bounding_box,
    per_image_standardization,
    resize_image_with_crop_or_pad,
    rot90,
    total_variation,
    transpose_image,
)
from labkit.ops.images_boxes import (
    crop_and_resize,
    draw_bounding_boxes,
    non_max_suppression,
    sample_distorted_bounding_box,
)
from labkit.ops.images_color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    convert_image_dtype,
    grayscale_to_rgb,
    hsv_to_rgb,
    rgb_to_grayscale,
    rgb_to_hsv,
)
from labkit.ops.images_decode import decode_bmp, decode_gif, decode_image, decode_jpeg, decode_png
from labkit.ops.images_encode import encode_jpeg, encode_png
from labkit.ops.images_random import (
    random_brightness,
    random_contrast,
    random_flip_left_right,
    random_flip_up_down,
    random_hue,
    random_saturation,
)
from labkit.ops.images_resize import (
    ResizeMethod,
    resize_area,
    resize_bicubic,
    resize_bilinear,
    resize_images,
    resize_nearest_neighbor,
)

per_image_whitening = per_image_standardization  # the name before 1.0

__all__ = [
    "ResizeMethod", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation",
    "central_crop", "convert_image_dtype", "crop_and_resize", "crop_to_bounding_box", "decode_bmp", "decode_gif",
    "decode_image", "decode_jpeg", "decode_png", "draw_bounding_boxes", "encode_jpeg", "encode_png",
    "flip_left_right", "flip_up_down", "grayscale_to_rgb", "hsv_to_rgb", "non_max_suppression",
    "pad_to_bounding_box", "per_image_standardization", "per_image_whitening", "random_brightness",
    "random_contrast", "random_flip_left_right", "random_flip_up_down", "random_hue", "random_saturation",
    "resize_area", "resize_bicubic", "resize_bilinear", "resize_image_with_crop_or_pad", "resize_images",
    "resize_nearest_neighbor", "rgb_to_grayscale", "rgb_to_hsv", "rot90", "sample_distorted_bounding_box",
    "total_variation", "transpose_image",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
