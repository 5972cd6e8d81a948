"""Busy gateways and empty accounts in other words, languages and places, and what only sounds like them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sora2_provider.gateway import errors
from tests.unit.gateway.reading import queried, refused_create, refused_query


def error(text: str, code: str = "") -> dict[str, Any]:
    return {"error": {"message": text, "code": code}}


BUSY = [
    "当前使用人数过多，请稍候再试", "任务队列已满", "當前使用人數過多", "Concurrency limit exceeded", "You already have 3 tasks in progress", "You have too many running tasks", "Too many concurrent requests",
    "Maximum number of concurrent generations reached", "The queue is full", "We are under heavy load", "high demand", "server is at capacity", "Please slow down", "The service is busy", "Rate limited", "throttled",
    "系统繁忙", "服务器忙", "排队人数过多", "并发数超限", "同时进行的任务已达上限", "请求太频繁，请求频繁", "触发限流", "资源紧张", "算力不足", "高峰期", "负载过高", "無可用渠道", "并发", "账号池已满", "当前通道拥堵", "任务数已达上限",
    "服务器爆满", "服务器压力过大", "请求次数过多", "请求速率超限", "资源紧缺", "系统正忙", "暂时无法提供服务", "服务暂时不可用", "没有可用的账号", "当前负载已满，请稍后再试",
    "混雑しています", "サーバーがビジーです", "アクセスが集中しています", "リクエストが多すぎます", "同時実行数の上限です", "혼잡합니다", "요청이 너무 많습니다: 요청 한도", "서버가 바쁩니다", "동시 요청 한도 초과",
    "Сервер перегружен", "Слишком много запросов", "Превышен лимит запросов", "Высокая нагрузка", "Нет доступных каналов", "Попробуйте позже", "Zu viele Anfragen", "Der Server ist überlastet", "Ratenlimit erreicht",
    "Trop de requêtes", "Le serveur est surchargé", "Limite de débit atteinte", "Capacité maximale atteinte", "Demasiadas solicitudes", "El servidor está sobrecargado", "Servidor ocupado", "Límite de velocidad", "Sin capacidad",
    "Muitas requisições", "Servidor sobrecarregado", "Tente novamente mais tarde", "another task is running", "no idle worker", "No accounts available", "Capacity exceeded", "capacity", "Resource exhausted", "pool exhausted",
    "Parallel limit reached", "The waiting list is full", "You've reached your limit of 2 concurrent generations", "Exceeded request limit per minute", "Please retry after 20 seconds", "Please retry.", "The model is currently unavailable",
    "Rate limit reached for requests. You can increase your rate limit by adding a payment method.", "Error code: 429 - {'error': {'message': 'Rate limit reached'}}", 'upstream said: "The server is busy"',
    "The server is currently busy", "We're experiencing high demand", "Too busy, try later", "That model is currently overloaded with other requests", "Insufficient model capacity",
    "GPU resources are exhausted", "All GPUs are in use", "no slots available", "Task queue is full, please wait", "queue overflow", "You have reached the maximum number of concurrent tasks",
    "concurrent request limit exceeded", "parallel task limit exceeded", "Please wait for your previous task to finish", "Wait until the current generation completes", "Too Many Requests",
    "RPM limit", "requests limit reached", "sending too fast", "Requests are too frequent", "Please try again in a few moments", "Try again in 30s", "Try later", "No channel available",
    "there are no available channels", "no available cookies", "All accounts are rate limited", "Service temporarily overloaded", "currently at capacity", "Server overload", "系统忙，请稍后",
    "当前服务繁忙", "模型负载过高", "上游负载已饱和", "当前分组负载已饱和", "排队人数较多", "队列满", "并发超限", "并发任务数超过限制", "同时只能运行1个任务", "您有任务正在进行中", "请等待上一个任务完成", "请求频率过高", "调用频率超限", "触发限频", "超过速率限制", "每分钟请求数超限", "无可用渠道",
    "暂无可用账号", "账号全部繁忙", "资源已满", "服务器资源不足", "当前容量已满", "系统拥挤", "流量过大", "熔断", "伺服器忙碌", "負載過高", "サーバーが混雑", "リクエスト過多", "同時リクエスト数の上限", "負荷が高い", "時間をおいて再度", "サーバが過負荷", "대기열이 가득 찼습니다", "요청 한도를 초과",
    "속도 제한", "나중에 다시", "El sistema está ocupado", "Servidor saturado", "Cola llena", "Límite de solicitudes", "Vuelva a intentarlo más tarde", "Sistema ocupado", "A fila está cheia",
    "Excesso de requisições", "Tente mais tarde", "Сервер временно недоступен", "Очередь переполнена", "Превышено количество запросов", "Повторите попытку позже", "Система перегружена",
    "Das System ist ausgelastet", "Warteschlange ist voll", "Zu viele Aufgaben", "Anfragelimit erreicht", "Später noch einmal versuchen", "File d'attente pleine", "Trop de tâches",
    "Limite de requêtes", "Service momentanément indisponible", "We are currently overloaded, please hold on", "The service has reached its capacity", "High server load",
    "You can only run 2 tasks at the same time", "user concurrency exceeded", "Exceeded rate limit", "Request throttled", "Upstream is busy", "upstream capacity exhausted", "No idle accounts",
    "当前请求人数较多", "当前模型繁忙", "算力紧张", "上游通道繁忙", "渠道并发已满", "请求排队已满", "任务并发超限", "账户并发限制", "接口调用频率超限", "服务器开小差了，请稍后再试", "伺服器繁忙，請稍後", "頻率過高", "サーバー負荷が高いため", "同時生成数の上限を超えました", "서버 부하", "현재 서버가 혼잡하오니",
    "잠시 후에 다시 시도", "Hay demasiadas solicitudes en curso", "Se superó el límite de solicitudes", "O modelo está sobrecarregado", "Muitos pedidos", "Сервис перегружен", "Модель перегружена",
    "Нет доступных аккаунтов", "Das Modell ist derzeit überlastet", "Anfragen zu schnell", "Le modèle est surchargé", "Le service est saturé", "Limite de concurrence atteinte",
]  # fmt: skip
EMPTY = [
    "预扣费额度失败, 用户剩余额度: ＄0.53, 需要预扣费额度: ＄2.90", "预扣费失败", "Your credits are not enough", "Billing hard limit has been reached", "Insufficient credits", "You have no credits left",
    "You are out of credits", "Your balance is too low", "Account balance is insufficient", "Payment required", "Please top up your account", "Please recharge", "Budget has been exceeded! Current cost: 1",
    "Spending limit reached", "quota has been exhausted", "Your account is overdue", "Your credit balance is too low to access the API", "token quota is not enough, token remain quota: $0.10", "Exhausted balance",
    "pre-consume token quota failed", "Your free trial has ended", "You don't have enough credits", "The account does not have enough balance", "Insufficient points", "0 credits remaining", "Your available balance is $0.00",
    "You need more credits", "This request requires more credits", "Your payment method was declined", "You have an outstanding invoice", "Make sure that your account is in good standing", "balance less than required",
    "You have reached your spend limit", "Your subscription has expired", "buy more credits", "insuficient balance", "You exceeded your current quota, please check your plan and billing details",
    "额度已用尽", "额度已用完", "餘額不足", "額度不足", "余额不够", "积分不足", "点数不足", "請充值", "您的账户已欠费", "次数已用完", "余额为0", "余额耗尽", "资源包已用尽", "免费额度已耗尽", "套餐余量不足", "金币不足", "配额不足", "扣款失败", "账单逾期",
    "已用完额度", "请续费", "账户金额不足", "残高が不足しています", "クレジットが不足しています", "クレジットを使い切りました", "チャージしてください", "ポイントが不足しています", "支払いが必要です", "잔액이 부족합니다", "크레딧이 부족합니다",
    "크레딧이 모두 소진되었습니다", "포인트가 부족합니다", "충전해 주세요", "결제가 필요합니다", "Недостаточно средств", "Баланс исчерпан", "Закончились кредиты", "Пополните баланс", "Требуется оплата", "Guthaben nicht ausreichend",
    "Guthaben aufgebraucht", "Zahlung erforderlich", "Kontingent erschöpft", "Solde insuffisant", "Votre solde est insuffisant", "Crédits épuisés", "Fonds insuffisants", "Paiement requis", "Crédits insuffisants", "Saldo insuficiente",
    "Créditos insuficientes", "Créditos agotados", "Sin créditos", "Fondos insuficientes", "Se requiere pago", "Recargue su cuenta", "Créditos esgotados", "Sem créditos", "Pagamento necessário", "Recarregue sua conta", "Credito insufficiente",
    "Your account balance is not enough, please recharge", "Insufficient user quota", "user quota exceeded", "Token quota has been used up", "Out of quota", "quota depleted", "Quota exceeded",
    "Monthly quota exceeded", "hard limit reached", "billing not active", "Billing issue", "Account suspended due to non-payment", "Please upgrade your plan or add credits",
    "You need at least 20 credits to generate this video", "Not enough balance to perform this action", "Your wallet balance is insufficient", "Insufficient wallet balance",
    "Insufficient account funds", "remaining balance: 0", "余额低于", "您的余额已耗尽", "余额不足以支付", "当前账户额度不足，请前往充值", "用户配额不足", "账户已停用，欠费", "您的积分不足，请购买", "套餐已过期", "超出额度", "令牌额度不足", "剩余额度不足", "已超出当前配额",
    "請先儲值", "帳戶餘額不足", "扣点失败", "残高がありません", "利用上限に達しました（課金）", "クレジットを購入してください", "プリペイド残高不足", "잔고 부족", "크레딧 잔액 부족", "쿼터를 초과했습니다", "요금을 결제해 주세요", "No hay saldo disponible",
    "Sus créditos se han agotado", "Cuota excedida", "Pago requerido", "Su cuenta no tiene fondos", "Você não tem créditos suficientes", "Cota esgotada", "Adicione créditos",
    "Недостаточно средств на счете", "Нулевой баланс", "У вас закончились кредиты", "Квота превышена", "Лимит расходов исчерпан", "Нет средств", "Ihr Guthaben reicht nicht aus",
    "Kein Guthaben mehr", "Nicht genügend Credits", "Ausgabenlimit erreicht", "Bitte aufladen", "Unzureichendes Guthaben", "Votre crédit est épuisé", "Pas assez de crédits", "Quota dépassé",
    "Limite de dépenses atteinte", "Compte sans fonds", "Your balance is running low and cannot cover this request", "This account has run out of funds", "Charge failed: insufficient funds",
    "Your plan's credits have all been spent", "quota remaining: 0", "Your account owes money", "Cannot deduct fee: balance insufficient", "Insufficient quota left: need 500000",
    "API key quota has been exceeded", "Credit limit exceeded", "额度不足，请前往个人中心充值", "令牌剩余额度不足", "账户额度已用光", "可用点数不足", "账户已透支", "当前套餐次数已用完", "余额不够扣费", "费用不足", "點數已用完", "クレジットがなくなりました",
    "ポイントを購入してください", "ご利用可能なクレジットがありません", "보유 크레딧이 부족해요", "잔액이 0원입니다", "Su saldo es demasiado bajo", "Por favor, añada saldo", "Seu saldo é insuficiente", "Sua conta não possui créditos",
    "Баланс недостаточен", "Ваш кредит исчерпан", "Счет не оплачен", "Ihr Konto hat nicht genügend Guthaben", "Credits aufgebraucht", "Crédit épuisé, veuillez recharger",
    "Votre compte n'a plus de crédit", "Quota insuffisant",
]  # fmt: skip


@pytest.mark.parametrize("text", BUSY)
@pytest.mark.parametrize("status", [400, 403, 422, 503])
def test_busy_in_other_words_passes(status: int, text: str) -> None:
    refused = refused_create(error(text), status)
    if status == 503 and isinstance(refused, errors.SubmissionUnknown):
        # An outage does not say what became of a create.
        assert refused_query(error(text), status).transient
        return
    assert type(refused) in (errors.RateLimited, errors.GatewayUnavailable)
    assert refused.transient
    assert not queried({"id": "v", "status": "failed", **error(text)}).failure_permanent


@pytest.mark.parametrize("text", EMPTY)
@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 429, 500])
def test_an_empty_account_in_other_words_does_not_pass(status: int, text: str) -> None:
    for refused in (refused_create(error(text), status), refused_query(error(text), status)):
        assert (type(refused), refused.transient) == (errors.InsufficientBalance, False)
        assert "Top up the account" in refused.remedy


@pytest.mark.parametrize("status", [400, 401, 402, 403])
@pytest.mark.parametrize(
    "body", ["<html><title>账户余额不足</title></html>", "<h1>Payment required</h1>Please top up", "余额不足"]
)
def test_a_page_may_tell_of_an_empty_account(status: int, body: str) -> None:
    assert type(refused_create(body, status)) is errors.InsufficientBalance


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "error": lambda text: {"error": text}, "message": lambda text: {"code": -1, "message": text, "data": None}, "msg": lambda text: {"code": 500, "msg": text},
    "error.msg": lambda text: {"error": {"msg": text}}, "detail": lambda text: {"detail": text}, "detail.message": lambda text: {"detail": {"message": text}},
    "errors[0]": lambda text: {"errors": [{"message": text}]}, "error_msg": lambda text: {"error_code": 17, "error_msg": text}, "success": lambda text: {"success": False, "message": text},
    "JSON in a text": lambda text: {"code": "fail_to_fetch_task", "message": json.dumps(error(text))}, "base_resp": lambda text: {"base_resp": {"status_code": 1008, "status_msg": text}},
    "Response": lambda text: {"Response": {"Error": {"Code": "x", "Message": text}}},
    **{f"code {code}": lambda text, code=code: error(text, code) for code in ("forbidden", "unauthorized", "access_denied", "bad_request", "invalid_request", "invalid_request_error", "too_many_requests", "403", "1113")},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("账户余额不足", {errors.InsufficientBalance}),
        ("Your credit balance is too low", {errors.InsufficientBalance}),
        ("当前使用人数过多", {errors.GatewayUnavailable, errors.RateLimited}),
        ("The model is overloaded", {errors.GatewayUnavailable, errors.RateLimited}),
        ("Your prompt violates our content policy", {errors.ContentRejected}),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_words_count_wherever_they_stand(
    status: int, text: str, kinds: set[type[errors.GatewayError]], place: str
) -> None:
    assert type(refused_create(PLACES[place](text), status)) in kinds


#: What repeats a prompt, or speaks of something else with the same words. All of them are refused for good.
NEIGHBOURS = {
    errors.ContentRejected: [
        "The prompt was flagged: the colour balance is too low", "内容违规：余额不足的穷人", "The end credits are not allowed by our policy", "提示词“请充值”包含违规内容", "提示词“拥挤繁忙的街道”不合规",
        "Prompt: a man with an empty wallet and no money walks a busy street. This violates our policy", "moderation blocked it, try again later with other words", "内容审核未通过，请稍后重试",
        'The prompt "a busy street at rush hour" was flagged', "A busy street with nudity is not allowed",
    ],
    errors.InvalidRequest: [
        'Invalid prompt: "a busy street, please try again later"', "Invalid prompt: a busy street", "Invalid prompt: a waiter tops up a glass, top up", "Invalid value: 'insufficient balance of colours'",
        "The image's white balance is too low", "Prompt contains the words \"top up\" and \"payment required\"", 'prompt "no credits" is not supported', "invalid key frame at index 3", 'missing key "prompt" in body',
        "参数错误，请稍后再试", "参数错误：并发", "Unknown parameter: capacity", "Concurrency must be an integer", "Invalid parameter size, please try again later", "提示词不能为空，请稍后再试",
        "The prompt mentions “insufficient quota”", "Ungültiger Wert, bitte später erneut versuchen", "Format invalide, réessayez plus tard", "Formato inválido, tente novamente",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in NEIGHBOURS.items() for text in texts])
@pytest.mark.parametrize("status", [400, 422])
def test_what_only_sounds_busy_or_empty_is_refused_for_good(
    status: int, kind: type[errors.GatewayError], text: str
) -> None:
    refused = refused_create(error(text), status)
    assert (type(refused), refused.transient) == (kind, False)


#: Words of parameters, and of servers that broke.
ABOUT_INPUT = [
    "The character holds a credit card", "Image too dark, low light", "Points of the polygon are invalid", "Prompt must not mention credit cards", "The requested size exceeds the maximum",
    "More details are required", "file size exceeds limit", "Image resolution exceeds limits", "duration exceeds the limit of 15 seconds", "prompt length exceeded", "Too many images",
    "Too many characters", "model not found", "unknown model", "The model does not support this size", "orientation must be portrait or landscape", "参数错误", "不支持的尺寸", "图片尺寸超限", "图片大小超过限制",
    "提示词超过长度限制", "图片数量超过上限", "时长超出范围", "请求参数错误", "请求格式错误", "模型不存在", "图片下载失败", "图片链接无效", "画像サイズが上限を超えています", "無効なパラメータ", "이미지 크기 초과", "잘못된 요청", "Parámetro inválido", "Tamaño no soportado",
    "Parâmetro inválido", "Ungültiger Parameter", "Paramètre invalide", "Неверный параметр", "размер превышает лимит", "Bild ist zu groß", "image url cannot be fetched", "cannot decode image",
    "seconds must be one of 4, 8, 12", "Insufficient resolution", "low quality image", "Invalid token in prompt template", "The file is empty", "Prompt is empty",
    "images: list is full of nulls", "no such option", "account not allowed to use this model", "Reference image not found", "prompt contains only whitespace",
]  # fmt: skip
BROKEN = [
    "ディスクがいっぱいです", "磁盘容量不足", "connection pool exhausted", "server address already in use", "three data points are required", "points over the edge", "디스크가 가득 찼습니다", "Something failed",
    "internal error 0x12", "failed to process the image", "null pointer", "index out of range", "error while saving to database", "unexpected error in worker 3", "model crashed",
    "generation failed", "the pipeline exited with code 1", "KeyError: 'balance'", "failed to load credits.json", "could not write to bucket", "job failed", "cannot allocate memory",
    "disk full", "undefined is not a function", "points array missing", "webhook failed", "数据库错误", "内部错误", "未知错误", "生成失败", "服务器内部错误", "サーバー内部エラー", "서버 내부 오류", "Внутренняя ошибка",
    "Interner Fehler", "Erreur interne", "Error interno", "Erro interno", "file is empty", "more than one result", "no result", "no video was produced", "no output",
    "the account table is locked", "low memory", "over and out",
]  # fmt: skip


@pytest.mark.parametrize("text", ABOUT_INPUT)
def test_words_of_parameters_are_neither_busy_nor_empty(text: str) -> None:
    refused = refused_create(error(text), 400)
    assert not refused.transient
    assert not isinstance(refused, errors.InsufficientBalance)


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("status", [200, 500])
def test_a_server_that_broke_has_refused_nothing(status: int, text: str) -> None:
    assert type(refused_create(error(text), status)) is errors.SubmissionUnknown


@pytest.mark.parametrize(
    "text",
    [
        'Failed to render "a busy street at night"',
        "Unsupported format: a busy street",
        "prompt 'rate limit' failed",
        "prompt: a busy street with lots of people went wrong",
    ],
)
@pytest.mark.parametrize("status", [200, 500, 502])
def test_a_prompt_that_is_repeated_says_nothing_of_what_became_of_a_create(status: int, text: str) -> None:
    assert type(refused_create(error(text), status)) is errors.SubmissionUnknown
