"""Files and folders of images: one bad file never stops the rest, and a second run goes on where one stopped."""

from udsd.files.deblur_pdf import deblur_pdf
from udsd.files.deblur_video import deblur_video
from udsd.files.face_crops import write_face_crops
from udsd.files.lists import PathList
from udsd.files.report import FileReport, FileResult
from udsd.files.restore import compare_file, restore_files
from udsd.files.restorer import Restorer
from udsd.files.shards import Shard
from udsd.files.watching import FolderWatch
from udsd.files.whole import RestoredFile, restore_bytes

__all__ = [
    "FileReport",
    "FileResult",
    "FolderWatch",
    "PathList",
    "RestoredFile",
    "Restorer",
    "Shard",
    "compare_file",
    "deblur_pdf",
    "deblur_video",
    "restore_bytes",
    "restore_files",
    "write_face_crops",
]
