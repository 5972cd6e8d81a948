"""A gateway of the unified routes that answers with OpenAI's video object: no link, the content route has the file."""

from __future__ import annotations

import uuid

from sora2_provider.emulator.dialects.base import Dialect, openai_video

DIALECT = Dialect(new_id=lambda model: f"video_{uuid.uuid4()}", created=openai_video, queried=openai_video)
