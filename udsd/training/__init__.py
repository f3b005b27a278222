"""Training: unpaired images in, a model folder out. Nothing outside this package imports it."""
