"""OpenAI's video object: no link, the content route has the file."""

from __future__ import annotations

import uuid

from sora2_provider.emulator.shapes.base import Shape
from sora2_provider.emulator.task_objects import openai_video

SHAPE = Shape(new_id=lambda model: f"video_{uuid.uuid4()}", created=openai_video, queried=openai_video)
