package text

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/ctc"
)

// letters are tokens of English in capitals, with an apostrophe.
func tokensOf(s string) []string { return append([]string{""}, strings.Split(s, "")...) }

const small = "abcdefghijklmnopqrstuvwxyz' "

func normaliser(t *testing.T, level string, tokens []string) *Normaliser {
	t.Helper()
	n, err := New(level, tokens)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func plain(t *testing.T, n *Normaliser, text string) string {
	t.Helper()
	s, err := n.Plain(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSpoken: numbers, signs and abbreviations as they are said.
func TestSpoken(t *testing.T) {
	for level, cases := range map[string]map[string]string{
		"en": {
			"Dr. Smith's 3 €": "doctor smith's three euros", "1 € and 2 $": "one euro and two dollars", "It was 1984.": "it was nineteen eighty four", "in 1905, 2005 and 2024": "in nineteen oh five two thousand and five and twenty twenty four",
			"the 3rd, 21st and 100th": "the third twenty first and one hundredth", "1,234,567": "one million two hundred and thirty four thousand five hundred and sixty seven", "3.14 and -5.07": "three point one four and minus five point zero seven",
			"−5 °C": "minus five degrees celsius", "50% of 20%.": "fifty percent of twenty percent", "$3 million, $2.5bn": "three million dollars two point five billion dollars", "$1.01": "one dollar and one cent", "£0.50": "fifty pence", "-$5": "minus five dollars",
			"at 3:05, 10:00 and 10:30 pm.": "at three oh five ten o'clock and ten thirty p m", "3pm": "three p m", "14:00": "fourteen hundred", "00:30": "zero thirty", "1980s, '80s": "nineteen eighties eighties", "pages 3-5": "pages three to five", "1984–85": "nineteen eighty four to eighty five",
			"1/2 a mile": "one half a mile", "5 km at 1 km/h": "five kilometers at one kilometer per hour", "A4 COVID-19": "a four covid nineteen", "007": "zero zero seven", "R&D": "r and d", "the U.S.A.": "the u s a", "No. 5 said \"No.\"": "number five said no",
			"e.g., this": "for example this", "v2.0.1": "v two point zero point one", "12345678901234567890": "one two three four five six seven eight nine zero one two three four five six seven eight nine zero", "(42)": "forty two", "1.000": "one point zero zero zero", "I am 5": "i am five", "4 am": "four a m",
		},
		"de": {
			"3,50 € und 1 €": "drei euro und fünfzig cent und ein euro", "am 3. Mai 1984": "am dritten mai neunzehnhundertvierundachtzig", "der 3. Oktober": "der dritte oktober", "Es waren 3.": "es waren drei", "1.234.567": "eine million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig",
			"-3,14": "minus drei komma eins vier", "50 %": "fünfzig prozent", "um 14:30 Uhr": "um vierzehn uhr dreißig", "um 8 Uhr": "um acht uhr", "z.B. Dr. Müller": "zum beispiel doktor müller", "1 h": "eine stunde", "3 Mio. €": "drei millionen euro", "2024": "zweitausendvierundzwanzig", "1/2": "ein halb",
			"1.000.000 €": "eine million euro", "§ 5 & mehr": "paragraf fünf und mehr", "3-5": "drei bis fünf",
		},
		"fr": {
			"3,50 €": "trois euros et cinquante centimes", "1 234 567": "un million deux cent trente quatre mille cinq cent soixante sept", "le 1er mai, la 1re, la 2e et le 21ème": "le premier mai la première la deuxième et le vingt et unième",
			"14h30": "quatorze heures trente", "1h": "une heure", "-3,14": "moins trois virgule un quatre", "50 %": "cinquante pour cent", "en 1984": "en mille neuf cent quatre vingt quatre", "M. Dupont et Mme Martin": "monsieur dupont et madame martin", "1 £": "une livre", "21 £": "vingt et une livres",
			"1 000 000 €": "un million d'euros", "n° 5": "numéro cinq", "1\u202f234,5 et 2 000": "mille deux cent trente quatre virgule cinq et deux mille", "le 3 2000": "le trois deux mille",
		},
		"es": {
			"3,50 €": "tres euros con cincuenta céntimos", "1.234.567": "un millón doscientos treinta y cuatro mil quinientos sesenta y siete", "el 1º, la 3ª y el 3er": "el primero la tercera y el tercer", "las 3:05": "las tres y cinco", "-3,14": "menos tres coma uno cuatro",
			"50 %": "cincuenta por ciento", "21 €": "veintiún euros", "200 £": "doscientas libras", "Sr. López": "señor lópez", "1984": "mil novecientos ochenta y cuatro", "21.000": "veintiún mil", "1.000.000 $": "un millón de dólares",
		},
		"basic": {"Don't — “stop”, Café! ﬁve 5": "don't stop café five 5", "e\u0301": "é", "well-known and/or": "well known and or"},
		"none":  {"Don't  stop": "Don't stop", "e\u0301": "é"},
	} {
		n := normaliser(t, level, nil)
		for text, want := range cases {
			if got := plain(t, n, text); got != want {
				t.Errorf("%s: %q is %q; want %q", level, text, got, want)
			}
		}
	}
}

// TestMoney: amounts of money are num2words'.
func TestMoney(t *testing.T) {
	for name, cases := range spokenNumbers(t) {
		n := normaliser(t, name, tokensOf("abcdefghijklmnopqrstuvwxyzäöüßéèàçùâêîôûœñáíóú -"))
		for text, want := range cases["currency"] {
			if name != "en" {
				text = strings.ReplaceAll(text, ".", ",")
			}
			if got := plain(t, n, text); got != want {
				t.Errorf("%s: %q is %q; want %q", name, text, got, want)
			}
		}
		if len(cases["currency"]) < 10 {
			t.Errorf("%s: %d amounts are no trial", name, len(cases["currency"]))
		}
	}
}

// TestAlphabet: characters become what the tokens have.
func TestAlphabet(t *testing.T) {
	for _, c := range []struct{ level, tokens, text, want string }{
		{"basic", small, "Don’t stop, Café—Straße!", "don't stop cafe strasse"},
		{"basic", strings.ToUpper(small), "Don’t stop", "DON'T STOP"},
		{"basic", "abcdefghijklmnopqrstuvwxyz ", "Don’t well-known", "dont well known"},
		{"basic", "aABb ,-", "Ab, b-a–B", "Ab, b-a-B"},
		{"basic", "cafe\u0301 ", "CAFÉ café", "cafe\u0301 cafe\u0301"},
		{"none", "cafe\u0301 ", "caf\u00e9", "cafe\u0301"},
		{"none", "café ", "cafe\u0301", "café"},
		{"basic", "你好世界", "你好，世界！", "你好世界"},
		{"basic", "ABC ", "a b, c", "A B C"},
		{"en", strings.ToUpper(small), "Dr. No, 21", "DOCTOR NO TWENTY ONE"},
	} {
		if got := plain(t, normaliser(t, c.level, tokensOf(c.tokens)), c.text); got != c.want {
			t.Errorf("%s of %q: %q is %q; want %q", c.level, c.tokens, c.text, got, c.want)
		}
	}
	n := normaliser(t, "basic", []string{"<s>", "[PAD]", "S", "|", "<", " "})
	if got := plain(t, n, "s, |<"); got != "S |<" {
		t.Errorf("with marks among the tokens: %q", got)
	}
	if _, err := New("xx", nil); err == nil || !strings.Contains(err.Error(), "none, basic, de, en, es, fr") {
		t.Errorf("an unknown level: %v", err)
	}
}

// TestUnknown: a character that no token spells is an error by its place, left out, or makes its word a wildcard.
func TestUnknown(t *testing.T) {
	const text = "\ufeffone two\nthree  ab北c 5"
	n := normaliser(t, "basic", tokensOf(small))
	_, err := n.Words(text)
	var unknown *UnknownError
	if !errors.As(err, &unknown) || unknown.Character != "北" || !strings.Contains(err.Error(), `line 2, word 2, "北"`) || !strings.Contains(err.Error(), "U+5317") {
		t.Errorf("%v", err)
	}
	if _, err := n.Words("5"); err == nil || !strings.Contains(err.Error(), "a language (en, de, fr, es) spells numbers") {
		t.Errorf("a digit: %v", err)
	}
	if _, err := normaliser(t, "none", tokensOf(small)).Words("A"); err == nil || !strings.Contains(err.Error(), "the level basic") {
		t.Errorf("a capital letter: %v", err)
	}
	if _, err := n.Words("a\xff"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("no UTF-8: %v", err)
	}
	for policy, want := range map[Unknown]string{Skip: "one two three abc", Wildcard: "one two three ab * c *"} {
		n.Unknown = policy
		words, err := n.Words(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Spelling(words); got != want {
			t.Errorf("%s: %q; want %q", policy, got, want)
		}
		var back []string
		for _, w := range words {
			back = append(back, w.Text)
		}
		if got := strings.Join(back, "|"); got != "one|two|three|ab|北|c|5" {
			t.Errorf("%s: the words are %s", policy, got)
		}
	}
}

// aligned spells a text by tokens of a tenth of a second each.
func aligned(spelling string, size int) (all []ctc.Timed) {
	var spans []ctc.Span
	var texts []string
	at := 0
	for i, word := range strings.Fields(spelling) {
		if i > 0 {
			texts, spans = append(texts, " "), append(spans, ctc.Span{Token: len(texts), Start: at, End: at + 1})
			at++
		}
		if word == ctc.WildcardText {
			texts, spans = append(texts, ""), append(spans, ctc.Span{Token: ctc.Wildcard, Start: at, End: at + 5, Confidence: 1})
			at += 5
			continue
		}
		runes := []rune(word)
		for len(runes) > 0 {
			n := min(size, len(runes))
			texts, spans = append(texts, string(runes[:n])), append(spans, ctc.Span{Token: len(texts), Start: at, End: at + n, Confidence: 0.5, LogProb: -float64(n)})
			runes, at = runes[n:], at+n
		}
	}
	return ctc.TimedTokens(spans, func(k int) string { return texts[k] }, 0.1, 0)
}

// TestTimes: the words of the transcript have the times of what spells them.
func TestTimes(t *testing.T) {
	n := normaliser(t, "en", tokensOf(small))
	words, err := n.Words("Dr. Smith's – 3 €\n– – two * $3 million")
	if err != nil {
		t.Fatal(err)
	}
	spelling := n.Spelling(words)
	if spelling != "doctor smith's three euros two * three million dollars" {
		t.Fatalf("the spelling is %q", spelling)
	}
	for _, size := range []int{1, 3} {
		got, err := Times(aligned(spelling, size), words)
		if err != nil {
			t.Fatal(err)
		}
		want := []ctc.Timed{
			{Text: "Dr.", Start: 0, End: 0.6, Line: 1},
			{Text: "Smith's", Start: 0.7, End: 1.4, Line: 1},
			{Text: "–", Start: 1.4, End: 1.4, Line: 1, Unsaid: true},
			{Text: "3", Start: 1.5, End: 2, Line: 1},
			{Text: "€", Start: 2.1, End: 2.6, Line: 1},
			{Text: "–", Start: 2.7, End: 2.7, Line: 2, Unsaid: true},
			{Text: "–", Start: 2.7, End: 2.7, Line: 2, Unsaid: true},
			{Text: "two", Start: 2.7, End: 3, Line: 2},
			{Text: "*", Start: 3.1, End: 3.6, Line: 2},
			{Text: "$3 million", Start: 3.7, End: 5.8, Line: 2},
		}
		if len(got) != len(want) {
			t.Fatalf("%+v", got)
		}
		for i, w := range want {
			g := got[i]
			if g.Text != w.Text || math.Abs(g.Start-w.Start) > 1e-9 || math.Abs(g.End-w.End) > 1e-9 || g.Line != w.Line || g.Unsaid != w.Unsaid || g.Wildcard() != (w.Text == "*") {
				t.Errorf("size %d, word %d is %+v; want %+v", size, i, g, w)
			}
			if !g.Unsaid && !g.Wildcard() && math.Abs(g.Confidence-0.5) > 1e-9 {
				t.Errorf("size %d, word %d has the confidence %v", size, i, g.Confidence)
			}
		}
		if ctc.JoinWords(got) != "Dr. Smith's – 3 € – – two * $3 million" {
			t.Errorf("the words are %q", ctc.JoinWords(got))
		}
	}
	if _, err := Times(aligned("doctor", 1), words); err == nil || !strings.Contains(err.Error(), `word 2, "Smith's"`) {
		t.Errorf("too few tokens: %v", err)
	}
	if _, err := Times(aligned("doctor smith's tree", 1), words); err == nil || !strings.Contains(err.Error(), `word 4, "3"`) {
		t.Errorf("other tokens: %v", err)
	}
	if _, err := Times(aligned(spelling+" x", 1), words); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("too many tokens: %v", err)
	}
}

// TestTimesOfCharacters: words of a script without spaces are its characters, though a token has several; no space comes between.
func TestTimesOfCharacters(t *testing.T) {
	n := normaliser(t, "basic", []string{"", "你好世", "界", "再", "见"})
	words, err := n.Words("你好，世界 再见！")
	if err != nil {
		t.Fatal(err)
	}
	if s := n.Spelling(words); s != "你好世界再见" {
		t.Fatalf("%q", s)
	}
	got, err := Times(aligned("你好世界再见", 3), words)
	if err != nil || len(got) != 6 || ctc.JoinWords(got) != "你好，世界 再见！" {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, w := range got {
		if math.Abs(w.Start-float64(i)/10) > 1e-9 || math.Abs(w.End-float64(i+1)/10) > 1e-9 {
			t.Errorf("word %d is %+v", i, w)
		}
	}
}

// FuzzWords: whatever the text, its words have all its characters, and their spelling those of the tokens alone; what is aligned to it gives them times.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"Dr. Smith's 3 €", "$3 million 1984-85 10:30 pm", "am 3. Mai 1.234,5 %", "你好 * 5km", "-$.5 1,2,3 00:99 ½²", "1e9 ∞ 😀\n\n– a"} {
		for i := range 6 {
			f.Add(s, uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		levels := Levels()
		n := normaliser(t, levels[int(which)%len(levels)], tokensOf(small))
		n.Unknown = []Unknown{Skip, Wildcard}[which/8%2]
		words, err := n.Words(text)
		if err != nil {
			return // not UTF-8
		}
		var back strings.Builder
		for _, w := range words {
			back.WriteString(w.Text)
			if strings.ContainsFunc(w.Spelled, func(r rune) bool { return !strings.ContainsRune(small+"*", r) }) {
				t.Errorf("%q is spelled %q", w.Text, w.Spelled)
			}
		}
		bare := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "\ufeff", "")), "") }
		if bare(back.String()) != bare(text) {
			t.Errorf("the words have %q; the text has %q", bare(back.String()), bare(text))
		}
		if _, err := Times(aligned(n.Spelling(words), 1+int(which%3)), words); err != nil {
			t.Error(err)
		}
	})
}
