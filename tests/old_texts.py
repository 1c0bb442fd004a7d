"""Sentences as people write them, and the encodings that such files were kept in before UTF-8: short ones and long ones, some in
capitals, some mostly ASCII. benchmarks/old_encodings.py and the unit tests read them.
"""
# ruff: noqa: E501 - sentences as they are

from __future__ import annotations

from collections.abc import Mapping, Sequence

TEXTS: Mapping[tuple[str, ...], Sequence[str]] = {
    ("ru", "cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"): (
        "Ключ от лодки висит за дверью",
        "Пароль у Ивана, ключ под ковриком.",
        "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
        "Завтра в 9:30 приём у зубного врача, улица Ленина, 15. Не забыть полис!",
        "Рецепт борща: свёкла, капуста, морковь, лук — варить 2 часа на медленном огне.",
        "МОСКВА. ОТЧЁТ ЗА ИЮЛЬ",
        "The server is called orion and stands in the cellar. Пароль у Ивана, ключ под ковриком.",
        "def greet():\n    return 'hello'  # приветствие\n",
        "TODO: call Anna (мама), buy milk, renew passport before June, check the boiler pressure again",
        "Показания счётчика за март: холодная вода 118, горячая 64.",
        "Бабушка просила купить хлеб, молоко и яйца",
        "meeting notes 2024-05-01: бюджет утверждён, срок до пятницы",
        "Wi-Fi: пароль звезда77",
        "# настройки\nhost = db1\nport = 5432\n# запасной сервер\nhost2 = db2\n",
        "Съешь же ещё этих мягких французских булок, да выпей чаю",
    ),
    ("uk", "cp1251", "koi8-u"): (
        "Ключ від човна висить за синіми дверима.",
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю.",
        "Зустріч із сестрою в середу о шостій, кав'ярня на розі.",
        "Їжак живе під ґанком, годуємо його щовечора.",
        "Рахунок за електроенергію сплачено 3 травня",
    ),
    ("bg", "cp1251"): (
        "Резервният ключ за лодката виси зад синята врата.",
        "Всички хора се раждат свободни и равни по достойнство и права.",
    ),
    ("el", "cp1253", "iso8859-7"): (
        "Το κλειδί είναι κάτω από το χαλί.",
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση.",
        "Αύριο στις 9 έχω ραντεβού με τον οδοντίατρο.",
        "The boat is moored in the harbour of Naxos, third pier. Το κλειδί είναι κάτω από το χαλί.",
        "ΑΘΗΝΑ, 12 Μαΐου: συνάντηση με τη Μαρία στο γραφείο.",
        "Ο λογαριασμός του ρεύματος πληρώθηκε στις 3 Μαΐου",
        "Η γιαγιά ζήτησε ψωμί, γάλα και αυγά",
        "Wi-Fi: κωδικός αστέρι77",
        "TODO: τηλεφώνησε στην Άννα",
    ),
    ("he", "cp1255", "iso8859-8"): (
        "המפתח של הסירה תלוי מאחורי הדלת הכחולה",
        "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון.",
        "מחר בתשע תור אצל רופא השיניים, רחוב הרצל 15",
        "The boat is moored in the harbour, third pier, beside the crane. המפתח מתחת לשטיח",
        "חשבון החשמל שולם בשלושה במאי",
        "סבתא ביקשה לחם, חלב וביצים",
        "Wi-Fi: הסיסמה כוכב77",
    ),
    ("ar", "cp1256", "iso8859-6"): (
        "المفتاح الاحتياطي للقارب معلق خلف الباب الأزرق",
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا",
        "موعد طبيب الأسنان غدا الساعة التاسعة في شارع الملك",
        "تم دفع فاتورة الكهرباء في الثالث من مايو",
        "طلبت جدتي الخبز والحليب والبيض",
    ),
    ("ja", "cp932", "euc_jp"): (
        "ボートの鍵は青いドアの後ろに掛かっています。",
        "今日は良い天気です",
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
        "明日の九時に歯医者の予約があります。",
        "The key: ボートの鍵はドアの後ろです。",
        "東京都渋谷区の会議室で三月五日に会議",
        "電気代は五月三日に支払い済みです。",
        "おばあちゃんがパンと牛乳と卵を買ってきてと言った",
        "Wi-Fi パスワード:ほし77",
        "会議メモ",
        "ﾃﾞﾝﾜ 03-1234 山田さん",
    ),
    ("zh", "gb18030"): (
        "船的备用钥匙挂在蓝色的门后面。",
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
        "明天九点去看牙医,别忘了带医保卡。",
        "Server orion: 密码在伊万那里,钥匙在地毯下面。",
        "电费已于五月三日支付",
        "奶奶让我买面包、牛奶和鸡蛋",
        "会议记录:预算已批准",
        "Wi-Fi密码是星星77",
        "地址:北京市海淀区中关村大街27号",
    ),
    ("zh-tw", "big5"): (
        "船的備用鑰匙掛在藍色的門後面。",
        "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神互相對待。",
        "明天九點去看牙醫,別忘了帶健保卡。",
        "電費已於五月三日支付",
        "奶奶讓我買麵包、牛奶和雞蛋",
        "會議記錄:預算已批准",
        "地址:台北市信義區市府路1號",
    ),
    ("ko", "euc_kr"): (
        "배의 여분 열쇠는 파란 문 뒤에 걸려 있습니다.",
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
        "내일 아홉 시에 치과 예약이 있어요.",
        "Server orion: 비밀번호는 이반에게 있습니다.",
        "전기 요금은 5월 3일에 납부했습니다",
        "할머니가 빵과 우유와 달걀을 사오라고 하셨다",
        "회의록: 예산 승인됨",
        "와이파이 비밀번호 별77",
    ),
    ("th", "cp874"): (
        "กุญแจสำรองของเรือแขวนอยู่หลังประตูสีน้ำเงิน",
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
        "คุณยายขอให้ซื้อขนมปัง นม และไข่",
        "จ่ายค่าไฟแล้ววันที่ 3 พฤษภาคม",
    ),
    ("pl", "cp1250", "iso8859-2"): (
        "Zapasowy klucz do łodzi wisi za niebieskimi drzwiami.",
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem.",
        "Jutro o dziewiątej mam wizytę u dentysty, ulica Długa 15.",
        "Rachunek za prąd zapłacony trzeciego maja. Babcia prosiła o chleb, mleko i jajka, a także o świeże śliwki.",
        "Hasło do Wi-Fi: gwiazda77",
        "Zażółć gęślą jaźń",
    ),
    ("cs", "cp1250", "iso8859-2"): (
        "Náhradní klíč od lodi visí za modrými dveřmi.",
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím.",
        "Zítra v devět jdu k zubaři, Dlouhá třída 15.",
        "Účet za elektřinu zaplacen třetího května. Babička chtěla chléb, mléko a vejce.",
        "Příliš žluťoučký kůň úpěl ďábelské ódy",
    ),
    ("hu", "cp1250", "iso8859-2"): (
        "A hajó pótkulcsa a kék ajtó mögött lóg.",
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel és lelkiismerettel bírván, egymással szemben testvéri szellemben kell hogy viseltessenek.",
        "A villanyszámlát május harmadikán kifizettük. Nagymama kenyeret, tejet és tojást kért, meg egy kis gyümölcsöt is főzőnek.",
    ),
    ("tr", "cp1254"): (
        "Teknenin yedek anahtarı mavi kapının arkasında asılı.",
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler.",
        "Yarın saat dokuzda dişçiye gideceğim.",
        "Elektrik faturası üç mayısta ödendi. Büyükannem ekmek, süt ve yumurta istedi.",
        "Wi-Fi şifresi yıldız77",
        "toplantı notları",
    ),
    ("lt", "cp1257"): (
        "Atsarginis valties raktas kabo už mėlynų durų.",
        "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis.",
        "Sąskaita už elektrą apmokėta gegužės trečią. Močiutė prašė duonos, pieno ir kiaušinių.",
    ),
    ("de", "cp1252"): (
        "Ein Schlüssel für 5 € – „blau“",
        "Wir haben gestern in Köln über die Größe der Straßen gesprochen. Öl und Äpfel sind da.",
        "Zoë",
        "naïve Café",
        "Übergrößenträger",
        "Stromrechnung am dritten März bezahlt. Großmutter möchte Brot, Milch und Eier.",
        "Müller",
        "Straße 15, 3. Stock; Prüfung § 5 Abs. 2",
        "ÄÖÜ äöü ß",
    ),
    ("fr", "cp1252"): (
        "café au lait, déjà vu",
        "Où est la clé ? Elle était à côté, là, sous l’évier. Ça va, à bientôt, été comme hiver.",
        "Noël à Sète, l'œuf et le bœuf",
        "La facture d’électricité a été payée le trois mai. Grand-mère a demandé du pain, du lait et des œufs.",
        "né à Orléans",
        "Ça coûte 5 € – réservé à l’hôtel",
        "HÔTEL FERMÉ L'ÉTÉ",
    ),
    ("es", "cp1252"): (
        "El niño comió jamón en la habitación; ¿dónde está la llave? Él no lo sabe, tú tampoco.",
        "mañana",
        "La factura de la luz se pagó el tres de mayo. ¡Qué niña más pequeña!",
        "José Ñúñez",
    ),
    ("pt", "cp1252"): (
        "É verdade: a chave está atrás da porta azul. Não há ninguém às três.",
        "A conta de luz foi paga em três de maio. A avó pediu pão, leite e ovos. Não há mais nada além disso, João.",
    ),
    ("is", "cp1252"): (
        "Á heimili okkar er lykillinn undir mottunni. Það er í lagi, ég á hann.",
        "Rafmagnsreikningurinn var greiddur þriðja maí. Amma bað um brauð, mjólk og egg. Þetta er nú það sem ég veit.",
    ),
    ("no", "cp1252"): (
        "Å gå på ski er gøy. Nøkkelen ligger under døra på øya.",
        "Søren Kierkegaard, Ærø",
    ),
    ("sv", "cp1252"): (
        "Reservnyckeln till båten hänger bakom den blå dörren. Åsa kommer på lördag.",
        "Elräkningen betalades den tredje maj. Mormor bad om bröd, mjölk och ägg på vägen.",
    ),
    ("fi", "cp1252"): (
        "Veneen vara-avain roikkuu sinisen oven takana. Äiti tulee huomenna yöllä.",
    ),
    ("da", "cp1252"): (
        "Reservenøglen til båden hænger bag den blå dør.",
        "Elregningen blev betalt den tredje maj. Mormor bad om brød, mælk og æg på vejen.",
    ),
    ("be", "cp1251"): (
        "Запасны ключ ад лодкі вісіць за сінімі дзвярыма",
    ),
    ("sr", "cp1251", "iso8859-5"): (
        "Резервни кључ од чамца виси иза плавих врата",
    ),
    ("fa", "cp1256"): (
        "کلید یدکی قایق پشت در آبی آویزان است",
    ),
    ("sk", "cp1250", "iso8859-2"): (
        "Účet za elektrinu zaplatený tretieho mája. Babka chcela chlieb, mlieko a vajcia; ešte kľúč od člna.",
    ),
    ("hr", "cp1250", "iso8859-2"): (
        "Račun za struju plaćen je trećeg svibnja. Baka je tražila kruh, mlijeko i jaja, još i ključ od čamca.",
    ),
    ("ro", "cp1250"): (
        "Factura de curent a fost plătită pe trei mai. Bunica a cerut pâine, lapte şi ouă.",
    ),
    ("lv", "cp1257"): (
        "Rezerves atslēga laivai karājas aiz zilajām durvīm. Vecmāmiņa lūdza nopirkt maizi.",
    ),
    ("et", "cp1257"): (
        "Paadi varuvõti ripub sinise ukse taga. Vanaema palus leiba, piima ja mune, öö läbi sõites.",
    ),
    ("it", "cp1252"): (
        "La bolletta è stata pagata il tre maggio. Perché no? Più tardi c'è la nonna, così sarà già lì.",
    ),
    ("ga", "cp1252"): (
        "Tá an eochair bhreise ar crochadh taobh thiar den doras gorm. Dúirt mé é sin leat.",
    ),
    ("ca", "cp1252"): (
        "La clau de recanvi penja darrere la porta blava. L'àvia va demanar pa, llet i ous; això és tot.",
    ),
    ("nl", "cp1252"): (
        "De reservesleutel hangt achter de blauwe deur. Financiële coördinatie, één idee.",
    ),
    ("symbols", "cp1252"): (
        "temperature 21 °C ± 0.5",
        "Copyright © 2020 Acme®",
        "price: £5, ¥300, 10 µm, ½ cup",
        "x² + y² = z²",
        "• one\n• two\n• three",
        "“quoted” — and ‘so’",
    ),
}
"""By language and encodings: the texts."""
