"""Why a create was refused or a rendering failed: in other words, other languages and other places."""

from __future__ import annotations

from typing import Any

import pytest

from sora2_provider.gateway import errors
from tests.unit.gateway.reading import created, queried, refused_create

MODERATED = [
    "prompt_unsafe", "image_unsafe", "text_risk", "input_moderation", "output_moderation", "PromptBlocked", "InputTextSensitiveContentDetected", "DataInspectionFailed",
    "upstream bizCode=451, msg=image_unsafe", "bizCode: 451", "The request is unsafe", "Unsafe content", "Rejected: NSFW", "Sexual content is not allowed",
    "This prompt violates our usage policies", "Your request goes against our policy", "Blocked due to our content policies", "Rejected by OpenAI's policy",
    "Blocked under the safety policy", "Policy violation", "It may violate the community guidelines", "Input images with faces of humans are currently rejected",
    "The image contains a human face", "We detected faces in your image", "Images with real people are not supported", "Face detected in the reference image",
    "Uploads of images with photorealistic people are not supported", "Photo-realistic humans are not accepted", "A real person was found", "It shows a public figure",
    "The name of a celebrity", "Use of a person's likeness", "The prompt contains disallowed content", "Disallowed words: x", "The content is not permitted",
    "Copyrighted characters", "Trademark", "This violates guidelines on violence", "hate speech", "flagged by the filter", "Prohibited content", "graphic violence",
    "You may not use one of the mentioned cameos.", "This cameo is private",
    "Your prompt was rejected", "Video blocked", "The image contains minors", "Adult content", "People in images are not allowed", "Blocked by safety", "HTTP 451",
    "检测到人脸", "圖片包含人臉", "内容包含违禁词", "內容包含違禁詞", "提示词包含不当内容", "包含不當內容", "内容不合规", "內容不合規", "涉及版权内容", "涉及版權", "侵犯肖像权",
    "安全检测未通过", "安全檢測未通過", "触发风控", "觸發風控", "審核未通過", "审查不通过", "包含违规内容", "涉嫌侵权", "涉及政治", "涉黄", "色情低俗", "包含未成年人", "公众人物",
    "违反平台规则", "包含敏感词", "内容安全策略拦截", "不良信息", "命中屏蔽词",
    "不適切なコンテンツです", "著作権を侵害しています", "実在の人物が含まれています", "顔が検出されました", "コンテンツポリシーに違反しています", "부적절한 콘텐츠입니다", "저작권 침해", "실존 인물",
    "얼굴이 감지되었습니다", "콘텐츠 정책 위반", "Запрос нарушает правила", "Недопустимый контент", "запрещённый контент", "нарушение авторских прав", "Реальные люди: изображение реального человека",
    "Die Anfrage verstößt gegen unsere Richtlinien", "Unangemessener Inhalt", "Gesichter sind nicht erlaubt", "Contenu inapproprié", "Enfreint les règles", "Personne réelle détectée",
    "Contenido inapropiado", "Infringe las normas", "Viola la política", "personas reales", "Conteúdo inadequado", "direitos autorais",
]  # fmt: skip
#: What sounds like it.
NOT_MODERATED = [
    "retry policy exhausted", "cache policy error", "CORS policy", "no interface for this", "surface lost", "typeface missing", "the API faces an error", "Hugging Face is down",
    "HuggingFace hub error", "Contact a real person at support", "unsafe legacy renegotiation disabled", "moderation service unavailable", "Safety check timed out",
    "审核服务超时", "审核系统繁忙", "服务器配置不当", "© 2025 版权所有", "Copyright (c) 2025 relay", "disallowed host", "Essex region is away", "policymaker node", "took too long",
    "The generation took too long", "took too long to respond", "real personalities db offline", "reallocation failed", "DeepFaceLab crashed", "network policy", "nudge", "no GPU",
    "unique constraint violation", "access violation 0xC0000005", "the field is case-sensitive", "violates foreign key constraint",
]  # fmt: skip


@pytest.mark.parametrize("text", MODERATED)
def test_moderation_in_other_words_is_permanent_for_creates_and_renderings(text: str) -> None:
    for key in ("message", "code"):
        failed = {"id": "v", "status": "failed", "error": {"message": "", "code": "", key: text}}
        assert queried(failed).failure_permanent
    for status in (200, 400, 422, 500):
        error = refused_create({"error": {"message": text, "code": ""}}, status)
        assert (type(error), error.transient) == (errors.ContentRejected, False)


@pytest.mark.parametrize("text", NOT_MODERATED)
def test_words_that_only_sound_like_moderation_are_none(text: str) -> None:
    assert not queried({"id": "v", "status": "failed", "error": {"message": text}}).failure_permanent
    assert not isinstance(refused_create({"error": {"message": text}}, 500), errors.ContentRejected)


REASONS: list[tuple[dict[str, Any], str | None]] = [
    ({"failure_reason": "input_moderation", "error": "generation stopped"}, "input_moderation"), ({"failure_reason": "input_moderation", "error": {"message": ""}}, None),
    ({"error": "Create Video failed", "fail_reason": "The prompt contains disallowed content"}, None), ({"message": "failed", "failMsg": "Content policy violation"}, None),
    ({"error": "Create Video failed", "details": {"error": {"message": "x", "code": "moderation_blocked"}}}, "moderation_blocked"),
    ({"error": "Create Video failed", "detail": {"error": "prompt_unsafe"}}, "prompt_unsafe"), ({"error": {"message": "generation failed", "reason": "input_moderation"}}, "input_moderation"),
    ({"error": {"message": "", "details": [{"error": {"code": "image_unsafe"}}]}}, "image_unsafe"), ({"error": {"code": "internal_error", "message": "内容违规"}}, "internal_error"),
    ({"data": {"task_id": "v", "status": "failed", "fail_reason": "stopped", "error": {"code": "output_blocked"}}}, "output_blocked"),
    ({"error": {"message": "upstream error", "details": '{"error": {"code": "content_policy_violation", "message": "x"}}'}}, "content_policy_violation"),
    ({"data": {"status": "failed", "url": "Your prompt violates our policies"}}, None), ({"detail": "The prompt contains disallowed content"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), REASONS, ids=str)
def test_a_reason_beside_an_empty_or_vague_text_counts(body: dict[str, Any], code: str | None) -> None:
    video = queried({"id": "v", "status": "failed", **body})
    assert (video.failure_permanent, video.error_code) == (True, code)
    refused = {key: value for key, value in body.items() if key != "data"}
    if refused and "failMsg" not in refused:
        assert isinstance(refused_create({"success": False, **refused}), errors.ContentRejected)
        assert isinstance(refused_create(refused, 500), errors.ContentRejected)


def test_a_vague_text_stays_beside_the_word_that_tells_why() -> None:
    failed = {"id": "v", "status": "failed"}
    stopped = queried({**failed, "failure_reason": "input_moderation", "error": "generation stopped"})
    assert stopped.error_message == "generation stopped"
    assert queried({**failed, "error": "boom", "message": "请稍后查询"}).error_message == "boom"


def error(text: str, code: str = "") -> dict[str, Any]:
    return {"error": {"message": text, "code": code}}


@pytest.mark.parametrize(
    ("code", "text"),
    [("cameo_permission_denied", "x"), ("cameo_not_allowed", "x"), ("character_permission_denied", "x"), ("permission_denied", "You cannot use this cameo")],
)  # fmt: skip
def test_a_permission_that_is_about_the_input_is_permanent(code: str, text: str) -> None:
    refused = refused_create(error(text, code), 403 if code == "permission_denied" else 400)
    assert not refused.transient
    if code != "permission_denied":
        assert isinstance(refused, errors.ContentRejected)
        assert queried({"id": "v", "status": "failed", **error(text, code)}).failure_permanent


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"", errors.PermissionDenied), (403, {"message": "no"}, errors.PermissionDenied), (403, error("您的 IP 不在令牌允许访问的列表中"), errors.PermissionDenied),
        (401, "<html><title>401 Authorization Required</title></html>", errors.AuthenticationError), (429, "<html><title>Just a moment...</title></html>", errors.RateLimited),
        (405, "<html><title>405 Not Allowed</title></html>", errors.InvalidRequest), (404, "<html><title>Not Found</title><center>cloudflare</center></html>", errors.InvalidRequest),
        (451, b"", errors.ContentRejected), (200, {"code": 451, "msg": "x"}, errors.ContentRejected), (400, error("request blocked by Gemini API: PROHIBITED_CONTENT"), errors.ContentRejected),
        (403, error("x", "insufficient_user_quota"), errors.InsufficientBalance), (403, "insufficient balance", errors.InsufficientBalance),
        (400, error("prompt is too long"), errors.InvalidRequest), (400, error("parameter 'concurrency' is required"), errors.InvalidRequest), (400, error("Too many images"), errors.InvalidRequest),
        (400, error("参数不当"), errors.InvalidRequest), (400, error("no token provided"), errors.AuthenticationError), (400, error("invalid type", "load_balancer_error"), errors.InvalidRequest),
    ],
    ids=str,
)  # fmt: skip
def test_what_resembles_another_kind_keeps_its_own(status: int, body: Any, kind: type[errors.GatewayError]) -> None:
    assert type(refused_create(body, status)) is kind


def test_a_reason_in_an_accepted_create_is_noise() -> None:
    assert created({"id": "v", "detail": {"error": "prompt_unsafe"}}).id == "v"
