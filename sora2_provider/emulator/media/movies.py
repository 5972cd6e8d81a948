"""Draws a video as real H.264: the prompt, a running time, a moving bar, and the source image behind them.

Invariants: the size, the length and the orientation are exactly what was asked; a prompt of any length and script
is drawn or said to be cut, never an error. Only a narrow grey strip changes between frames, in the luma plane alone,
so that a clip of fifteen seconds costs a second or so of two cores.

Needs PyAV and Pillow: import it where a movie is drawn.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageOps

from sora2_provider.emulator.media.fonts import AnyFont, Lettering, lettering, plain_font

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


class StoppedError(Exception):
    """The emulator closes; the movie is not wanted any more."""


def write_movie(path: Path, scene: Scene, stopped: Callable[[], bool] = lambda: False) -> None:
    """Encode a scene; raises StoppedError as soon as ``stopped`` says so."""
    strip = _Strip(scene)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
        still = av.VideoFrame.from_image(_background(scene)).reformat(  # type: ignore[no-untyped-call]
            format="yuv420p"
        )
        planes = [bytearray(plane) for plane in still.planes]
        stride = still.planes[0].line_size
        for number in range(scene.seconds * FRAMES_PER_SECOND):
            if stopped():
                raise StoppedError
            strip.draw_into(planes[0], stride, number)
            frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
            for plane, content in zip(frame.planes, planes, strict=True):
                plane.update(bytes(content))
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


class _Strip:
    """The grey strip at the foot that changes: the running time and a bar."""

    def __init__(self, scene: Scene) -> None:
        self._width, self._seconds = scene.width, scene.seconds
        self._height = scene.height // 14 // 2 * 2
        self._top = _strip_top(scene)
        self._font = plain_font(self._height * 5 // 10)

    def draw_into(self, luma: bytearray, stride: int, number: int) -> None:
        image = Image.new("L", (self._width, self._height), 32)
        draw = ImageDraw.Draw(image)
        share = number / (self._seconds * FRAMES_PER_SECOND - 1)
        foot = self._height // 6
        draw.rectangle((0, self._height - foot, int(share * (self._width - 1)), self._height), fill=210)
        time = number / FRAMES_PER_SECOND
        text = f"{time:05.2f} s of {self._seconds} s"
        draw.text((self._height // 3, self._height // 7), text, font=self._font, fill=235)
        box = self._height // 2
        left = int((self._width - box) * (0.5 + 0.5 * (1 - abs(time % 2 - 1))))
        draw.ellipse((left, self._height // 6, left + box, self._height // 6 + box), fill=235)
        rows = image.tobytes()
        for row in range(self._height):
            start = (self._top + row) * stride
            luma[start : start + self._width] = rows[row * self._width : (row + 1) * self._width]


def _strip_top(scene: Scene) -> int:
    return scene.height - scene.height // 14 // 2 * 2


def _background(scene: Scene) -> Image.Image:
    image, note = _source(scene)
    draw = ImageDraw.Draw(image, "RGBA")
    margin = scene.width // 24
    size, lines = _text_box(scene, note, scene.width - 4 * margin, scene.height * 6 // 10)
    bottom = _strip_top(scene) - margin
    top = bottom - 2 * margin - _line_height(size) * len(lines)
    draw.rectangle((margin, top, scene.width - margin, bottom), fill=(12, 14, 24, 190))
    for index, line in enumerate(lines):
        place = (2 * margin, top + margin + index * _line_height(size))
        draw.text(place, line.text, font=line.font, fill=line.colour)
    # Grey under the strip, so that only the luma plane has to change there.
    draw.rectangle((0, _strip_top(scene), scene.width, scene.height), fill=(32, 32, 32, 255))
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


def _wrap(letters: Lettering, width: int) -> Iterator[str]:
    """Yield lines no wider than ``width``, broken at blanks, or anywhere where a word is too long."""
    for paragraph in letters.text.split("\n"):
        line = ""
        for word in re.findall(r"\S+|\s+", paragraph):
            if letters.font.getlength(line + word) <= width:
                line += word
                continue
            if line.strip():
                yield line.rstrip()
            line = ""
            for char in word.lstrip():
                if line and letters.font.getlength(line + char) > width:
                    yield line
                    line = ""
                line += char
        if line.strip():
            yield line.rstrip()
