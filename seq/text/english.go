package text

import "strings"

var english = &language{
	cardinal: englishCardinal, ordinal: englishOrdinal, year: englishYear, before: unchanged(englishCardinal), of: func(string) string { return "" },
	decimal: ".", groups: ",", point: "point", minus: "minus", to: "to", centsAfter: "and",
	ordinals: []string{"st", "nd", "rd", "th"},
	signs: map[string]string{
		"%": "percent", "&": "and", "+": "plus", "=": "equals", "@": "at", "#": "number", "×": "times", "÷": "divided by", "±": "plus minus", "<": "less than", ">": "greater than",
		"§": "section", "°": "degrees", "€": "euros", "$": "dollars", "£": "pounds", "¥": "yen", "©": "copyright", "®": "registered", "™": "trademark", "№": "number",
		"½": "one half", "¼": "one quarter", "¾": "three quarters",
	},
	units: map[string]noun{
		"%": {"percent", "percent", false}, "km": {"kilometer", "kilometers", false}, "m": {"meter", "meters", false}, "cm": {"centimeter", "centimeters", false}, "mm": {"millimeter", "millimeters", false},
		"kg": {"kilogram", "kilograms", false}, "g": {"gram", "grams", false}, "mg": {"milligram", "milligrams", false}, "lb": {"pound", "pounds", false}, "lbs": {"pound", "pounds", false}, "oz": {"ounce", "ounces", false},
		"ft": {"foot", "feet", false}, "mi": {"mile", "miles", false}, "mph": {"mile per hour", "miles per hour", false}, "km/h": {"kilometer per hour", "kilometers per hour", false},
		"l": {"liter", "liters", false}, "ml": {"milliliter", "milliliters", false}, "min": {"minute", "minutes", false}, "s": {"second", "seconds", false}, "ms": {"millisecond", "milliseconds", false}, "h": {"hour", "hours", false},
		"hz": {"hertz", "hertz", false}, "khz": {"kilohertz", "kilohertz", false}, "°c": {"degree celsius", "degrees celsius", false}, "°f": {"degree fahrenheit", "degrees fahrenheit", false}, "°": {"degree", "degrees", false},
		"kb": {"kilobyte", "kilobytes", false}, "mb": {"megabyte", "megabytes", false}, "gb": {"gigabyte", "gigabytes", false}, "w": {"watt", "watts", false}, "kw": {"kilowatt", "kilowatts", false},
	},
	currencies: map[string]currency{
		"€": {noun{"euro", "euros", false}, noun{"cent", "cents", false}}, "$": {noun{"dollar", "dollars", false}, noun{"cent", "cents", false}},
		"£": {noun{"pound", "pounds", false}, noun{"penny", "pence", false}}, "¥": {noun{"yen", "yen", false}, noun{}},
	},
	abbreviations: map[string]string{
		"Dr.": "doctor", "Mr.": "mister", "Mrs.": "missus", "Ms.": "miss", "Prof.": "professor", "St.": "saint", "Jr.": "junior", "Sr.": "senior", "Gen.": "general", "Capt.": "captain", "Lt.": "lieutenant",
		"Sgt.": "sergeant", "Rev.": "reverend", "Hon.": "honorable", "Mt.": "mount", "No.": "number", "vs.": "versus", "etc.": "et cetera", "e.g.": "for example", "i.e.": "that is", "approx.": "approximately",
		"Jan.": "january", "Feb.": "february", "Aug.": "august", "Sept.": "september", "Oct.": "october", "Nov.": "november", "Dec.": "december", "Ave.": "avenue", "Inc.": "incorporated", "Ltd.": "limited", "Co.": "company",
		"Mr": "mister", "Mrs": "missus", "Dr": "doctor",
	},
	scales:    map[string]string{"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion", "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion"},
	fractions: map[string]string{"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters"},
	clock:     englishClock,
}

var (
	englishOnes = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	englishTens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
)

func englishBelow100(n uint64) string {
	if n < 20 {
		return englishOnes[n]
	}
	if n%10 == 0 {
		return englishTens[n/10]
	}
	return englishTens[n/10] + "-" + englishOnes[n%10]
}

func englishCardinal(n uint64) string {
	return thousands(n, "zero", func(g uint64, k int) string {
		and := ""
		if k == 0 && n >= 1000 && g < 100 {
			and = "and"
		}
		if g < 100 {
			return joined(and, englishBelow100(g))
		}
		if g%100 == 0 {
			return englishOnes[g/100] + " hundred"
		}
		return englishOnes[g/100] + " hundred and " + englishBelow100(g%100)
	}, func(_ uint64, k int) string { return []string{"", "thousand", "million", "billion", "trillion"}[k] })
}

func englishOrdinal(n uint64) string {
	return lastWord(englishCardinal(n), "one", "first", "two", "second", "three", "third", "five", "fifth", "eight", "eighth", "nine", "ninth", "twelve", "twelfth", "y", "ieth", "", "th")
}

// englishYear reads numbers of four digits from 1100 on in two halves, but 2000 to 2009.
func englishYear(n uint64) string {
	century, rest := n/100, n%100
	switch {
	case n < 1100 || n >= 2000 && n < 2010 || n >= 2100:
		return englishCardinal(n)
	case rest == 0:
		return englishBelow100(century) + " hundred"
	case rest < 10:
		return englishBelow100(century) + " oh-" + englishOnes[rest]
	}
	return englishBelow100(century) + " " + englishBelow100(rest)
}

func englishClock(hour, minute, second int, half string) string {
	s := englishCardinal(uint64(hour))
	switch {
	case minute == 0 && half == "" && hour > 0 && hour <= 12 && second < 0:
		s += " o'clock"
	case minute == 0 && half == "":
		s += " hundred"
	case minute > 0 && minute < 10:
		s += " oh " + englishOnes[minute]
	case minute > 0:
		s += " " + englishBelow100(uint64(minute))
	}
	if second >= 0 {
		s += " and " + englishCardinal(uint64(second)) + " " + noun{"second", "seconds", false}.of(uint64(second))
	}
	if half != "" {
		s += " " + half[:1] + " m"
	}
	return s
}
