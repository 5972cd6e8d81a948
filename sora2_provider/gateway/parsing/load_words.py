"""What is said by a gateway that has too much to do, or lets nobody do too much, in many languages."""

from __future__ import annotations

from sora2_provider.gateway.parsing.word_patterns import near, words

NO_CHANNEL = words(
    r"no (?:available|free|idle|healthy|usable) (?:channel|token|account|gpu|worker|deployment|upstream|node|provider|slot|server|resource|cookie|session|capacit)\w{0,3}",
    r"no (?:\w+ ){0,2}(?:channel|account|gpu|worker|provider|node|slot|server|resource|instance)s? (?:is |are )?(?:currently )?(?:available|free)",
    r"(?:aucune?|ning[úu]n\w?|nenhuma?|nessuna?|keine?) (?:canal|compte|cuenta|conta|account|kanal|konto|server|servidor|serveur)e?s? (?:disponibles?|disponível|verfügbar|libres?|frei)",
    other="[无無](?:可用|空闲)|[没沒]有可用|暂无可用|нет (?:доступных|свободных)",
)
RATE = words(
    r"(?:requests?|tokens|queries|images|videos|calls|limit) (?:per|/) ?(?:sec(?:ond)?|min(?:ute)?|hour|day)|rpm|qps|rps|tpm"
)

_FULL = r"(?:llen[oa]|chei[oa]|pleine?|voll|satur[ée]\w*|saturad[oa]|ocupad[oa]|occupée?|beschäftigt)"
BUSY = words(
    r"over-?load*|overwhelmed|busy|saturated|congest*|(?:at|over|out of|no|insufficient|exceed*|lack of) (?:\w+ )?capacity|(?:high|heavy) (?:\w+ )?(?:demand|load|traffic|usage)",
    r"capacity (?:exceeded|reached|limit*|full|constraint*|shortage|exhausted)|(?:reached|hit)(?: \w+){0,2} capacity|full queue|\Acapacity\W{0,3}\Z|out of (?:gpu|resource|worker)s?|max(?:imum)? queue",
    r"(?:queue|waiting list|(?<!connection )(?<!thread )(?<!db )(?<!database )pool)s?(?: \w+){0,2} (?:full|too long|exhausted|exceeded|overflow|reached)|pool (?:is )?empty|queue overflow",
    r"(?:slot|gpu|worker|account|token|channel)s?(?: \w+){0,2} (?:occupied|in use|exhausted)|no (?:gpu|channel|worker|slot|deployment|healthy upstream)s?",
    r"resources? (?:has been |is |are )?exhausted|ocupad[oa]|occupée?|saturad[oa]|saturée?|lotad[oa]|model [^.]{0,40}(?:unavailable|not available)",
    r"überlastet|ausgelastet|hohe (?:auslastung|nachfrage|last)|kapazität* (?:ist )?(?:erreicht|erschöpft)|surcharg[ée]*|sobrecarg\w+|sobrecarregad*|sovraccaric*",
    r"sin capacidad|sem capacidade|capacit[ée] (?:\w+ )?(?:atteinte|dépassée|insuffisante)|(?:alta|gran|forte|grande) (?:demanda|demande)|demanda alta",
    rf"(?:cola|fila|file|queue|sistema|servidor|serveur|système|server|warteschlange)(?: [^\s.]+){{0,2}} {_FULL}",
    other="[饱飽]和|[过過][载載]|超[载載]|繁忙|忙碌|正忙|(?:服务|服务器|系统|系統|当前)[太很较]?忙|[拥擁][挤擠堵]|高峰|(?:人[数數]|任[务務]|用[户戶])[过過太较較][多]|"
    "[队隊]列.{0,4}[满滿]|排[队隊].{0,6}(?:[过過太较較很][多长長]|已[满滿])|[爆][满滿]|[压壓]力[过過太]?大|(?:(?<![磁硬][盘盤碟])(?<!存储)容量|人[数數]|[资資]源).{0,3}[已][满滿]|"
    "(?:[账賬帐][号號户]|[号號]|渠道|通道|服[务務]器?|[节節][点點])池?.{0,4}(?:[已爆][满滿]|[满滿][载載]|堵塞|[为為]空)|(?:(?<![磁硬][盘盤碟])(?<!存储)容量|[资資]源)(?:不足|紧[张缺]|緊[張缺]|耗尽)|"
    "算力(?:不足|紧张)|[负負][载載]|流量[过過]大|服务降级|熔断|请求上游地址失败|混雑|混み合|アクセスが?集中|過負荷|負荷が|ビジー|(?:キュー|サーバー?|待ち|枠).{0,6}いっぱい|(?:リクエスト|アクセス)過多|혼잡|부하|바쁩|바빠|트래픽|(?:대기열|서버).{0,6}가득|"
    "(?:사용량|접속자|요청)[이가]? 많|перегружен|занят|очеред.{0,12}заполнен|переполнен|"
    f"{near('нагрузк', 'высок', '.{0,14}')}",
)

#: What may be said of the very task that a lost answer has begun: it does not say that a create was refused.
ANOTHER_RUNS = words(
    r"(?:task|job|generation|video) is already (?:running|in progress)|(?:wait|hold on) (?:until|for) (?:\w+ ){0,3}(?:previous|current|running|other|generation|task|job)\w{0,3}",
    other="[已还還]有.{0,6}任[务務]|[您你]有任[务務]|[上前]一?[个個]任[务務]|等待.{0,8}任[务務]",
)
_TOO_MANY = r"(?:too many|zu viele|trop de|demasiad[oa]s|muit[oa]s|excesso de|troppe|exceso de)"
_OF_WORK = (
    r"(?:requests?|tasks?|jobs?|users?|people|videos|generations|anfragen|aufgaben|requêtes|demandes|tâches|solicitudes|peticiones|tareas|"
    r"solicitações|requisições|pedidos|tarefas|richieste)"
)
LIMITED = words(
    r"rate[ -]?limit*|rate (?:is |was )?exceeded|slow down|throttl*|requests? limit|frequency (?:limit|exceeded)|rate (?:is )?too high|tasks? at the same time|zu schnell|too (?:quickly|fast|frequent(?:ly)?)",
    rf"{_TOO_MANY} (?:\w+ )?{_OF_WORK}|too many concurrent \w+|only \d+ (?:concurrent|simultaneous|parallel) \w+",
    r"concurren(?:cy|t)(?: \w+)? (?:limit*|exceed*|quota|reached|full)|(?:tasks|jobs|videos|generations)(?: \w+)? in progress",
    r"(?:task|job|request|generation|queue)s? (?:limit|quota) (?:has been |was |is )?(?:reached|exceeded)|limit of \d+ (?:concurrent|simultaneous|parallel|active|running) \w+",
    r"(?:another|previous|pending) (?:task|job|video|generation|request)s?|max(?:imum)? (?:number of )?(?:concurren\w+|active|running|simultaneous|parallel|pending) \w+",
    r"(?:already|currently) (?:have|has|running|processing)[^.]{0,30} (?:tasks?|jobs?|videos?|generations?|requests?)|(?:simultaneous|parallel) (?:\w+ )?limit",
    r"(?:raten|anfrage)(?:limit|begrenzung)*|l[íi]mite de (?:velocidad|tasa|taxa|solicit*|requisi*|petici*|tareas|tarefas|concurren*|concorr*|débit|requêtes)",
    other="(?:请求|請求|操作|访问|调用)(?:次数|速率|数量?|量)?.{0,4}(?:频繁|頻繁|[过過太][多快]|超限)|[频頻]率|限流|限速|限频|速率(?:限制|超限)|[并並][发發]|同[时時].{0,8}(?:任[务務]|请求)|"
    "进行中的任务|任[务務][数數]?量?.{0,4}(?:上限|超限|已满)|レート制限|同時実行|リクエスト.{0,6}(?:多すぎ|上限|制限)|同時.{0,8}上限|요청.{0,6}(?:너무 많|한도|초과)|동시.{0,6}(?:한도|제한|초과)|속도 제한|"
    "слишком (?:много|част)|одновременн|превышен.{0,12} лимит|превышен лимит|(?:лимит|превышен).{0,12} запрос",
)

#: A server that cannot help now: it does not say what became of a create.
OUTAGE = words(
    r"try (?:\w+ ){0,3}again (?:later|shortly|soon|in|after)|try (?:\w+ ){0,2}later|come back later|(?:wait|hold on) and (?:re)?try|temporarily",
    r"retry (?:\w+ )?(?:later|after|in|shortly)|please retry(?=\W{0,5}\Z)|(?:service|currently|is) unavailable|not completed yet|not ready(?: yet)?",
    r"vorübergehend|(?:es |noch einmal )?später (?:erneut|noch|wieder)|es später|réessay*|plus tard|temporairement|momentanément|más tarde|mais tarde|"
    r"temporal?mente|temporariamente|tente (?:novamente|de novo)|più tardi|indisponib*",
    other="稍[后後候]|请重试|暂时(?:无法|不可|不能)|暫時(?:無法|不可)|暂不可用|服务不可用|しばらく|後ほど|後でもう|時間をおいて|利用できません|잠시 후|나중에|"
    "попробуйте.{0,10}позже|повторите.{0,20}позже|временно|недоступ",
)
