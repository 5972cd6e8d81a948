"""What is said where the answer to a create was lost, or the work goes on: patterns of words, in many languages."""

from __future__ import annotations

from sora2_provider.gateway.parsing.word_patterns import words

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
