"""What the values of a field are called, by what it was fitted to."""

_RGB = ("red", "green", "blue")
IMAGES = {1: ("grey",), 2: ("grey", "alpha"), 3: _RGB, 4: (*_RGB, "alpha")}  # by their number
SHAPES = {"sdf": ("distance",), "udf": ("distance",), "occupancy": ("logit",)}  # by the form
SCENE = ("density", *_RGB)
