"""What lies between a picture and a model: pictures are brought to what the model expects, and their results back."""

from udsd.domains.consistent import Consistency
from udsd.domains.domain import AsExpected, Domain, Findings, Outcome, Region, Restoration, Restore
from udsd.domains.faces.boxes_file import FaceBoxes, read_boxes
from udsd.domains.faces.crops import face_crops
from udsd.domains.faces.face import Face
from udsd.domains.faces.steps import align_face, detect_faces, paste_face
from udsd.domains.look import Look
from udsd.domains.looking import kind_of
from udsd.domains.options import Box, DeblurKeywords, DeblurOptions
from udsd.domains.registry import domain_of
from udsd.domains.restoring import examine_images, joined, restore_images
from udsd.domains.windowed import in_windows

__all__ = [
    "AsExpected",
    "Box",
    "Consistency",
    "DeblurKeywords",
    "DeblurOptions",
    "Domain",
    "Face",
    "FaceBoxes",
    "Findings",
    "Look",
    "Outcome",
    "Region",
    "Restoration",
    "Restore",
    "align_face",
    "detect_faces",
    "domain_of",
    "examine_images",
    "face_crops",
    "in_windows",
    "joined",
    "kind_of",
    "paste_face",
    "read_boxes",
    "restore_images",
]
