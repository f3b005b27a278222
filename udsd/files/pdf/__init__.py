"""PDF files: their images restored in place, and all else as it was."""

from udsd.files.pdf.sink import PdfSink
from udsd.files.pdf.source import PdfSource

__all__ = ["PdfSink", "PdfSource"]
