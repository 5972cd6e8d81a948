"""Draws a video as real H.264: the prompt, a running time, a moving bar, and the source image behind them.

Invariants: size and length are exactly what was asked; a prompt of any length and script is drawn or said to be cut. Only a
grey strip in the luma plane changes between frames, so that 15 seconds cost a second or so. Needs PyAV and Pillow.
"""

from __future__ import annotations

import io
import logging
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont, ImageOps

from sora2_provider.emulator.media.fonts import AnyFont, Lettering, lettering
from sora2_provider.emulator.settings import EmulatorError

log = logging.getLogger("sora2_provider.emulator")

FRAMES_PER_SECOND = 24
_MOST_CHARACTERS = 700


@dataclass(frozen=True)
class Scene:
    """What a movie shows."""

    width: int
    height: int
    seconds: int
    prompt: str
    caption: str
    """A line under the prompt: the model, the id."""
    image: bytes | None = None
    """The source image, in any format that Pillow reads."""
    image_note: str = ""
    """Why there is no source image, where one was asked for."""

    @property
    def strip_top(self) -> int:
        """Where the strip at the foot begins, whose height is an even number."""
        return self.height - self.height // 14 // 2 * 2


def write_movie(path: Path, scene: Scene, stopped: Callable[[], bool] = lambda: False) -> None:
    """Encode a scene; raises EmulatorError as soon as ``stopped`` says so."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
        background = av.VideoFrame.from_image(_background(scene))  # type: ignore[no-untyped-call]
        still = background.reformat(format="yuv420p")
        luma, *chroma = (bytes(plane) for plane in still.planes)
        picture = Image.frombytes("L", (still.planes[0].line_size, scene.height), luma)
        for number in range(scene.seconds * FRAMES_PER_SECOND):
            if stopped():
                raise EmulatorError("the emulator closed while a video was drawn")
            _draw_strip(picture, scene, number)
            frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
            for plane, content in zip(frame.planes, (picture.tobytes(), *chroma), strict=True):
                plane.update(content)
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _draw_strip(picture: Image.Image, scene: Scene, number: int) -> None:
    """Draw what changes at the foot of a frame: the running time, a dot and a bar."""
    draw = ImageDraw.Draw(picture)
    top, height = scene.strip_top, scene.height - scene.strip_top
    time = number / FRAMES_PER_SECOND
    draw.rectangle((0, top, scene.width, scene.height), fill=32)
    share = number / (scene.seconds * FRAMES_PER_SECOND - 1)
    draw.rectangle((0, scene.height - height // 6, int(share * (scene.width - 1)), scene.height), fill=210)
    text = f"{time:05.2f} s of {scene.seconds} s"
    draw.text((height // 3, top + height // 7), text, font=ImageFont.load_default(height // 2), fill=235)
    dot = height // 2
    left = int((scene.width - dot) * (0.5 + 0.5 * (1 - abs(time % 2 - 1))))
    draw.ellipse((left, top + height // 6, left + dot, top + height // 6 + dot), fill=235)


def _background(scene: Scene) -> Image.Image:
    image, note = _source(scene)
    draw = ImageDraw.Draw(image, "RGBA")
    margin = scene.width // 24
    size, lines = _text_box(scene, note, scene.width - 4 * margin, scene.height * 6 // 10)
    bottom = scene.strip_top - margin
    top = bottom - 2 * margin - _line_height(size) * len(lines)
    draw.rectangle((margin, top, scene.width - margin, bottom), fill=(12, 14, 24, 190))
    for index, line in enumerate(lines):
        place = (2 * margin, top + margin + index * _line_height(size))
        draw.text(place, line.text, font=line.font, fill=line.colour)
    # Grey under the strip, so that only the luma plane has to change there.
    draw.rectangle((0, scene.strip_top, scene.width, scene.height), fill=(32, 32, 32, 255))
    return image


def _source(scene: Scene) -> tuple[Image.Image, str]:
    size = (scene.width, scene.height)
    note = scene.image_note
    if scene.image is not None:
        try:
            with Image.open(io.BytesIO(scene.image)) as opened:
                return ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), size), ""
        except Exception as error:
            # Pillow raises many kinds for a broken or a giant image; the video is made all the same.
            log.warning("the source image cannot be read: %s", error)
            note = "the source image is no image that can be read"
    gradient = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(gradient, (28, 40, 84), (196, 96, 116)), note


@dataclass(frozen=True)
class _Line:
    text: str
    font: AnyFont
    colour: tuple[int, int, int]


_BRIGHT, _DIM = (255, 255, 255), (190, 196, 214)


def _line_height(size: int) -> int:
    return size * 14 // 10


def _text_box(scene: Scene, note: str, width: int, height: int) -> tuple[int, list[_Line]]:
    """Return the size and the lines of the text: the largest letters that fit, cut where none do."""
    full = max(8, min(scene.width, scene.height) // 22)
    prompt, rest = scene.prompt[:_MOST_CHARACTERS], len(scene.prompt) - _MOST_CHARACTERS
    for size in (full, full * 3 // 4, full // 2):
        letters = lettering(prompt, size)
        notes = [note] if note else []
        if rest > 0:
            notes.append(f"(the prompt goes on for {rest} more characters)")
        if letters.escaped:
            notes.append(f"({letters.escaped} characters are written as codes: no installed font has them)")
        lines = [_Line(text, letters.font, _BRIGHT) for text in _wrap(letters, width)]
        small = lettering("\n".join([scene.caption, *notes]), size * 3 // 4)
        tail = [_Line(text, small.font, _DIM) for text in _wrap(small, width)]
        room = height // _line_height(size)
        if len(lines) + len(tail) <= room:
            return size, [*lines, *tail]
    cut = _Line("(cut here)", small.font, _DIM)
    return size, [*lines[: max(1, room - len(tail) - 1)], cut, *tail]


def _wrap(letters: Lettering, width: float) -> Iterator[str]:
    """Yield lines no wider than ``width``, broken at blanks, or anywhere where a word is too long."""
    for paragraph in letters.text.split("\n"):
        while paragraph := paragraph.lstrip():
            lengths = range(1, len(paragraph) + 1)
            length = bisect_right(lengths, width, key=lambda length: letters.font.getlength(paragraph[:length])) or 1
            if length < len(paragraph):
                length = paragraph.rfind(" ", 0, length + 1) + 1 or length
            yield paragraph[:length].rstrip()
            paragraph = paragraph[length:]
