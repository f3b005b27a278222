"""Training: unpaired images in, a model folder out. Of the other rooms only the commands know it."""
