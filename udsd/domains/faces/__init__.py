"""Pictures with faces: found, aligned, restored one by one, and put back."""

from udsd.domains.faces.boxes_file import FaceBoxes, read_boxes
from udsd.domains.faces.crops import face_crops
from udsd.domains.faces.domain import FaceDomain
from udsd.domains.faces.face import Face
from udsd.domains.faces.steps import align_face, detect_faces, paste_face

__all__ = [
    "Face",
    "FaceBoxes",
    "FaceDomain",
    "align_face",
    "detect_faces",
    "face_crops",
    "paste_face",
    "read_boxes",
]
