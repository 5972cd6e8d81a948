"""What gateways were seen to say: patterns of codes and of words, and the class of error that each means.

Tables are read top to bottom and the first hit wins. More words than these exist, and they follow the same habits. In
the patterns of words, those in Latin letters are whole words ("face" is not in "interface"), and a stem ends with ``*``.
"""

from __future__ import annotations

import re

from sora2_provider.gateway import errors

Kind = type[errors.GatewayError]
_LETTER = "a-zà-ÿ"


def words(*latin: str, other: str = "") -> re.Pattern[str]:
    """Return a pattern of alternatives: words in Latin letters, and parts of texts in other scripts."""
    whole = "|".join(latin).replace("*", f"[{_LETTER}]{{0,20}}")
    return re.compile(f"(?<![{_LETTER}])(?:{whole})(?![{_LETTER}])" + (f"|{other}" if other else ""), re.I)


#: The answer to a create, or the way to it, was lost, or the work goes on: the outcome is unknown, whatever else is said.
LOST = words(
    r"tim(?:ed?|ing)[ _-]?outs?|\w{0,30}timeout*|deadline[ _]exceeded|e(?:conn(?:reset|aborted)|timedout|sockettimedout|pipe)",
    r"(?:connection|stream|channel|session|socket|peer|remote end|upstream|server)[^.]{0,40} "
    r"(?:reset|closed?|closing|abort*|terminat*|lost|dropped|broken?|interrupted|hung up)",
    r"connect(?:ion)? (?:error|fail*)|(?:api_?)?connection_?(?:reset|aborted)?_?error|reset|unexpectedly closed|use of closed",
    r"closed (?:by|before|without|unexpectedly|the|connection)|web ?sockets?|sockets?|hang[ -]?ups?|hung up|broken[ _]pipe",
    r"(?:unexpected)?eof(?:error)?|(?:server|remote)?disconnect*|incompleteread|chunkedencodingerror|remoteprotocolerror",
    r"(?:took|takes|taking|taken) (?:too long|longer)|too long to \w+|response[ _]time*[ _](?:exceed*|too)",
    r"still (?:being )?(?:process*|running|generating|rendering|working|pending|in progress|queued|waiting)|in the background",
    r"(?:is|are) (?:\w+ )?(?:in progress|being (?:processed|generated|created|rendered))",
    r"(?:has been|was|is|successfully) (?:submitted|accepted|queued|created)|(?:submitted|created|queued) successfully",
    r"(?:no|without(?: an?)?|empty|invalid|unexpected|unreadable|incomplete|malformed|truncated)[ _](?:or[ _]\w+[ _])?"
    r"(?:response|reply|answer)",
    r"(?:did(?:n't| not)|does(?:n't| not)|failed to|not) (?:respond*|answer*|reply*)|unresponsive|stopped responding",
    r"\w{0,30}unmarshal\w{0,30}|read[ _]response[ _]body\w{0,20}|expecting value|looking for beginning of value|not valid json",
    r"(?:decod|pars|read)(?:e|ing|ed)? (?:the |upstream )?(?:response|reply|answer|body)|unexpected (?:token|end of)",
    r"json ?decode ?error|(?:context|request|operation|call) (?:was )?(?:cancel*|aborted)|aborted|premature*|stream error|fetch failed",
    r"network (?:error|failure|problem)|received from peer",
    # The work was taken on, and waits.
    r"(?:added|put|placed|moved|entered|pushed) (?:\w+ ){0,2}(?:in|into|to|on|onto) (?:\w+ ){0,2}(?:queue|waiting list)|waiting in line",
    r"(?:job|task|request|video|generation|order) (?:\w+ )?(?:accepted|received|queued|created|submitted|enqueued|scheduled|continues)",
    r"will (?:\w+ )?(?:take(?: \w+){0,4} longer|start|begin|continue|be (?:processed|generated|rendered|ready|sent|notified))",
    r"(?:not|n't) (?:confirm|verify|determine) (?:your|the|whether|if)|(?:under|waiting for|awaiting|pending) (?:\w+ ){0,3}(?:review|moderation)",
    # LiteLLM sends a create up to three times on its own: what it says last is not what became of the first.
    r"litellm\w{0,30}|openaiexception",
    r"in (?:die|der) warteschlange|(?:auftrag|anfrage|aufgabe)[^.]{0,20} (?:angenommen|eingereiht|erstellt|empfangen)",
    r"en cola(?! (?:está )?llena)|(?:solicitud|tarea|petici[óo]n)[^.]{0,20} (?:aceptad|recibid|cread|encolad)[ao]|na fila|"
    r"(?:solicita[çc][ãa]o|tarefa)[^.]{0,20} (?:aceit[ae]|recebid[ao]|criad[ao])|in coda",
    r"(?:en|dans la) file d'attente|(?:demande|tâche|requête)[^.]{0,20} (?:accept|reçu|cré|enregistr)[ée]*",
    r"zeitüberschreitung|zeitlimit|wird [^.]{0,30}(?:verarbeitet|bearbeitet|generiert)|in (?:bearbeitung|verarbeitung)",
    r"verbindung[^.]{0,40} (?:getrennt|unterbrochen|geschlossen|zurückgesetzt|abgebrochen|verloren|beendet)",
    r"zu lange (?:gedauert|gebraucht)|dauerte? zu lange|keine antwort|nicht geantwortet|antwortet nicht",
    r"d[ée]lai [^.]{0,25}(?:d[ée]pass*|expir*|attente)|en cours(?: de \w+)?|trop (?:de temps|longtemps)|pas r[ée]pondu",
    r"connexion[^.]{0,40} (?:r[ée]initialis*|ferm*|interrompue?|coup*|perdue?|rompue?)|(?:pas|aucune) (?:de )?r[ée]ponse",
    r"(?:tiempo|tempo) [^.]{0,20}(?:espera|agotado|excedid*|limite|esgotad*|scaduto)|agot[óo] el tiempo|en proceso|procesando",
    r"(?:conexi[óo]n|conex[ãa]o|connessione)[^.]{0,40} (?:cerr*|restablec*|interr*|perdi*|pers*|reinici*|cort*|encerr*|fech*|chius*)",
    r"(?:demasiado|troppo) (?:tiempo|tempo)|tard[óo] demasiado|(?:sin|sem) (?:respuesta|resposta)|n[ãa]?o respond\w+|processando|em processamento",
    other="超[时時]|逾[时時]|[断斷][开開线線]|中[断斷]|[处處]理中|正在(?:处理|處理|生成|排队)|仍在|排队中|已提交|已受理|已接收|已(?:创建|創建|接受|收到)|创建成功|創建成功|[审審]核中|"
    "(?:进入|進入|加入|放入).{0,4}(?:队列|隊列|排队)|耐心等[待候]|(?:自动|自動)(?:开始|開始)|(?:需要?|花费).{0,4}(?:较长|更长|更多)时间|"
    "未收到|套接字|"
    "(?:连接|連接|連線|链接).{0,12}?(?:断|斷|重置|关闭|關閉|中断|失败|失敗|异常|異常|丢失|错误|錯誤)|[耗用时時][时時间間][过過][长長]|"
    "[响響回][应應](?:过慢|太慢|为空|异常|異常)|[无無未][响響回][应應]|[没沒]有[响響回][应應]|解析.{0,6}(?:响应|返回|结果|回應).{0,4}(?:失败|失敗|错误)|"
    "读取.{0,6}(?:失败|错误)|网络(?:异常|错误|波动|中断)|網路(?:異常|錯誤)|[后後][台臺](?:处理|處理|生成|继续|运行)|"
    "タイムアウト|時間切れ|切断|処理中|生成中|ソケット|通信エラー|応答.{0,8}(?:ありません|なし|ない|遅|受信)|時間がかか|"
    "キューに.{0,4}(?:追加|入)|受け付け(?:ました|られ|済)|受付(?:済|完了)|[審审]査中|대기열에 (?:추가|등록)|접수(?:되|했|완료)|지연되고|в очередь|"
    "(?:запрос|задача|заявка).{0,12}(?:принят|создан|получен)|в очереди|"
    "接続.{0,12}(?:切|リセット|閉じ|失敗|エラー|中断|失わ)|시간.{0,4}초과|타임아웃|처리 ?중|생성 ?중|소켓|너무 오래|응답.{0,6}(?:없|않)|"
    "연결.{0,12}(?:끊|재설정|종료|닫|실패|오류|초기화)|тайм-?аут|истекл|время.{0,20}вышло|превышен.{0,12} врем|обрыв|разрыв|сокет|"
    "соединени.{0,25}(?:разорван|сброш|закрыт|прерван|потерян)|обрабатыва|в обработке|не отве[чт]|нет ответа|слишком долго",
)
#: What only sounds like one of them.
NOT_LOST = words(
    r"time-?out (?:parameter|field|value|option|setting|must|should|is (?:not )?(?:in)?valid)",
    r"(?:invalid|unknown|unsupported) time-?out|resets? (?:at|in|on|after|your|daily|time|it)",
    r"(?:quota|limit|credits?|balance|usage|window|password)s?[^.]{0,30} resets?",
)

#: A server that cannot help now: it does not say what became of a create.
_OUTAGE = words(
    r"try again (?:later|shortly|soon|in)|retry later|temporarily|service unavailable|not completed yet",
    r"später erneut|réessay*|plus tard|más tarde",
    other="稍[后後候]|请重试|しばらく|後ほど|잠시 후|나중에|попробуйте.{0,10}позже|повторите.{0,20}позже",
)
OUTAGE_CODES = re.compile(
    r"unavailable|timeout|timed_out|internal_(server_)?error|not_completed|not_ready|upstream_error|bad_gateway"
)

#: Firewalls in front of a gateway: they do not judge the key.
FIREWALL = words(
    r"waf|firewall|banned your \w+|error (?:code:? ?)?1\d{3}|just a moment|attention required|checking your browser|captcha",
    r"verify (?:that )?you are (?:a )?human|you have been blocked|request (?:is |was )?blocked|incapsula|imperva|akamai|sucuri",
    r"mod_?security|request could not be satisfied|request unsuccessful|security (?:policy|rules?|service|check)",
    other="[访訪][问問].{0,8}(?:阻断|阻斷|拦截|攔截|拒绝|拒絕|禁止)|防火[墙牆]|[拦攔]截|安全(?:防护|防護|策略|验证)|"
    "アクセス.{0,6}(?:ブロック|拒否)|접근.{0,6}차단|доступ.{0,12}заблокирован",
)

CODES: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            errors.RateLimited,
            r"rate_?limit|too_many(?!_(image|token|character|pixel))|throttl|concurren(?!t_?mod|cy_(conf|exc))",
        ),
        (errors.RateLimited, r"resource_exhausted|requests_limit|queue_full"),
        (errors.InsufficientBalance, r"quota|balance(?!r)|billing|credit|arrear|insufficient_fund|payment"),
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
    other="版[权權]所有|(?:配置|设置|設置|操作)不[当當]|"
    "(?:审核|審核|安全检测|安全檢測|风控|風控|审查)(?:服务|服務|系统|系統|接口)?(?:超时|超時|异常|異常|不可用|繁忙|失败)",
)
_NO_CHANNEL = words(
    r"no (?:available|free|idle|healthy|usable) (?:channel|token|account|gpu|worker|deployment|upstream|node|provider|slot|server)s?",
    other="[无無](?:可用|空闲)|[没沒]有可用|暂无可用",
)
_RATE = words(r"(?:requests?|tokens|queries|images|videos|calls) per (?:second|minute|hour|day)|rpm|qps|rps|tpm")
_NO_MONEY = words(
    r"quota (?:is |was )?(?:not enough|insufficient)|exceeded your current quota|payment (?:is )?required|overdue|arrears?",
    r"(?:insufficient|not enough|lack of|no|no more|out of)(?: user| account| remaining| api)? (?:quota|balance|credits?|funds?)",
    r"(?:quota|balance|credits?|funds?|wallet)(?: \w+){0,3} (?:not enough|insufficient|too low|exhausted|empty|depleted|used up|negative)",
    r"(?:low|negative|zero) balance|billing (?:hard |soft )?limit|exceeded(?: \w+){0,2} budget|budget has been exceeded",
    r"(?:spend|spending|budget|credit|usage) (?:limit|cap) (?:has been |was |is )?(?:reached|exceeded)|top[ -]?up|recharge",
    r"(?:add|purchase|buy)(?: more)? (?:funds|credits)|guthaben|solde insuffisant|cr[ée]dits? insuffisants?|saldo|insufficiente",
    r"cr[ée]ditos? insuficientes?",
    other="[额額]度(?:不足|不够|不夠|已用|用[尽盡完]|耗[尽盡])|余[额額](?:不足|不够|不夠|已)|餘額|[预預]扣[费費]|欠[费費]|[积積]分(?:不足|不够|已用)|"
    "[点點][数數](?:不足|不够)|充值|儲值|账户余额|次数(?:不足|已用)|残高|クレジット.{0,4}(?:不足|足り|残り)|잔액|크레딧.{0,6}(?:부족|없)|"
    "недостаточно (?:средств|кредит|баланс)|средства.{0,12}(?:законч|исчерп)|пополните",
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
_BUSY = words(
    r"overloaded|busy|saturated|(?:at|over|out of|no|insufficient|exceed*) (?:\w+ )?capacity|(?:high|heavy) (?:demand|load|traffic)",
    r"queue (?:is |was )?(?:full|too long)|full queue|no (?:gpu|channel|worker|slot|deployment|healthy upstream)s?|ocupado|occupé",
    r"model [^.]{0,40}(?:unavailable|not available)|überlastet|ausgelastet|surcharg[ée]*|sobrecargad*|sovraccaric*",
    other="[饱飽]和|[过過][载載]|超[载載]|繁忙|忙碌|(?:服务|服务器|系统|系統|当前)[太很较]?忙|[拥擁][挤擠]|高峰|(?:人[数數]|任[务務]|用[户戶])[过過太]多|"
    "[队隊]列.{0,4}[满滿]|排[队隊].{0,6}(?:[过過太]多|已[满滿])|[资資]源(?:不足|紧张|緊張)|算力(?:不足|紧张)|[负負][载載]|请求上游地址失败|"
    "混雑|混み合|過負荷|ビジー|혼잡|과부하|перегружен|занят",
)
_LIMITED = words(
    r"rate[ -]?limit*|too many (?:\w+ )?(?:requests?|tasks?|jobs?|users?|people|videos|generations)|slow down|throttl*",
    r"concurren(?:cy|t)(?: \w+)? (?:limit*|exceed*|quota|reached|full)|too many concurrent \w+|(?:tasks|jobs|videos|generations)(?: \w+)? in progress",
    r"(?:task|job|request|generation|queue)s? (?:limit|quota) (?:has been |was |is )?(?:reached|exceeded)",
    r"(?:another|previous|pending) (?:task|job|video|generation|request)s?|max(?:imum)? (?:number of )?(?:concurrent|active|running|simultaneous|parallel|pending) \w+|zu viele anfragen",
    r"(?:already|currently) (?:have|has|running|processing)[^.]{0,30} (?:tasks?|jobs?|videos?|generations?|requests?)",
    r"trop de requêtes|demasiadas (?:solicitudes|peticiones)|muitas solicitações|troppe richieste",
    other="(?:请求|請求|操作|访问|调用).{0,4}(?:频繁|頻繁)|[频頻]率|限流|限速|[并並][发發]|同[时時].{0,8}(?:任[务務]|请求)|进行中的任务|レート制限|同時実行|"
    "リクエスト.{0,4}(?:多すぎ|上限)|요청.{0,6}(?:너무 많|한도)|слишком много|одновременн",
)
_KEY = words(
    r"(?:invalid|incorrect|wrong|expired|missing|bad|revoked|disabled) (?:x-)?(?:api[ _-]?)?(?:key|token)s?|unauthori[sz]ed",
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
WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (errors.GatewayUnavailable, _NO_CHANNEL),
    (errors.RateLimited, _RATE),
    (errors.InsufficientBalance, _NO_MONEY),
    (errors.ContentRejected, _CONTENT),
    (errors.GatewayUnavailable, _BUSY),
    (errors.RateLimited, _LIMITED),
    (errors.GatewayUnavailable, _OUTAGE),
    (errors.AuthenticationError, _KEY),
    (
        errors.PermissionDenied,
        words(r"not allowed to|permission denied|no permission|access denied", other="[无無][权權]|[没沒]有[权權]限"),
    ),
    (errors.InvalidRequest, words(r"invalid url")),
    (errors.VideoNotFound, _MISSING),
    (errors.InvalidRequest, _PARAMETER),
)
#: What of these does not say that a create was refused.
NO_REFUSALS = (_OUTAGE, _MISSING)
