"""Pages of print: size of letters and blur, polarity, scale."""
