"""How the page looks: its words, colours and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from udsd.serving.limits import Limits

# No fonts from elsewhere: the page loads nothing that is not here.
THEME = gr.themes.Default(
    primary_hue="teal",
    secondary_hue="teal",
    neutral_hue="slate",
    radius_size="lg",
    font=["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
).set(
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    body_text_color_subdued="*neutral_500",  # Gradio's is too light to be read: 2.6 to 1 on white
)

HEADER = """
<header class="udsd-header">
  <h1>udsd</h1>
  <p>Blurred pages of print and blurred faces, made sharper. Drop a picture, a scanned PDF or a clip: it comes back
  in the format it had, with all that it had.</p>
</header>
"""

WELCOME = """
<div class="udsd-file udsd-welcome"><p>The result is seen here, before and after under one slider, and can be
downloaded in full size and fidelity.</p></div>
"""

FOOTER = """
<p class="udsd-footer">Letters and faces that are drawn from a strong blur are guesses: do not use them where a wrong
digit does harm, and never identify anybody by them.<br>
Files are deleted when this page is closed; of a page that is left open, after {kept}.</p>
"""

_MOST = {
    "pictures": "pictures of at most {megapixels:g} megapixels",
    "PDFs": "PDFs of at most {pages} pages",
    "clips": "clips of at most {frames} frames",
}
"""How large files may be, by their kinds."""

CSS = """
.gradio-container { max-width: 1400px !important; margin: 0 auto !important; }
.udsd-header h1 { font-size: 1.9rem; font-weight: 700; letter-spacing: -0.02em; margin: 0.4rem 0 0.1rem;
  color: var(--primary-600); }
.udsd-header p { font-size: 1.05rem; color: var(--body-text-color-subdued); margin: 0; max-width: 46rem; }
.udsd-file { border-left: 4px solid var(--primary-500); background: var(--background-fill-secondary);
  border-radius: 6px; padding: 0.55rem 0.9rem; margin-bottom: 0.5rem; }
.udsd-file p { margin: 0.1rem 0; }
.udsd-file span { color: var(--body-text-color-subdued); }
.udsd-unsuitable, .udsd-sharp { border-left-color: #d97706; }
.udsd-failed { border-left-color: #dc2626; }
.udsd-taken p { font-size: 0.9rem; color: var(--body-text-color-subdued); margin: 0; }
.udsd-footer { font-size: 0.85rem; color: var(--body-text-color-subdued); }
/* Above the picture: on it, Gradio's label hides faces at its top. */
#found-faces > label { position: static; width: fit-content; }
/* Gradio's dot behind its only link. */
footer .divider { display: none; }
@media (max-width: 640px) { #slider { height: 300px !important; } }
"""


def taken_html(limits: Limits, taken: Sequence[str], missing: Sequence[str]) -> str:
    """What is said of the files that are taken.

    Args:
        limits: How much work they may make.
        taken: Kinds of files.
        missing: Sentences on kinds that are not taken.
    """
    numbers = {"megapixels": limits.pixels / 1e6, "pages": limits.pages, "frames": limits.frames}
    most = [_MOST[kind].format(**numbers) for kind in taken]
    listed = f"{', '.join(most[:-1])} and {most[-1]}" if len(most) > 1 else most[0]
    lines = [f"At most {limits.files} files of {limits.file_bytes / 1e6:g} MB: {listed}.", *missing]
    return f'<div class="udsd-taken">{"".join(f"<p>{escape(line)}</p>" for line in lines)}</div>'
