"""The dialects by name: how each kind of gateway names and shows its videos."""

from __future__ import annotations

import uuid

from sora2_provider.emulator.dialects.base import BASE32, LETTERS, Dialect, random_id
from sora2_provider.emulator.dialects.guide import created_like_the_guide, queried_like_the_guide
from sora2_provider.emulator.dialects.openai import openai_video
from sora2_provider.emulator.dialects.tasks import task_data
from sora2_provider.emulator.dialects.unified import unified_created, unified_queried

DIALECTS = {
    "guide": Dialect(lambda model: f"video_{uuid.uuid4().hex}", created_like_the_guide, queried_like_the_guide),
    "unified": Dialect(lambda model: f"{model}:task_01k{random_id(BASE32, 23)}", unified_created, unified_queried),
    "openai": Dialect(lambda model: f"video_{uuid.uuid4()}", openai_video, openai_video),
    "taskdto": Dialect(lambda model: f"task_{random_id(LETTERS, 32)}", task_data, task_data),
}
