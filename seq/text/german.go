package text

import "strings"

var german = &language{
	cardinal: germanCardinal, ordinal: germanOrdinal, year: germanYear, before: germanBefore, of: func(string) string { return "" },
	decimal: ",", groups: ".'’", point: "komma", minus: "minus", to: "bis",
	ordinals: []string{"."}, ordinalForm: germanOrdinalForm,
	signs: map[string]string{
		"%": "prozent", "&": "und", "+": "plus", "=": "gleich", "@": "at", "#": "nummer", "×": "mal", "÷": "geteilt durch", "±": "plus minus", "<": "kleiner als", ">": "größer als",
		"§": "paragraf", "°": "grad", "€": "euro", "$": "dollar", "£": "pfund", "¥": "yen", "№": "nummer", "½": "ein halb", "¼": "ein viertel", "¾": "drei viertel",
	},
	units: map[string]noun{
		"%": {"prozent", "prozent", false}, "km": {"kilometer", "kilometer", false}, "m": {"meter", "meter", false}, "cm": {"zentimeter", "zentimeter", false}, "mm": {"millimeter", "millimeter", false},
		"kg": {"kilogramm", "kilogramm", false}, "g": {"gramm", "gramm", false}, "mg": {"milligramm", "milligramm", false}, "km/h": {"kilometer pro stunde", "kilometer pro stunde", false},
		"l": {"liter", "liter", false}, "ml": {"milliliter", "milliliter", false}, "min": {"minute", "minuten", true}, "s": {"sekunde", "sekunden", true}, "ms": {"millisekunde", "millisekunden", true}, "h": {"stunde", "stunden", true},
		"hz": {"hertz", "hertz", false}, "°c": {"grad celsius", "grad celsius", false}, "°": {"grad", "grad", false}, "mb": {"megabyte", "megabyte", false}, "gb": {"gigabyte", "gigabyte", false}, "kw": {"kilowatt", "kilowatt", false},
	},
	currencies: map[string]currency{
		"€": {noun{"euro", "euro", false}, noun{"cent", "cent", false}}, "$": {noun{"dollar", "dollar", false}, noun{"cent", "cent", false}},
		"£": {noun{"pfund", "pfund", false}, noun{"penny", "pence", false}}, "¥": {noun{"yen", "yen", false}, noun{}},
	},
	centsAfter: "und",
	abbreviations: map[string]string{
		"Dr.": "doktor", "Prof.": "professor", "Hr.": "herr", "Fr.": "frau", "St.": "sankt", "Nr.": "nummer", "Str.": "straße", "z.B.": "zum beispiel", "bzw.": "beziehungsweise", "usw.": "und so weiter", "d.h.": "das heißt",
		"ca.": "circa", "evtl.": "eventuell", "ggf.": "gegebenenfalls", "u.a.": "unter anderem", "Mio.": "millionen", "Mrd.": "milliarden", "Tsd.": "tausend", "inkl.": "inklusive", "vgl.": "vergleiche", "Abs.": "absatz", "Jh.": "jahrhundert",
	},
	scales:    map[string]string{},
	fractions: map[string]string{"1/2": "ein halb", "1/3": "ein drittel", "2/3": "zwei drittel", "1/4": "ein viertel", "3/4": "drei viertel"},
	clock:     germanClock,
}

var (
	germanOnes = strings.Fields("null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn")
	germanTens = strings.Fields("- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
)

// germanBelow1000 ends in "ein", as it stands within a word.
func germanBelow1000(n uint64) string {
	s := ""
	if n >= 100 {
		s, n = germanOnes[n/100]+"hundert", n%100
	}
	switch {
	case n == 0:
		return s
	case n < 20:
		return s + germanOnes[n]
	case n%10 == 0:
		return s + germanTens[n/10]
	}
	return s + germanOnes[n%10] + "und" + germanTens[n/10]
}

func germanCardinal(n uint64) string {
	s := germanBefore(n, false)
	if n%100 == 1 {
		s += "s"
	}
	return s
}

// germanBefore is a cardinal whose last part is "ein" or "eine" where it is a one.
func germanBefore(n uint64, feminine bool) string {
	if n == 0 {
		return "null"
	}
	s := thousands(n/1e6*1e6, "", func(g uint64, _ int) string {
		if g == 1 {
			return "eine"
		}
		return lastWord(germanBelow1000(g), "hundertein", "hunderteine")
	}, func(g uint64, k int) string {
		return []noun{{}, {}, {"million", "millionen", true}, {"milliarde", "milliarden", true}, {"billion", "billionen", true}}[k].of(g)
	})
	small := germanBelow1000(n % 1000)
	if g := n / 1000 % 1000; g > 0 {
		small = germanBelow1000(g) + "tausend" + small
	}
	if feminine && n%100 == 1 {
		small += "e"
	}
	return joined(s, small)
}

func germanOrdinal(n uint64) string {
	switch {
	case n == 100 || n == 1000:
		return strings.TrimPrefix(germanCardinal(n), "ein") + "ste"
	case n > 0 && n%1e6 == 0:
		s := strings.TrimPrefix(strings.ReplaceAll(germanCardinal(n), " ", ""), "eine")
		return lastWord(s, "en", "", "e", "") + "ste"
	case n%100 < 20 && n%100 > 0:
		return lastWord(germanCardinal(n), "eins", "erste", "drei", "dritte", "sieben", "siebte", "acht", "achte", "", "te")
	}
	return germanCardinal(n) + "ste"
}

// germanOrdinalForm has the ending that the word before an ordinal asks for.
func germanOrdinalForm(ordinal, _, before string) string {
	switch strings.ToLower(before) {
	case "am", "vom", "zum", "zur", "beim", "im", "dem", "den", "des", "bis", "ab", "seit":
		return ordinal + "n"
	}
	return ordinal
}

func germanYear(n uint64) string {
	if n < 1100 || n >= 2000 {
		return germanCardinal(n)
	}
	rest := ""
	if n%100 > 0 {
		rest = germanCardinal(n % 100)
	}
	return germanBelow1000(n/100) + "hundert" + rest
}

func germanClock(hour, minute, second int, _ string) string {
	s := germanBefore(uint64(hour), false) + " uhr"
	if minute > 0 || second >= 0 {
		s += " " + germanCardinal(uint64(minute))
	}
	if second >= 0 {
		s += " und " + germanBefore(uint64(second), true) + " " + noun{"sekunde", "sekunden", true}.of(uint64(second))
	}
	return s
}
