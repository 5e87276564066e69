"""What lies on disk: fields (`.nf`), checkpoints, and the folder of a fit. No pickle anywhere."""

from neuralfields.storage.checkpoint import load_checkpoint, save_checkpoint
from neuralfields.storage.field_file import load, read_header, save
from neuralfields.storage.run_folder import RunFolder, check_new, check_space

__all__ = ["RunFolder", "check_new", "check_space", "load", "load_checkpoint", "read_header", "save", "save_checkpoint"]
