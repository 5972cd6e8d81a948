"""What is said of an account without money: what there is of money, beside what became of it, in many languages."""

from __future__ import annotations

from sora2_provider.gateway.parsing.word_patterns import near, words

_MONEY = (
    r"(?<!concurrency )(?<!concurrent )(?<!request )(?<!requests )(?<!task )(?<!job )(?<!rate )"
    r"(?:quota|balance|credits?|funds?|wallet|money|allowance|prepaid \w+)"
)
_SUM = r"[$¥￥€]?0(?:\.0+)?(?![.\d])"
_SPENT = (
    r"(?:(?:in|not )suff?icient|not enough|too low|exhausted|exceeded|empty|depleted|gone|used up|spent|negative|zero|required|running low|cannot cover|less than|below|run out|"
    rf"ran out|has ended|over|expired|consumed|(?:is |of ){_SUM})"
)
_LACK = (
    r"(?:insuff?icient|not (?:have )?(?:enough|sufficient)|(?:do|does)n't (?:\w+ )?have (?:enough|sufficient|any)|lack(?:s|ing)?(?: of)?|no|no more|"
    r"out of|low on|low|zero|negative|0|exhausted|exceed(?:s|ed)?|more|additional)"
)
_WHOSE = (
    r"(?: (?:your|the|any|user|account|api|token|remaining|available|free|prepaid|more|current|monthly|daily|\d+)){0,3}"
)
_ENGLISH = (
    rf"{_LACK}{_WHOSE} {_MONEY}",
    rf"{_MONEY}(?: [\w:-]+){{0,3}}? {_SPENT}|{_MONEY}(?: remaining| left| available)?: ?{_SUM}|{_MONEY} (?:remaining|left|available) {_SUM}",
    r"balance: ?\D?[\d.]+[,;]?(?: \w+){0,2} (?:required|needed|needs|cost)|insufficient tokens|pre-?consumed?(?: token)? quota|non-?payment",
    r"payment (?:method )?(?:is |was |has )?(?:required|needed|declined|failed|overdue)|overdue|past due|unpaid|arrears?|good standing",
    r"outstanding (?:balance|invoice|payment|amount)s?|free (?:trial|tier|usage)(?: \w+){0,3} (?:ended|over|expired|used|exhausted)",
    r"billing (?:hard |soft )?limit|billing (?:is )?(?:not active|inactive|issues?|details|disabled)|hard limit (?:has been |was |is )?reached",
    r"exceeded(?: \w+){0,2} budget|budget has been exceeded|top(?:ping)?[ -]?up|recharge|refill your|deposit (?:more )?funds|account (?:is )?in debt|account owes|(?:insufficient|not enough|no more|out of)(?: \w+)? points|points (?:are )?(?:insufficient|not enough|exhausted|used up)|account (?:is )?not active",
    r"(?:spend|spending|budget|credit|usage) (?:limit|cap) (?:has been |was |is )?(?:reached|exceeded)",
    r"(?:reached|exceeded|hit)(?: \w+){0,2} (?:spend|spending|budget|credit|usage) (?:limit|cap)",
    r"subscription (?:has |is )?(?:expired|ended|lapsed|inactive)|no (?:active )?subscription",
    r"(?:add|adding|purchase|buy|need|requires?)(?: an?| more| additional)? (?:funds|credits|payment method|billing details)",
)
_WESTERN_MONEY = (
    r"(?:cr[ée]dit[oi]?s?|solde|fond(?:o|i|s|os)|fundos|quota|cuota|cota|kredite?|kontingent|presupuesto|orçamento)"
)
_WESTERN = (
    # Words that speak of nothing else.
    r"guthaben|kontostand|saldo|aufladen|laden sie ihr konto|ausgaben(?:limit|grenze)|rec(?:arg|arreg)(?:ue|ar|a)|recharge[rz]|konto (?:ist )?überzogen",
    rf"{_WESTERN_MONEY}(?: [^\s.]+){{0,3}} (?:insuff?i[czs]\w+|suficientes?|agotad*|esgotad*|épuisée?s?|esaurit*|excedid*|superad*|dépassée?s?|acabaram|"
    r"terminad*|nulo?|nulle?|erschöpft|aufgebraucht|überschritten|verbraucht|leer)",
    r"(?:sin|sem|senza|sans|pas (?:assez )?de|plus de|keine?|nicht (?:genug|genügend)|(?:n[ãa]o|no) (?:tiene|tem|hay|há|possui|dispõe de|dispone de)|ajoute[rz]?(?: des)?|"
    rf"agregu?e|añad[ae]|adicion[ae]) (?:\w+ )?(?:{_WESTERN_MONEY}|credits)",
    r"(?:l[íi]mites?) de (?:gastos?|dépenses?|spesa)|zahlung (?:ist )?(?:erforderlich|fehlgeschlagen)|(?:veuillez|bitte) (?:payer|zahlen|bezahlen)",
    r"requiere (?:un )?pago|pago requerido|pagamento (?:é )?(?:necess[áa]rio|requerido|richiesto)|paiement (?:est )?(?:requis|nécessaire|refusé)",
    r"solde (?:trop )?(?:nul|faible|bas)|insufficiente",
)
_CHINESE = near(
    "[额額]度|余[额額]|[餘余]額|配[额額]|[积積]分|[点點][数數]|算力[点點值]|金[币幣]|[钱錢]包|灵感值|资源包|套餐|[会會][员員]|次[数數]|余量|金[额額]|费用|资金",
    "不足|不够|不夠|用[尽盡完光]|耗[尽盡]|[为為是][0０零负負]|透支|超[限出支额額]|低[于於]|[过過]期|到期|没有了|(?:已|达到?)上限",
    "[^，。,.]{0,6}?",
)
_JAPANESE = near(
    "クレジット|ポイント|利用枠|無料枠|クォータ|課金|予算",
    "不足|足り|使い切|切れ|なくな|ありません|なし|ゼロ|残り|超え|超過|上限|購入",
    ".{0,8}",
)
_KOREAN = near("크레딧|포인트|코인|쿼터|할당량", "부족|없|소진|초과|충전|모두", ".{0,8}")
_RUSSIAN = near(
    "средств|баланс|кредит|квот|денег|деньг",
    "недостат|законч|кончил|исчерпан|израсход|отрицат|нулев|превышен|низк|нет |не хватает",
    "[^.,;]{0,20}",
)

NO_MONEY = words(
    *_ENGLISH,
    *_WESTERN,
    other=f"{_CHINESE}|(?:没有|沒有|[超][出过過]|缺少|用[尽盡完光]了?)[^，。,.]{{0,4}}(?:[额額]度|余[额額]|配[额額]|[积積]分|[点點][数數])|餘額|超[额額]|"
    "[预預]扣[费費]|扣[费款費點点除][^，。,.]{0,4}失[败敗]|[账賬帐][户戶號号].{0,3}透支|[钱錢]不[够夠]|欠[费費款]|[账賬帐]单逾期|未(?:付款|支付|缴费)|[请請](?:先)?(?:充值|[购購][买買]|付[费費]|[续續][费費]|[缴繳][费费])|充值|儲值|账户余额|"
    f"[额額]度已用|[积積]分已用|次[数數]已用|残高|{_JAPANESE}|チャージして|(?:支払い?|入金).{{0,6}}(?:必要|失敗)|お支払い|"
    f"잔액|잔고|{_KOREAN}|한도를? 모두|충전|결제.{{0,4}}(?:필요|실패|해)|미납|"
    f"{_RUSSIAN}|(?:лимит|предел)\\w* (?:расход|трат)|пополн|требуется оплата|оплат(?:ите|ить)|не оплачен|задолженност",
)
