"""One clip, from Python."""

from __future__ import annotations

import os
from collections.abc import Callable

from udsd.domains import DeblurOptions
from udsd.files.one_file import restore_one
from udsd.files.options import ReadOptions, WriteOptions
from udsd.files.report import FileResult
from udsd.files.restorer import Restorer
from udsd.files.video import VideoSink, VideoSource
from udsd.inference.backend import OnProgress


def deblur_video(
    deblurrer: Restorer | Callable[[], Restorer],
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    codec: str | None = None,
    quality: int | None = None,
    steady: bool = True,
    options: DeblurOptions | None = None,
    overwrite: bool = True,
    on_progress: OnProgress = lambda share: None,
) -> FileResult:
    """Restore the frames of a clip; sound, subtitles, timestamps and rotation stay as they are.

    If the run is killed, the next of the same model and options goes on behind the last whole segment.

    Args:
        deblurrer: The model: a `udsd.Deblurrer`, or anything that restores decoded images; or what loads it, called
            once it is known that there is something to restore.
        path: The clip.
        output: The restored clip (.mp4, .m4v, .mov, .mkv or .webm), or a folder, where it is called as the clip is. A
            file that is there is replaced.
        codec: ``"h264"``, ``"hevc"``, ``"av1"``, ``"vp9"`` or ``"ffv1"``; None for that of the clip, where it can be
            written.
        quality: 1 to 100; None for 90, at which no loss is seen.
        steady: Hold decisions from frame to frame and smooth results along the motion; else each frame is restored by
            itself, and the clip flickers.
        options: How frames are brought to the model, and how strong the change is.
        overwrite: If false, a file that is there is kept.
        on_progress: Called now and then with the share of the frames that is done.

    Returns:
        What became of it. Its ``status`` is ``"restored"``, ``"kept"``, ``"sharp"`` or ``"unsuitable"``, and its
        ``pages`` tell what is to be told of frames, be it that some are damaged.

    Raises:
        ConfigError: An argument is out of range, the file does not take the codec, or ``udsd[video]`` is not installed.
        ImageError: The clip cannot be read, none of its frames can be restored, or the result cannot be written or
            would replace the clip.
        MemoryLimitError: A frame needs more memory than it may take.

    Example:
        >>> deblur_video(Deblurrer.from_pretrained("face"), "clip.mp4", "restored.mp4")  # doctest: +SKIP
    """
    reading = ReadOptions(steady=steady)
    return restore_one(
        deblurrer,
        path,
        output,
        open_source=lambda opened: VideoSource(opened, reading),
        sink=VideoSink(),
        writing=WriteOptions(quality, codec=codec),
        options=options,
        overwrite=overwrite,
        on_progress=on_progress,
    )
