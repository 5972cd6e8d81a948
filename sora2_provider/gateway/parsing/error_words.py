"""What gateways were seen to say: patterns of codes and of words, and the class of error that each means.

Tables are read top to bottom and the first hit wins. More words than these exist, and they follow the same habits. In
the patterns of words, those in Latin letters are whole words ("face" is not in "interface"), and a stem ends with ``*``.
"""

from __future__ import annotations

import re

from sora2_provider.gateway import errors
from sora2_provider.gateway.parsing.load_words import ANOTHER_RUNS, BUSY, LIMITED, NO_CHANNEL, OUTAGE, RATE
from sora2_provider.gateway.parsing.money_words import NO_MONEY
from sora2_provider.gateway.parsing.word_patterns import words

Kind = type[errors.GatewayError]

OUTAGE_CODES = re.compile(
    r"unavailable|timeout|timed_out|internal_(server_)?error|not_completed|not_ready|upstream_error|bad_gateway"
)

CODES: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            errors.RateLimited,
            r"rate_?limit|too_many(?!_(image|token|character|pixel))|throttl|concurren(?!t_?mod|cy_(conf|exc))",
        ),
        (errors.RateLimited, r"resource_exhausted|requests_limit|queue_full"),
        (
            errors.InsufficientBalance,
            r"quota|(?<!white_)(?<!color_)balance(?!r)|billing|credit|arrear|overdue|recharge|top_?up|insufficient_?(fund|point|money)|payment",
        ),
        (errors.ContentRejected, r"moderation|content_?(policy|filter|violation|rejected|blocked|unsafe|not_allowed)"),
        (
            errors.ContentRejected,
            r"policy_?violation|sentinel|data_?inspection|safety|sensitive|prohibited|inappropriate",
        ),
        (
            errors.ContentRejected,
            r"(prompt|input|output|image|request|video|text)_?(blocked|rejected|flagged|risk)|unsafe",
        ),
        (
            errors.ContentRejected,
            r"guardrail|copyright|real_?person|public_?figure|celebrit|likeness|nsfw|risk_?control",
        ),
        (errors.ContentRejected, r"disallowed_(content|word|topic)|(?<![a-z])faces?(?![a-z])|privacyinformation"),
        (errors.ContentRejected, r"(cameo|character)_(permission|not|access|denied|forbidden|private|blocked)|^451$"),
        (errors.AuthenticationError, r"api_?key|invalid_(access_)?token|token_(expired|invalid|disabled)"),
        (errors.AuthenticationError, r"unauthori[sz]ed|authentication|invalid_authorization"),
        (
            errors.VideoNotFound,
            r"(task|video|generation|job|record)_?(id_)?(not_?(exist|found)|does_not_exist|missing)",
        ),
        (errors.VideoNotFound, r"task_expired"),
        (errors.PermissionDenied, r"permission|forbidden|access_denied|not_allowed|model_(access|denied)"),
        (
            errors.GatewayUnavailable,
            r"saturat|overload|channel|do_request_failed|capacity|busy|no_(available|deployment)",
        ),
        (errors.InvalidRequest, r"build_request_failed|parameter|(?<!response_)validation|bad_request"),
        (errors.InvalidRequest, r"too_(long|large|short|small|many)"),
        (
            errors.InvalidRequest,
            r"^(?!.*(_error$|exception|fail|response|status|gateway|upstream|server|reason))"
            r"(invalid|missing|unsupported|unknown|illegal|bad)_",
        ),
    )
)

#: What only sounds like one of the words below.
NO_REASONS = words(
    r"(?:retry|cache|caching|cors|routing|iam|rate[ -]?limit(?:ing)?|backoff|eviction|network|security) polic(?:y|ies)",
    r"(?:talk|speak|contact|reach|write)(?: out)?(?: to| with)? a real (?:person|human)|hugging ?face|unsafe legacy*|unsafe url",
    r"case[ -](?:in)?sensitive|sensitive to|violat* (?:of )?(?:\w+ ){0,3}constraint*|"
    r"(?:constraint|access|segmentation|integrity|unique|key|protocol|schema|sharing) (?:constraint )?violat*",
    r"copyright ?(?:©|\(c\)|\d{4})|disallowed (?:host|method|origin|field|parameter)|(?:not|n't) busy",
    r"(?:database|sqlite|db|redis|device|file|disk)[ _](?:is )?busy",
    r"(?:moderation|safety|content[ _]filter)(?:[ _]\w+)?[ _](?:service|api|server|endpoint|backend)s?"
    r"(?:[ _](?:is|was|request))?[ _](?:unavailable|down|error|fail*|tim*|overloaded|busy|unreachable)",
    r"(?:moderation|safety)(?:[ _](?:check|review))?[ _](?:timeout|timed out|unavailable)",
    r"(?:colou?r|white|tonal|tone|light|audio|sound|visual)s?[ _]balanc*|balance (?:of|between) (?:the )?(?:\w+ )?(?:colou?r|light|tone|shadow|element)*",
    r"blocked by (?:an? |the |our )?(?:\w+ ){0,3}(?:firewall|waf|cloudflare|akamai|imperva|sucuri)",
    r"(?:opening|closing|end|ending|film|movie|rolling|final) credits|(?:increase|raise|higher|lift)(?: \w+){0,3} limits?[^.]{0,60}",
    other="(?:色彩|颜色|白|光影|画面)平衡|版[权權]所有|(?:配置|设置|設置|操作)不[当當]|"
    "(?:审核|審核|安全检测|安全檢測|风控|風控|审查)(?:服务|服務|系统|系統|接口)?(?:超时|超時|异常|異常|不可用|繁忙|失败)",
)
_CONTENT = words(
    r"\w{0,30}moderation|(?:content|usage|safety|community|platform|openai'?s?|google'?s?|our) (?:usage |content )?polic(?:y|ies)",
    r"polic(?:y|ies) (?:violat*|check|filter|restrict*|reasons?)|(?:against|due to|by|under)(?: \w+){0,3} polic(?:y|ies)",
    r"community guidelines|content (?:safety|filter*|rules?)|safety (?:review|system|filter*|guidelines?|reasons?)|nsfw|sexual*",
    r"porn*|nud(?:e|ity)|violen(?:ce|t)|gore|hate(?:ful)? (?:speech|content)|child abuse|prohibited|guardrail*|violat*|unsafe",
    r"forbidden (?:content|words?|topics?)|inappropriate*|offensive|harmful|flagged|copyright*|trademark*|sensitive",
    r"(?:video|content|prompt|image|input|output|result)s? (?:was |were |is |has been )?(?:blocked|rejected|refused|filtered|censored)",
    r"by safety|responsible ai|rai|(?:explicit|adult|hateful|political|branded) content|self-?harm|terroris*|deep ?fakes?|impersonat*",
    r"(?:contain*|depict*|show*) (?:an? )?(?:minors?|child*|weapons?)|(?:people|humans?|persons?)(?: \w+){0,4} not (?:supported|allowed)",
    r"intellectual property|similarity to third*|(?:in|out)put_blocked|sentinel_block|request blocked|portrait rights?",
    r"disallowed (?:content|words?|terms?|topics?|material|images?|prompt|subject)|didn't look right with your request",
    r"(?:content|prompt|image|text|topic|word)s? (?:is |are |was )?(?:disallowed|not (?:allowed|permitted)|banned)",
    r"(?:real|actual|living|identifiable|photo-?realistic) (?:persons?|people|humans?|individuals?|child*|minors?)",
    r"public figures?|celebrit*|likeness*|facial \w+|(?:biz_?code|code|status|http|error)\W{0,3}451|unavailable for legal reasons",
    r"(?:human|real|recogni[sz]able|identifiable|visible|photo-?realistic|detect*|contain*|with|without|persons?|people'?s?|clear)"
    r"(?: an?| any| the| real| human| person's){0,3} faces?",
    r"faces? (?:of (?:an? |real |the )?(?:human*|people|persons?|minors?|child*|celebrit*)|(?:was |were |is |are )?detected)",
    r"faces? (?:are |is )?not (?:allowed|supported|permitted)|(?:may |can)?not(?: \w+){0,6} cameos?|cameos?(?: \w+){0,3} (?:not|private)",
    r"nutzungsbedingungen|contenu non autorisée?|contenido no permitido|inhaltsrichtlinie*|richtlinien?|unangemessen*|urheberrecht*|verstößt|echte personen|gesichter|inappropri[ée]*",
    r"droits? d'auteur|enfrein*|politique (?:de contenu|d'utilisation)|contraire à|personnes? réelles?|visages?|inapropiad*",
    r"derechos de autor|infring*|viola (?:la|el|las|los|nuestr*)|personas? reales?|rostros?|inadequad*|direitos autorais",
    r"pol[íi]ticas? de (?:contenido|uso|conteúdo)|pessoas? reais",
    other="[审審](?:核|查)|[违違](?:规|規|禁|法)|[违違]反.{0,10}(?:规定|規定|规范|政策|法律|法规|准则|规则|条款|协议)|敏感|真人|人[脸臉]|面部|禁[词詞]|禁用词|屏蔽词|"
    "(?<![参參][数數])不[当當]|不合[规規]|不良(?:信息|内容|資訊)|非法(?:内容|內容)|不允许的内容|法律法规|不雅|辱骂|暴恐|版[权權]|侵[权權]|肖像|安全[检檢][测測]|[内內]容安全|[风風]控|色情|低俗|暴力|血腥|"
    "涉[黄黃政恐暴]|政治|未成年|名人|公[众眾]人物|不適切|著作権|肖像権|実在(?:の|する)人物|ポリシー.{0,4}違反|コンテンツポリシー|ガイドライン.{0,6}違反|著作物|規約|有害|モデレーション|顔|"
    "禁止(?:されて|コンテンツ|ワード)|부적절|저작권|초상권|정책.{0,4}위반|콘텐츠 정책|안전 정책|가이드라인.{0,6}위반|선정적|성인|폭력|(?:실존|실제) 인물|얼굴|유해|금지된|модераци|насили|сексуальн|неприемлем|недопустим|"
    "авторск|запрещ[её]нн|наруша|нарушени|политик.{0,12}(?:контент|использован)|реальн\\w+ (?:людей|человека)|лица человека",
)
_KEY = words(
    # Not a key frame, nor a key of a JSON object.
    r"(?:invalid|incorrect|wrong|expired|missing|bad|revoked|disabled) (?:x-)?(?:api[ _-]?)?(?:key|token)s?(?![ -]?(?:frame|point|pair|color|colour)s?| ?['\"‘“:`]|\s{1,4}in )",
    r"unauthori[sz]ed",
    r"(?:api[ _-]?key|token) (?:is |was |has )?(?:been )?(?:invalid|incorrect|expired|missing|revoked|disabled|not (?:valid|found))",
    r"no (?:api[ _-]?key|token) (?:was )?provided|not logged in|authentication (?:is )?(?:failed|required|error)",
    other="无效的(?:令牌|密钥)|令牌(?:已过期|已禁用|无效)|密钥(?:无效|错误)|未提供令牌|認証|인증|неверный (?:ключ|токен)",
)
_MISSING = words(
    r"(?:task|video)[ _](?:was )?(?:is )?not[ _](?:exist|found)|(?:no such|unknown) (?:task|video)",
    r"(?:task|video) .{0,80}does not exist",
    other="任[务務]不存在",
)
_PARAMETER = words(
    r"is required|must be (?:one of|an?)|(?<!took )(?<!takes )(?<!taking )(?<!taken )too (?:long|large)(?! to )",
    r"(?:invalid|unsupported|unknown) (?:parameter|argument|image|prompt|size|duration|model|value)s?|failed to parse multipart form",
    r"model .{0,80}(?:does not exist|not found)",
    other="参数|參數|模型不存在|パラメータ|매개변수|параметр",
)
#: The same in words that a server which broke can say, too: they only take the meaning from what comes after them.
_BAD_REQUEST = words(
    r"(?:invalid|unsupported|unknown|missing|illegal|wrong|incorrect|bad|malformed) (?:\w+ )?(?:parameter|argument|image|prompt|size|duration|model|value|"
    r"format|resolution|orientation|aspect ratio|field|json|body|url|type)s?|must be \w+|field required|out of range|cannot be (?:empty|blank)|"
    r"only supports?|not supported|ungültig*|invalides?|inválid[oa]s?|non valid[oa]",
    other="不支持|不能为空|格式(?:错误|不正确)|无法识别|無効な|サポートされて|유효하지 않|지원하지 않|지원되지 않|неверн\\w+ (?:параметр|формат|значени)|недопустимое значение",
)
WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (errors.GatewayUnavailable, NO_CHANNEL),
    (errors.RateLimited, RATE),
    (errors.InsufficientBalance, NO_MONEY),
    (errors.ContentRejected, _CONTENT),
    (errors.GatewayUnavailable, BUSY),
    (errors.RateLimited, LIMITED),
    (errors.RateLimited, ANOTHER_RUNS),
    (errors.GatewayUnavailable, OUTAGE),
    (errors.AuthenticationError, _KEY),
    (
        errors.PermissionDenied,
        words(r"not allowed to|permission denied|no permission|access denied", other="[无無][权權]|[没沒]有[权權]限"),
    ),
    (errors.InvalidRequest, words(r"invalid url")),
    (errors.VideoNotFound, _MISSING),
    (errors.InvalidRequest, _PARAMETER),
)
#: Words that mean nothing where one of the others was said before them: "Invalid prompt: a busy street".
AFTER: dict[re.Pattern[str], tuple[re.Pattern[str], ...]] = {
    NO_MONEY: (_CONTENT, _PARAMETER, _BAD_REQUEST),
    **dict.fromkeys((BUSY, LIMITED, ANOTHER_RUNS, OUTAGE), (_PARAMETER, _BAD_REQUEST)),
}
#: What of these does not say that a create was refused.
NO_REFUSALS = (ANOTHER_RUNS, OUTAGE, _MISSING)

#: Codes that only repeat an HTTP status: words of money, moderation and load say more.
STATUS_NAMES = re.compile(
    r"(bad|invalid)_?request(_?error)?|forbidden(_?error)?|(unauthori[sz]ed|access_?denied|permission_?denied|authentication|permission)(_?error)?|"
    r"too_?many_?requests"
)

#: The key that an upstream refuses is the gateway's own.
UPSTREAMS_KEY = words(
    r"upstream[^.]{0,60}(?:40[13]|unauthori[sz]ed|forbidden|api[ _-]?key|invalid key|credential*|authenticat*)",
    r"(?:40[13]|unauthori[sz]ed|forbidden|api[ _-]?key|credential*|authentication)[^.]{0,40} (?:upstream|provider)(?:'s)?",
    r"bad response status code 40[13]|(?:provider|channel|vendor)(?:'s)? (?:returned|answered|responded|said|error)[^.]{0,30} 40[13]",
    r"(?:provider|channel|vendor)(?:'s)? (?:api[ _-]?)?key",
    other="(?:上游|渠道|[供提][应供]商|アップストリーム|업스트림|апстрим)[^。]{0,20}(?:40[13]|鉴权|[认認][证證証]|密[钥鑰]|未授[权權]|令牌|api ?key|인증|ключ|авториз)",
)

#: What repeats a prompt: in quotes, but for what somebody is quoted to have said, or behind its name.
_QUOTED = r"\"[^\"\n]{3,1000}\"|“[^”\n]{3,1000}”|「[^」\n]{3,1000}」|『[^』\n]{3,1000}』|«[^»\n]{3,1000}»|(?<!\w)['‘][^\n]{3,300}?['’](?!\w)"
_SAID = r"(?:message|msg|error|reason|sa(?:id|ys)|returned|answered|detail|response|upstream|because)s?"
_NAMED = r"['\"](?!(?:prompt|input|text)['\"])\w{1,30}['\"]\s?:\s?"
ECHO = re.compile(
    rf"(?P<said>{_NAMED}(?:{_QUOTED})?|\b{_SAID}\W{{0,4}}(?:{_QUOTED}))|{_QUOTED}|"
    r"\b(?P<label>prompt|text|input)\s?[:=]\s?(?=(?:\S+ ){5})(?![^.\n]*\b(?:must|required|invalid|not|too)\b)[^.\n]*",
    re.I,
)
