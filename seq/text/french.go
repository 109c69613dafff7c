package text

import "strings"

var french = &language{
	cardinal: frenchCardinal, ordinal: frenchOrdinal, year: frenchCardinal, before: frenchBefore,
	of: func(noun string) string {
		if strings.ContainsRune("aeiouyéh", []rune(noun)[0]) {
			return "d'"
		}
		return "de "
	},
	decimal: ",", groups: ".", point: "virgule", minus: "moins", to: "à", centsAfter: "et",
	ordinals: []string{"er", "re", "ère", "ere", "e", "ème", "eme", "nd", "nde"},
	ordinalForm: func(ordinal, suffix, _ string) string {
		switch {
		case ordinal == "premier" && suffix != "er":
			return "première"
		case suffix == "nd" || suffix == "nde":
			return "secon" + suffix[1:]
		}
		return ordinal
	},
	signs: map[string]string{
		"%": "pour cent", "&": "et", "+": "plus", "=": "égale", "@": "arobase", "#": "numéro", "×": "fois", "÷": "divisé par", "±": "plus ou moins", "<": "inférieur à", ">": "supérieur à",
		"§": "paragraphe", "°": "degrés", "€": "euros", "$": "dollars", "£": "livres", "¥": "yens", "№": "numéro", "½": "un demi", "¼": "un quart", "¾": "trois quarts",
	},
	units: map[string]noun{
		"%": {"pour cent", "pour cent", false}, "km": {"kilomètre", "kilomètres", false}, "m": {"mètre", "mètres", false}, "cm": {"centimètre", "centimètres", false}, "mm": {"millimètre", "millimètres", false},
		"kg": {"kilogramme", "kilogrammes", false}, "g": {"gramme", "grammes", false}, "mg": {"milligramme", "milligrammes", false}, "km/h": {"kilomètre heure", "kilomètres heure", false},
		"l": {"litre", "litres", false}, "ml": {"millilitre", "millilitres", false}, "min": {"minute", "minutes", true}, "s": {"seconde", "secondes", true}, "h": {"heure", "heures", true},
		"hz": {"hertz", "hertz", false}, "°c": {"degré celsius", "degrés celsius", false}, "°": {"degré", "degrés", false}, "kw": {"kilowatt", "kilowatts", false},
	},
	currencies: map[string]currency{
		"€": {noun{"euro", "euros", false}, noun{"centime", "centimes", false}}, "$": {noun{"dollar", "dollars", false}, noun{"cent", "cents", false}},
		"£": {noun{"livre", "livres", true}, noun{"penny", "pence", false}}, "¥": {noun{"yen", "yens", false}, noun{}},
	},
	abbreviations: map[string]string{
		"M.": "monsieur", "MM.": "messieurs", "Mme": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle", "Dr": "docteur", "Pr": "professeur", "St": "saint", "Ste": "sainte", "etc.": "et cetera", "c.-à-d.": "c'est-à-dire",
		"p.ex.": "par exemple", "env.": "environ", "n°": "numéro", "N°": "numéro", "av.": "avenue", "bd": "boulevard", "Cie": "compagnie",
	},
	scales:    map[string]string{},
	fractions: map[string]string{"1/2": "un demi", "1/3": "un tiers", "2/3": "deux tiers", "1/4": "un quart", "3/4": "trois quarts"},
	clock:     frenchClock,
}

var (
	frenchOnes = strings.Fields("zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf")
	frenchTens = strings.Fields("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")
)

// frenchBelow1000 has the s of "cents" and "quatre-vingts" where last says that nothing follows.
func frenchBelow1000(n uint64, last bool) string {
	s, plural := "", ""
	if last {
		plural = "s"
	}
	if n >= 100 {
		if s = "cent"; n >= 200 {
			s = frenchOnes[n/100] + " cent"
			if n%100 == 0 {
				s += plural
			}
		}
		n %= 100
	}
	ten, one := n/10, n%10
	if ten == 7 || ten == 9 {
		one += 10
	}
	switch {
	case n == 0:
		return s
	case n < 20:
		return joined(s, frenchOnes[n])
	case n == 80:
		return joined(s, "quatre-vingt"+plural)
	case one == 0:
		return joined(s, frenchTens[ten])
	case (one == 1 || one == 11) && ten < 8:
		return joined(s, frenchTens[ten], "et", frenchOnes[one])
	}
	return joined(s, frenchTens[ten]+"-"+frenchOnes[one])
}

func frenchCardinal(n uint64) string {
	return thousands(n, "zéro", func(g uint64, k int) string {
		if k == 1 && g == 1 {
			return ""
		}
		return frenchBelow1000(g, k != 1)
	}, func(g uint64, k int) string {
		return []noun{{}, {"mille", "mille", false}, {"million", "millions", false}, {"milliard", "milliards", false}, {"billion", "billions", false}}[k].of(g)
	})
}

func frenchBefore(n uint64, feminine bool) string {
	s := frenchCardinal(n)
	if feminine && n%10 == 1 && strings.HasSuffix(s, "un") {
		s += "e"
	}
	return s
}

func frenchOrdinal(n uint64) string {
	if n == 1 {
		return "premier"
	}
	s := lastWord(frenchCardinal(n), "vingts", "vingt", "cents", "cent", "millions", "million", "milliards", "milliard", "billions", "billion")
	if n == 1e6 || n == 1e9 || n == 1e12 {
		s = strings.TrimPrefix(s, "un ")
	}
	return lastWord(s, "cinq", "cinquième", "neuf", "neuvième", "e", "ième", "", "ième")
}

func frenchClock(hour, minute, second int, _ string) string {
	s := frenchBefore(uint64(hour), true) + " " + noun{"heure", "heures", true}.of(uint64(max(hour, 1)))
	if minute > 0 || second >= 0 {
		s += " " + frenchBefore(uint64(minute), true)
	}
	if second >= 0 {
		s += " et " + frenchBefore(uint64(second), true) + " " + noun{"seconde", "secondes", true}.of(uint64(max(second, 1)))
	}
	return s
}
