"""Numbers in words, by num2words: cases for seq/text/testdata/numbers.json.

    python3 oracle/spoken_numbers.py seq/text/testdata/numbers.json

Where num2words departs from the rules of a language, the case has what the rule says:
- Spanish: "uno" is "un" before mil and millones (veintiún mil); 11th to 19th are undécimo, duodécimo, decimotercero …, 40th cuadragésimo.
- German: "ein" within a word, before tausend (hunderteintausend).
- French: ordinals of 80 and of millions lose the plural's s and the article (quatre-vingtième, millionième).
"""

import json
import random
import re
import sys

from num2words import num2words


def spoken(text):
    """num2words separates groups of English numbers by commas; hyphens stay."""
    return re.sub(r"\s+", " ", text.replace(",", "").lower()).strip()


TEENS = {11: "undécimo", 12: "duodécimo", 13: "decimotercero", 14: "decimocuarto", 15: "decimoquinto", 16: "decimosexto", 17: "decimoséptimo", 18: "decimoctavo", 19: "decimonoveno"}


def cardinal(n, lang):
    s = spoken(num2words(n, lang=lang))
    if lang == "de":
        s = s.replace("einstausend", "eintausend")
    if lang == "es":
        s = re.sub(r"veintiuno (mil|millones|billones)\b", r"veintiún \1", s)
        s = re.sub(r"\buno (mil|millones|billones)\b", r"un \1", s)
    return s


def ordinal(n, lang):
    s = spoken(num2words(n, lang=lang, to="ordinal")).replace("einstausend", "eintausend")
    if lang == "es" and n in TEENS:
        return TEENS[n]
    if lang == "es":
        s = s.replace("quadra", "cuadra")
    if lang == "fr":
        s = s.replace("vingtsième", "vingtième").replace("centsième", "centième")
        if n in (10**6, 10**9):
            s = s.removeprefix("un ")
    return s


def main(path):
    draw = random.Random(18)
    numbers = list(range(0, 131)) + [200, 201, 280, 300, 380, 999, 1000, 1001, 1100, 1101, 2000, 2001, 9999, 10000, 21000, 31001, 80000, 100000, 101000, 121021, 200000, 999999, 10**6, 10**6 + 1, 2 * 10**6, 21 * 10**6, 10**9, 2 * 10**9, 10**12]
    for digits in range(3, 14):
        numbers += [draw.randrange(10 ** (digits - 1), 10**digits) for _ in range(12)]
    out = {}
    for lang in ("en", "de", "fr", "es"):
        cases = {"cardinal": {str(n): cardinal(n, lang) for n in numbers}}
        limit = 100 if lang == "es" else 10**6 + 1
        cases["ordinal"] = {str(n): ordinal(n, lang) for n in numbers if 0 < n < limit and not (lang == "fr" and n % 10**6 == 0 and n > 10**6)}
        if lang in ("en", "de"):
            cases["year"] = {str(n): spoken(num2words(n, lang=lang, to="year")) for n in range(1100, 2100)}
        cases["currency"] = {}
        for sign, code in (("€", "EUR"), ("$", "USD")):
            for amount in (1, 2, 3.5, 1.01, 21.21, 100, 45.99, 1234.5, 20):
                s = spoken(num2words(amount * 1.0, lang=lang, to="currency", currency=code, **({"separator": " and"} if lang == "en" else {})))
                if lang == "en":
                    s = re.sub(r"^(?!one euro )(.*) euro\b", r"\1 euros", s)
                # A round amount is said without its cents.
                s = re.sub(r" (and|und|et|con) (zero|null|zéro|cero) \S+$", "", s)
                cases["currency"][f"{amount:.2f} {sign}" if amount != int(amount) else f"{int(amount)} {sign}"] = s
        out[lang] = cases
    with open(path, "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, indent=0, sort_keys=True)
        f.write("\n")


main(sys.argv[1])
