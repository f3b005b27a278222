from __future__ import annotations

from importlib.util import find_spec

# They need the extra video; all that makes the library's own tests go without it.
collect_ignore_glob = ["test_*.py"] if find_spec("av") is None else []
