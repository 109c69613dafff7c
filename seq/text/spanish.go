package text

import "strings"

var spanish = &language{
	cardinal: spanishCardinal, ordinal: spanishOrdinal, year: spanishCardinal, before: spanishBefore, of: func(string) string { return "de " },
	decimal: ",", groups: ".", point: "coma", minus: "menos", to: "a", centsAfter: "con",
	ordinals: []string{"º", "ª", ".º", ".ª", "°", "er", ".er"},
	ordinalForm: func(ordinal, suffix, _ string) string {
		switch {
		case strings.HasSuffix(suffix, "ª"):
			var words []string
			for w := range strings.FieldsSeq(ordinal) {
				words = append(words, strings.TrimSuffix(w, "o")+"a")
			}
			return strings.Join(words, " ")
		case strings.HasSuffix(suffix, "er"):
			return lastWord(ordinal, "primero", "primer", "tercero", "tercer")
		}
		return ordinal
	},
	signs: map[string]string{
		"%": "por ciento", "&": "y", "+": "más", "=": "igual a", "@": "arroba", "#": "número", "×": "por", "÷": "dividido por", "±": "más menos", "<": "menor que", ">": "mayor que",
		"§": "párrafo", "°": "grados", "€": "euros", "$": "dólares", "£": "libras", "¥": "yenes", "№": "número", "½": "un medio", "¼": "un cuarto", "¾": "tres cuartos",
	},
	units: map[string]noun{
		"%": {"por ciento", "por ciento", false}, "km": {"kilómetro", "kilómetros", false}, "m": {"metro", "metros", false}, "cm": {"centímetro", "centímetros", false}, "mm": {"milímetro", "milímetros", false},
		"kg": {"kilogramo", "kilogramos", false}, "g": {"gramo", "gramos", false}, "mg": {"miligramo", "miligramos", false}, "km/h": {"kilómetro por hora", "kilómetros por hora", false},
		"l": {"litro", "litros", false}, "ml": {"mililitro", "mililitros", false}, "min": {"minuto", "minutos", false}, "s": {"segundo", "segundos", false}, "h": {"hora", "horas", true},
		"hz": {"hercio", "hercios", false}, "°c": {"grado celsius", "grados celsius", false}, "°": {"grado", "grados", false}, "kw": {"kilovatio", "kilovatios", false},
	},
	currencies: map[string]currency{
		"€": {noun{"euro", "euros", false}, noun{"céntimo", "céntimos", false}}, "$": {noun{"dólar", "dólares", false}, noun{"centavo", "centavos", false}},
		"£": {noun{"libra", "libras", true}, noun{"penique", "peniques", false}}, "¥": {noun{"yen", "yenes", false}, noun{}},
	},
	abbreviations: map[string]string{
		"Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Dr.": "doctor", "Dra.": "doctora", "Prof.": "profesor", "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "D.": "don", "Dña.": "doña",
		"etc.": "etcétera", "p.ej.": "por ejemplo", "Av.": "avenida", "Avda.": "avenida", "núm.": "número", "n.º": "número", "aprox.": "aproximadamente", "Sta.": "santa", "Sto.": "santo",
	},
	scales:    map[string]string{},
	fractions: map[string]string{"1/2": "un medio", "1/3": "un tercio", "2/3": "dos tercios", "1/4": "un cuarto", "3/4": "tres cuartos"},
	clock:     spanishClock,
}

var (
	spanishOnes = strings.Fields("cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve " +
		"veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve")
	spanishTens     = strings.Fields("- - - treinta cuarenta cincuenta sesenta setenta ochenta noventa")
	spanishHundreds = strings.Fields("- ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos")

	spanishOrdinalOnes     = strings.Fields("- primero segundo tercero cuarto quinto sexto séptimo octavo noveno")
	spanishOrdinalTens     = strings.Fields("- décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo")
	spanishOrdinalHundreds = strings.Fields("- centésimo ducentésimo tricentésimo cuadringentésimo quingentésimo sexcentésimo septingentésimo octingentésimo noningentésimo")
)

func spanishBelow1000(n uint64) string {
	s := ""
	if n == 100 {
		return "cien"
	}
	if n > 100 {
		s, n = spanishHundreds[n/100], n%100
	}
	switch {
	case n == 0:
		return s
	case n < 30:
		return joined(s, spanishOnes[n])
	case n%10 == 0:
		return joined(s, spanishTens[n/10])
	}
	return joined(s, spanishTens[n/10], "y", spanishOnes[n%10])
}

// spanishShort has "un" where a noun or a scale follows a one.
func spanishShort(s string) string { return lastWord(s, "veintiuno", "veintiún", "uno", "un") }

func spanishCardinal(n uint64) string {
	// The scales are millions and millions of millions; thousands stand before either.
	group := func(g uint64) string {
		switch {
		case g < 1000:
			return spanishBelow1000(g)
		case g < 2000:
			return joined("mil", spanishBelow1000(g%1000))
		}
		return joined(spanishShort(spanishBelow1000(g/1000)), "mil", spanishBelow1000(g%1000))
	}
	if n == 0 {
		return "cero"
	}
	var parts []string
	for _, scale := range []struct {
		unit uint64
		noun
	}{{1e12, noun{"billón", "billones", false}}, {1e6, noun{"millón", "millones", false}}} {
		if g := n / scale.unit % 1e6; g > 0 {
			parts = append(parts, spanishShort(group(g)), scale.of(g))
		}
	}
	return joined(append(parts, group(n%1e6))...)
}

func spanishBefore(n uint64, feminine bool) string {
	s := spanishCardinal(n)
	if !feminine {
		return spanishShort(s)
	}
	return strings.ReplaceAll(strings.ReplaceAll(lastWord(s, "uno", "una"), "cientos", "cientas"), "quinientos", "quinientas")
}

// spanishOrdinal is the cardinal from 1000 on, as it is said.
func spanishOrdinal(n uint64) string {
	switch {
	case n == 0 || n > 1000:
		return spanishCardinal(n)
	case n == 1000:
		return "milésimo"
	case n == 11:
		return "undécimo"
	case n == 12:
		return "duodécimo"
	case n > 12 && n < 20:
		return strings.ReplaceAll("decimo"+spanishOrdinalOnes[n%10], "oo", "o")
	}
	var parts []string
	for _, p := range []struct {
		names []string
		digit uint64
	}{{spanishOrdinalHundreds, n / 100}, {spanishOrdinalTens, n / 10 % 10}, {spanishOrdinalOnes, n % 10}} {
		if p.digit > 0 {
			parts = append(parts, p.names[p.digit])
		}
	}
	return joined(parts...)
}

func spanishClock(hour, minute, second int, _ string) string {
	s := spanishBefore(uint64(hour), true)
	if minute > 0 || second >= 0 {
		s += " y " + spanishCardinal(uint64(minute))
	}
	if second >= 0 {
		s += " y " + spanishBefore(uint64(second), false) + " " + noun{"segundo", "segundos", false}.of(uint64(second))
	}
	return s
}
