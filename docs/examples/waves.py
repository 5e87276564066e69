"""Write waves.png, 64 x 48 pixels whose waves get shorter to the right."""

import numpy as np
import PIL.Image

y, x = np.mgrid[0:48, 0:64] / 64
waves = np.stack([np.sin(30 * (x - 0.3) ** 2 + k * y) for k in (4, 9, 16)], -1)
PIL.Image.fromarray((127.5 * (1 + waves)).astype(np.uint8)).save("waves.png")
