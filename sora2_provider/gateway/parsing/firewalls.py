"""Firewalls in front of a gateway: they refuse a machine before the gateway sees the call, and judge no key. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sora2_provider.gateway.parsing.fields import clean
from sora2_provider.gateway.parsing.word_patterns import words

TO_DO = (
    "Ask the gateway's operator to allow the addresses of your workers and of the triggerer and the User-Agent "
    "airflow-provider-sora2, and name the request id, if one stands above; or try from another network."
)

#: Statuses of answers that mean something else, whoever gives them.
_NOT_FOR_FIREWALLS = (404, 408, 410, 429, 451, 499)
#: Tencent's own.
_EDGEONES = (566, 567)
#: Under these a challenge comes in place of an answer, too.
_CHALLENGES = (200, 202, 503)
_SEARCHED = 8_192
#: Characters at the beginning of such a page: a web site may speak of firewalls further down.
_HEADLINE = 300

#: What only a firewall says.
_CERTAIN = words(
    r"error (?:code:? ?)?(?:100[5-9]|101[0-3]|1020|1106)|just a moment\W{0,3}|attention required|checking (?:if the site connection|your browser)",
    r"verify (?:that )?you are (?:a )?(?:human|not a robot)|(?:you|your ip(?: address)?) (?:have|has) been (?:blocked|banned|blacklisted)",
    r"ip(?: address)? (?:[\d.:a-f]+ )?(?:is |was |has been )?(?:blocked|banned|blacklisted)|banned your \w+|incapsula|pardon our interruption|ddos protection",
    r"(?:block|den[iy]|reject|refus|stopp|intercept|forbid|deni)\w{0,6}(?: \w+){0,3} (?:by|at|from|through)(?: [\w']+){0,4} (?:waf|firewall|cloudflare|akamai|imperva|sucuri|mod_?security)",
    r"(?:waf|firewall)(?: \w+){0,2} (?:block|den[iy]|reject|refus|intercept|polic|rule)\w{0,6}|request could not be satisfied|mod_?security",
    r"this request (?:is|was|has been) blocked|requested url was rejected",
    other="(?:[访訪][问問]|[请請]求).{0,10}(?:阻断|阻斷|[拦攔]截)|(?:被|触发|觸發).{0,10}(?:防火[墙牆]|waf)|防火[墙牆].{0,6}(?:[拦攔]截|阻[断斷]|拒[绝絕]|[规規][则則])|"
    "安全(?:防护|防護).{0,6}(?:[拦攔]截|阻[断斷])|ip.{0,6}(?:已?被)?(?:封禁|拉黑|封[锁鎖]|禁止)|"
    "アクセス.{0,6}(?:ブロック|遮断)|접근.{0,6}차단|доступ.{0,12}заблокирован|zugriff[^.]{0,20}(?:gesperrt|blockiert)|"
    "acc[eè]so? (?:est[áa] )?bloque\\w+|accès (?:est )?bloqué|acesso (?:foi )?bloqueado",
)
#: What a page of one says.
_ON_A_PAGE = words(
    r"waf|firewall|cloudflare|captcha|akamai|imperva|sucuri|errors\.edgesuite|(?:request|access) (?:is |was )?(?:blocked|denied)|not acceptable",
    r"request unsuccessful|security (?:policy|rules?|service|check)",
    other="[访訪][问問].{0,8}(?:阻[断斷]|[拦攔]截|拒[绝絕]|禁止)|防火[墙牆]|[拦攔]截|安全(?:防护|防護|策略|验证|驗證)|アクセス.{0,6}拒否",
)
_IN_JSON = re.compile(
    rb"developers\.cloudflare\.com|\"(?:cloudflare\w*|(?:cf[-_]?)?ray[-_]?id|cf[-_]ray)\"\s*:(?!\s*(?:false|null|\"\"))"
)
_CLOUDFLARES_CODE = re.compile(r"100[5-9]|101[0-3]|1020|1106")
_DENIED = re.compile(r"denied|banned|blocked|restrict|forbidden|signature|拒绝|禁止|\A[\s\d]*\Z", re.I)
_REFERENCE = re.compile(
    r"(?:ray ?id|reference|incident id|event id|support id|trace ?id|eo-log-uuid|request id)(?:\W|is){0,5}([\w.-]{6,60})",
    re.I,
)
#: Headers that only a firewall sets, with what stands in them.
_HEADERS = {
    "cf-mitigated": "",
    "x-amzn-waf-action": "",
    "x-sucuri-block": "",
    "x-amzn-errortype": r"forbidden|waf",
}
#: Who it is, by what stands in the headers and the text.
_NAMES = {
    "Cloudflare": r"cloudflare|cf-mitigated|cf-ray|error code:? 1\d{3}\b|just a moment|you have been blocked",
    "Alibaba Cloud": r"aliyun|alicdn|alibaba|tengine|您的访问被阻断",
    "AWS": r"x-amzn|awselb|cloudfront|aws",
    "Akamai": r"akamai|edgesuite",
    "Imperva": r"imperva|incapsula|x-iinfo",
    "Tencent EdgeOne": r"edgeone|eo-log-uuid|tencent|腾讯云",
    "Sucuri": r"sucuri",
    "ModSecurity": r"mod_?security",
    "nginx": r"nginx",
}


@dataclass(frozen=True)
class Firewall:
    """A firewall's refusal.

    :param name: whose firewall it is; empty where that is not known.
    :param said: its own words.
    :param reference: by which its operator finds the call.
    """

    name: str
    said: str
    reference: str

    def message(self, before: str) -> str:
        """Return the message for people.

        :param before: in front of what it stands.
        """
        named = f" ({self.name})" if self.name else ""
        said = f': "{self.said}"' if self.said else ""
        return (
            f"A firewall in front of {before}{named} refuses this machine, its address or its User-Agent, and not the key; the call "
            f"did not get through, and nothing was paid for it{said}"
        )


def find_firewall(
    status: int, headers: Mapping[str, str], text: str, *, page: bool, said: str, code: str | None, body: bytes
) -> Firewall | None:
    """Return the firewall that has answered; ``None`` where none has.

    :param headers: with names in lower case.
    :param text: all words of a page, or those of an error in JSON that can be its reason.
    :param page: whether the answer is no JSON.
    :param said: what of it is shown to people.
    :param code: of an error in JSON.
    """
    text = text[:_SEARCHED]
    is_refusal = (400 <= status < 500 and status not in _NOT_FOR_FIREWALLS) or status in _EDGEONES
    is_challenge = page and status in _CHALLENGES
    if not (is_refusal or is_challenge):
        return None
    is_told = _CERTAIN.search(text if is_refusal else text[:_HEADLINE]) is not None or _is_in(headers)
    if is_refusal and not is_told:
        is_told = _is_on_page(status, text) if page else _is_in_json(status, code, text, body)
    if not is_told:
        return None
    # What is behind a firewall may answer, too: the page itself says more than the headers.
    page_says = f"error code: {code} {text} {body[:_SEARCHED].decode('utf-8', 'replace')}"
    name = _named_in(page_says) or _named_in(" ".join([*headers, headers.get("server", "")]))
    reference = _REFERENCE.search(text)
    return Firewall(name, said, clean(headers.get("eo-log-uuid") or (reference[1] if reference else ""))[:100])


def _named_in(text: str) -> str:
    return next((name for name, pattern in _NAMES.items() if re.search(pattern, text, re.I)), "")


def _is_in(headers: Mapping[str, str]) -> bool:
    return any(re.search(pattern, headers[name], re.I) for name, pattern in _HEADERS.items() if name in headers)


def _is_on_page(status: int, text: str) -> bool:
    return (status == 403 and bool(text)) or _ON_A_PAGE.search(text) is not None


def _is_in_json(status: int, code: str | None, text: str, body: bytes) -> bool:
    # Other gateways have codes of these numbers, too.
    is_code = status == 403 and _CLOUDFLARES_CODE.fullmatch(code or "") is not None
    return (is_code and _DENIED.search(text) is not None) or _IN_JSON.search(body[:_SEARCHED]) is not None
