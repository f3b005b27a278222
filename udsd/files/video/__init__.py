"""Clips: their frames restored without flicker, and all else as it was."""

from udsd.files.video.codecs import VIDEO_SUFFIXES
from udsd.files.video.sink import VideoSink
from udsd.files.video.source import VideoSource

__all__ = ["VIDEO_SUFFIXES", "VideoSink", "VideoSource"]
