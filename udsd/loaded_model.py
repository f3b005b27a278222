"""A trained model that is loaded: where it comes from, where it runs, and decoded images through it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import torch

from udsd.arguments import some_path, truth
from udsd.batches import check_size
from udsd.device import resolve_dtype
from udsd.domains import DeblurOptions, Look, Restoration, domain_of
from udsd.errors import ConfigError
from udsd.estimation import BlurEstimator, general_estimator
from udsd.estimation.estimator import FILE_NAME
from udsd.facts import facts_html, facts_repr
from udsd.images import DecodedImage
from udsd.inference import Backend, MemoryLimit, OnProgress, backend_name, run_folder, run_model
from udsd.models import DeblurModel, ModelConfig
from udsd.out_of_memory import memory_errors
from udsd.pretrained import publish_model, resolve, save_model
from udsd.restoring import restore_with_mean


class LoadedModel:
    """A model with the device and the number format it runs in, for decoded images; `udsd.Deblurrer` takes all others.

    Arguments and errors are those of `udsd.Deblurrer`.
    """

    def __init__(
        self,
        model: DeblurModel | Backend,
        device: str | torch.device | None = "auto",
        dtype: str | torch.dtype | None = "auto",
        memory_limit: MemoryLimit = None,
        backend: str | None = "auto",
    ) -> None:
        self._backend: Backend
        if isinstance(model, DeblurModel):
            self._backend = run_model(model, backend=backend, device=device, dtype=dtype, memory_limit=memory_limit)
        elif not hasattr(model, "restore") or not hasattr(model, "config"):
            raise ConfigError(f"{model!r} is no model; to load one by its name say Deblurrer.from_pretrained(name)")
        elif any(value not in ("auto", None) for value in (device, dtype, memory_limit, backend)):
            raise ConfigError("a back-end has its device, dtype and memory limit already; leave them out")
        else:
            self._backend = model
        self._domain = domain_of(self._backend.config)
        self._title = ""
        self._licence = ""
        self._folder: Path | None = None

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        device: str | torch.device | None = "auto",
        dtype: str | torch.dtype | None = "auto",
        memory_limit: MemoryLimit = None,
        backend: str | None = "auto",
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> Self:
        """Load a model from the zoo, a folder or the Hub.

        Args:
            name: A local model folder, an alias of the zoo (``udsd models`` lists them), or ``"org/repo"`` on
                the Hugging Face Hub. Of local folders, also those that ``udsd export --format openvino`` writes.
            device: Where to run, as for the class.
            dtype: Format of the arithmetic, as for the class.
            memory_limit: What restoring may take, as for the class.
            backend: ``"torch"``, ``"openvino"``, or ``"auto"``: what the folder was exported for, else torch.
            revision: Branch, tag or commit on the Hub; a zoo model has a pinned one.
            cache_dir: Folder for downloads, as in huggingface_hub.
            token: Access token of the Hub, as in huggingface_hub.
            local_files_only: Never ask the Hub; use what is bundled or cached.
            force_download: Download again, even what is bundled or cached.

        Raises:
            UnknownModelError: There is no model of that name.
            WeightsError: The model cannot be downloaded, is damaged, or does not fit this library.
            DeviceError: The device or the format is not available.
            ConfigError: The memory limit is no size, or the back-end is unknown or not installed.
        """
        folder = resolve(
            name,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        loaded = cls(run_folder(folder, backend=backend, device=device, dtype=dtype, memory_limit=memory_limit))
        loaded._title = folder.title
        loaded._licence = folder.licence
        loaded._folder = folder.path
        return loaded

    @property
    def backend(self) -> Backend:
        """What runs the model."""
        return self._backend

    @property
    def title(self) -> str:
        """Name and version of the model, such as ``"text v0.1.0"``; empty if it came without."""
        return self._title

    @property
    def licence(self) -> str:
        """Licence of the weights of a model of the zoo; empty where it is not known."""
        return self._licence

    @property
    def config(self) -> ModelConfig:
        """The architecture of the model."""
        return self._backend.config

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self._backend.device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the arithmetic."""
        return self._backend.dtype

    def __repr__(self) -> str:
        return facts_repr(type(self).__name__, self._facts())

    def _repr_html_(self) -> str:
        """What notebooks show of it."""
        return facts_html(type(self).__name__, self._facts())

    def _facts(self) -> dict[str, str]:
        domain = self.config.domain
        return {
            "model": self._title,
            "domain": "" if domain is None else domain.kind,
            "device": str(self.device),
            "dtype": str(self.dtype).removeprefix("torch."),
            "backend": backend_name(self._backend),
            "licence": self._licence,
        }

    def restore_decoded(
        self,
        images: Sequence[DecodedImage[Any]],
        options: DeblurOptions | None = None,
        on_progress: OnProgress | None = None,
        *,
        looks: Sequence[Look] | None = None,
    ) -> list[Restoration]:
        """Restore images of one size that `udsd.images` has decoded: for programs that read and write by themselves.

        Args:
            images: At least one. The pixels of a single one may be overwritten.
            options: How they are brought to the model.
            on_progress: Called now and then with the share of the work that is done, the last time with 1.
            looks: At each picture of the images, if they were looked at already (`udsd.choosing` does).

        Returns:
            Of each image its restoration, whose ``pixels`` its `DecodedImage.encode` takes.

        Raises:
            ImageError: The images are single pixels.
            MemoryLimitError: The limit is too small for even one strip, or the disk too full for the rest.
        """
        check_size(images[0].pixels)
        return self._restore(images, options or DeblurOptions(), on_progress=on_progress, looks=looks)

    def for_clip(self, frames: Sequence[DecodedImage[Any]], *, steady: bool = True) -> Self:
        """The same model for the frames of a clip, restored one by one in their order (`restore_decoded`).

        What is found in one frame holds on in the next, so that nothing flickers: the scale of pages, where faces are
        and how large they are restored.

        Args:
            frames: Some from all over the clip, which are looked at.
            steady: Whether anything holds on; else each frame is a picture by itself.
        """
        clip = copy(self)
        if steady:
            looks = [Look(single) for frame in frames for single in torch.split(frame.pixels.cpu(), 1)]
            clip._domain = self._domain.for_clip(looks)
        return clip

    def _restore(
        self,
        decoded: Sequence[DecodedImage[Any]],
        options: DeblurOptions,
        memory_limit: MemoryLimit = None,
        on_progress: OnProgress | None = None,
        looks: Sequence[Look] | None = None,
    ) -> list[Restoration]:
        with memory_errors("the image"):
            restorations = restore_with_mean(
                decoded,
                self._backend,
                self._domain,
                options,
                memory_limit=memory_limit,
                on_progress=on_progress,
                looks=looks,
            )
            return [replace(restoration, model=self._title) for restoration in restorations]

    @cached_property
    def blur_estimator(self) -> BlurEstimator:
        """What estimates the blur of images: that of the model's folder, or the general one of the library.

        Raises:
            WeightsError: ``blur.safetensors`` in the folder is broken.
        """
        own = None if self._folder is None else self._folder / FILE_NAME
        return BlurEstimator.load(own) if own is not None and own.exists() else general_estimator()

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model folder that `from_pretrained` loads, with weights in half precision.

        Raises:
            WeightsError: The folder cannot be written.
            ConfigError: The folder is no path, or this is an exported model, which holds no networks any more.
        """
        save_model(self._backend.model, some_path("folder", folder))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str | None = None,
        commit_description: str | None = None,
        private: bool | None = None,
        token: bool | str | None = None,
        branch: str | None = None,
        tag: str | None = None,
        create_pr: bool = False,
    ) -> str:
        """Put the model on the Hugging Face Hub, where `from_pretrained` finds it by its name, in one commit.

        It is what ``udsd publish`` does (`udsd.pretrained.publish_model`), with the names that huggingface_hub gives to
        the arguments. The weights are those of this object, as `save_pretrained` writes them; card, licence and the
        pictures of the card are those of the folder that it came from. Exported sub-folders go out with the command
        alone.

        Args:
            repo_id: ``"org/repo"``; the repository is made if it is missing.
            commit_message: The first line of the commit.
            commit_description: What else it says.
            private: Make a new repository private (True) or public (False), or as its owner has chosen (None).
            token: Access token that may write; None or True for that of ``HF_TOKEN`` or ``hf auth login``.
            branch: Branch instead of ``main``; it is made if it is missing.
            tag: Tag of the commit, such as ``"v0.1.0"``, for ``from_pretrained(repo_id, revision="v0.1.0")``.
            create_pr: Open a pull request with the commit instead; the repository must be there.

        Returns:
            The address of the commit, or of the pull request.

        Raises:
            PublishError: There is no token, the metadata of the card is not valid, or the Hub could not be reached or
                refused.
            ConfigError: This is an exported model, which holds no networks any more; the tag is none, or a pull request
                was to be tagged; or HF_ENDPOINT is no address.
            WeightsError: A weight is not finite, or the temporary folder cannot be written.

        Example:
            >>> deblurrer.push_to_hub("your-name/plates", private=True, tag="v1")  # doctest: +SKIP
            'https://huggingface.co/your-name/plates/commit/...'
        """
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save_pretrained(folder)
            return publish_model(
                folder,
                repo_id,
                card_folder=self._folder,
                private=private,
                revision=branch,
                tag=tag,
                create_pr=truth("create_pr", create_pr),
                commit_message=commit_message,
                commit_description=commit_description,
                token=token,
            )

    def to(self, device: str | torch.device | None = None, dtype: str | torch.dtype | None = None) -> Self:
        """Move to another device or number format, and return this same object.

        Raises:
            DeviceError: The device or the format is not available.
        """
        chosen = self.device if device is None else self._backend.resolve_device(device)
        arithmetic = resolve_dtype(self.dtype if dtype is None else dtype, chosen)
        self._backend = self._backend.moved(chosen, arithmetic)
        return self
