package text

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Punctuation around a word that is no part of what is read.
const (
	opening = "\"'([{¿¡«“„‘‚‹"
	closing = ".,;:!?…)]}\"'»”’“‘›"
)

// A passage is a word to be read, with what stands around it.
type passage struct {
	words            []string
	i                int
	head, core, tail string // the word in parts: opening punctuation, itself, closing punctuation
}

func passageAt(words []string, i int) passage {
	p := passage{words: words, i: i}
	rest := strings.TrimLeft(words[i], opening)
	p.head = words[i][:len(words[i])-len(rest)]
	p.core = strings.TrimRight(rest, closing)
	p.tail = rest[len(p.core):]
	return p
}

// next is the word behind, "" at the end of the line or where punctuation parts it from this one.
func (p *passage) next() passage {
	if p.i+1 == len(p.words) || p.tail != "" {
		return passage{}
	}
	return passageAt(p.words, p.i+1)
}

// before is the core of the word before.
func (p *passage) before() string {
	if p.i == 0 {
		return ""
	}
	q := passageAt(p.words, p.i-1)
	if q.tail != "" {
		return ""
	}
	return q.core
}

// An amount is a number in digits.
type amount struct {
	digits   string // before the decimals
	fraction string
	n        uint64 // of the digits, 0 where they are read one by one
	single   bool   // they are: there are too many, or they begin with 0
}

// one is a number that takes a noun for one.
func (a amount) one() bool { return a.n == 1 && a.fraction == "" && !a.single }

// number is what a noun's form goes by.
func (a amount) number() uint64 {
	if a.one() {
		return 1
	}
	return 2
}

// amountPattern matches the numbers of a language.
var amountPattern = sync.OnceValue(func() map[*language]*regexp.Regexp {
	all := map[*language]*regexp.Regexp{}
	for _, l := range languages {
		groups, decimal := "[ "+regexp.QuoteMeta(l.groups)+"\u00a0\u202f\u2009]", regexp.QuoteMeta(l.decimal)
		all[l] = regexp.MustCompile(`^(\d{1,3}(?:` + groups + `\d{3})+|\d+)(?:` + decimal + `(\d+))?$`)
	}
	return all
})

// amount reads digits.
func (l *language) amount(s string) (a amount, ok bool) {
	m := amountPattern()[l].FindStringSubmatch(s)
	if m == nil {
		return a, false
	}
	a.digits, a.fraction = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, m[1]), m[2]
	if a.single = len(a.digits) > 15 || len(a.digits) > 1 && a.digits[0] == '0'; !a.single {
		a.n, _ = strconv.ParseUint(a.digits, 10, 64)
	}
	return a, true
}

// one by one reads digits.
func (l *language) oneByOne(digits string) string {
	var parts []string
	for _, d := range digits {
		parts = append(parts, l.cardinal(uint64(d-'0')))
	}
	return strings.Join(parts, " ")
}

// say reads an amount; a number of four digits in the centuries of years is one.
func (l *language) say(a amount, year bool) string {
	s := ""
	switch {
	case a.single:
		s = l.oneByOne(a.digits)
	case year && a.fraction == "" && a.n >= 1100 && a.n < 2100:
		s = l.year(a.n)
	default:
		s = l.cardinal(a.n)
	}
	if a.fraction != "" {
		s += " " + l.point + " " + l.oneByOne(a.fraction)
	}
	return s
}

// count reads an amount before a noun.
func (l *language) count(a amount, x noun) string {
	if a.single || a.fraction != "" {
		return l.say(a, false)
	}
	return l.before(a.n, x.feminine)
}

// counted reads an amount with its noun.
func (l *language) counted(a amount, x noun) string {
	return l.count(a, x) + " " + l.noun(a, x)
}

// noun is a noun as it stands behind an amount.
func (l *language) noun(a amount, x noun) string {
	s := x.of(a.number())
	if a.fraction == "" && a.n > 0 && a.n%1e6 == 0 {
		s = l.of(s) + s
	}
	return s
}

// money reads an amount of a currency.
func (l *language) money(a amount, c currency) string {
	if a.fraction == "" || len(a.fraction) > 2 || c.cent.one == "" || a.single {
		return l.counted(a, c.unit)
	}
	cents, _ := strconv.ParseUint((a.fraction + "0")[:2], 10, 64)
	a.fraction = ""
	small := l.counted(amount{n: cents}, c.cent)
	switch {
	case cents == 0:
		return l.counted(a, c.unit)
	case a.n == 0:
		return small
	}
	return joined(l.counted(a, c.unit), l.centsAfter, small)
}

// read says how a word is read, and how many words are read as one. A word that is read as it is written is returned as it is.
func (l *language) read(words []string, i int) (used int, spoken string) {
	p := passageAt(words, i)
	if p.core == "" {
		return 1, l.signsOf(words[i])
	}
	if s, tail, ok := l.abbreviation(&p); ok {
		return 1, p.head + s + tail
	}
	if strings.ContainsFunc(p.core, isDigit) {
		return l.digits(&p)
	}
	if a, ok := l.amount(strings.TrimLeft(p.before(), "-−")); ok {
		if x, ok := l.unit(p.core); ok {
			return 1, p.head + l.noun(a, x) + p.tail
		}
	}
	return 1, p.head + l.signsOf(p.core) + p.tail
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// unit is the noun of a currency's sign or a unit.
func (l *language) unit(sign string) (noun, bool) {
	if c, ok := l.currencies[sign]; ok {
		return c.unit, true
	}
	x, ok := l.units[strings.ToLower(sign)]
	return x, ok
}

// initials are letters with points behind them.
var initials = regexp.MustCompile(`^(?:\pL\.)+\pL$`)

// abbreviation reads one, and returns the punctuation behind it.
func (l *language) abbreviation(p *passage) (s, tail string, ok bool) {
	tail, dotted := strings.CutPrefix(p.tail, ".")
	if dotted {
		if s, ok = l.abbreviations[p.core+"."]; ok {
			q := passage{words: p.words, i: p.i}
			q.tail = tail
			next, _ := utf8.DecodeRuneInString(q.next().core)
			switch {
			case s == l.signs["№"] && !isDigit(next), utf8.RuneCountInString(p.core) == 1 && !unicode.IsUpper(next):
				return "", "", false
			}
			return s, tail, true
		}
	}
	if s, ok = l.abbreviations[p.core]; ok {
		return s, p.tail, true
	}
	if initials.MatchString(p.core) {
		return strings.ReplaceAll(p.core, ".", " "), strings.TrimPrefix(p.tail, "."), true
	}
	return "", "", false
}

// digits reads a word with digits.
func (l *language) digits(p *passage) (used int, spoken string) {
	core, sign := p.core, ""
	for _, minus := range []string{"-", "−"} {
		if rest, ok := strings.CutPrefix(core, minus); ok {
			core, sign = rest, l.minus+" "
		}
	}
	for _, read := range []func(*passage, string) (int, string, string){l.clockTime, l.sum, l.measure, l.ordinalNumber, l.decade, l.ranges, l.plain} {
		if used, s, tail := read(p, core); used > 0 {
			return used, p.head + sign + s + tail
		}
	}
	return 1, p.head + l.mixed(p.core) + p.tail
}

var clockPattern = regexp.MustCompile(`^(\d{1,2})(?:([:hH.])(\d{2})(?::(\d{2}))?|[hH]|)(?i:([ap])\.?m\.?)?$`)

// clockTime reads times of day: 3:05, 10:30 pm, 14h30, 14.30 Uhr.
func (l *language) clockTime(p *passage, core string) (used int, s, tail string) {
	m := clockPattern.FindStringSubmatch(core)
	if m == nil {
		return 0, "", ""
	}
	half, used, tail := strings.ToLower(m[5]), 1, p.tail
	next := p.next()
	switch word := strings.ToLower(strings.ReplaceAll(next.core, ".", "")); {
	case l == english && half == "" && (word == "am" || word == "pm"):
		half, used, tail = word[:1], 2, strings.TrimPrefix(next.tail, ".")
	case l == german && next.core == "Uhr":
		used, tail = 2, next.tail
	}
	hour, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi("0" + m[3])
	second, timed := -1, m[2] == ":"
	if m[4] != "" {
		second, _ = strconv.Atoi(m[4])
	}
	timed = timed || l == english && half != "" && m[2] == "" || l == french && strings.ContainsAny(core, "hH") || used == 2
	if !timed || half != "" && l != english || hour > 24 || half != "" && hour > 12 || minute > 59 || second > 59 || m[2] == "." && used == 1 {
		return 0, "", ""
	}
	return used, l.clock(hour, minute, second, half), tail
}

// sum reads amounts of money: $3.50, 3,50 €, $3 million.
func (l *language) sum(p *passage, core string) (used int, s, tail string) {
	for sign, c := range l.currencies {
		rest, ok := strings.CutPrefix(core, sign)
		if !ok {
			continue
		}
		if a, ok := l.amount(rest); ok {
			next := p.next()
			if scale, ok := l.scales[strings.ToLower(next.core)]; ok && len(next.core) > 2 {
				return 2, joined(l.say(a, false), scale, c.unit.many), next.tail
			}
			return 1, l.money(a, c), p.tail
		}
		number := strings.TrimRightFunc(rest, unicode.IsLetter)
		if a, ok := l.amount(number); ok {
			if scale, ok := l.scales[strings.ToLower(rest[len(number):])]; ok {
				return 1, joined(l.say(a, false), scale, c.unit.many), p.tail
			}
		}
	}
	for sign, c := range l.currencies {
		if rest, ok := strings.CutSuffix(core, sign); ok {
			if a, ok := l.amount(strings.TrimRight(rest, "\u00a0\u202f\u2009")); ok {
				return 1, l.money(a, c), p.tail
			}
		}
	}
	next := p.next()
	if c, ok := l.currencies[next.core]; ok {
		if a, ok := l.amount(core); ok && a.fraction != "" {
			return 2, l.money(a, c), next.tail
		}
	}
	return 0, "", ""
}

// measure reads an amount with the unit behind it: 5km, 50%, or in the next word, which is then read by itself.
func (l *language) measure(p *passage, core string) (used int, s, tail string) {
	if a, ok := l.amount(core); ok {
		if x, ok := l.unit(p.next().core); ok {
			return 1, l.count(a, x), p.tail
		}
		return 0, "", ""
	}
	number := strings.TrimRightFunc(core, func(r rune) bool { return !isDigit(r) })
	a, ok := l.amount(number)
	if !ok {
		return 0, "", ""
	}
	x, ok := l.unit(strings.Trim(core[len(number):], "\u00a0\u202f\u2009"))
	if !ok || l == english && core[len(number):] == "s" {
		return 0, "", ""
	}
	return 1, l.counted(a, x), p.tail
}

// months of German, before which a number with a point is an ordinal.
var months = strings.Fields("Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember Jahrhundert Jh")

// ordinalNumber reads ordinals in digits: 3rd, 3e, 3º, 3. Mai.
func (l *language) ordinalNumber(p *passage, core string) (used int, s, tail string) {
	number := strings.TrimRightFunc(core, func(r rune) bool { return !isDigit(r) })
	suffix, tail := core[len(number):], p.tail
	if slices.Contains(l.ordinals, ".") {
		if suffix != "" || p.tail != "." || len(number) > 3 || p.i+1 == len(p.words) {
			return 0, "", ""
		}
		after := passageAt(p.words, p.i+1).core
		first, _ := utf8.DecodeRuneInString(after)
		if !slices.Contains(months, after) && !unicode.IsLower(first) {
			return 0, "", ""
		}
		suffix, tail = ".", ""
	}
	a, ok := l.amount(number)
	if !ok || a.fraction != "" || a.single || a.n == 0 || !slices.Contains(l.ordinals, strings.ToLower(suffix)) {
		return 0, "", ""
	}
	s = l.ordinal(a.n)
	if l.ordinalForm != nil {
		s = l.ordinalForm(s, strings.ToLower(suffix), p.before())
	}
	return 1, s, tail
}

var decadePattern = regexp.MustCompile(`^(?:(1[1-9]|20)?)([1-9]0|00)['’]?s$`)

// decade reads decades of English: 1980s, '80s.
func (l *language) decade(p *passage, core string) (used int, s, tail string) {
	m := decadePattern.FindStringSubmatch(core)
	if l != english || m == nil || m[1] == "" && m[2] == "00" {
		return 0, "", ""
	}
	p.head = strings.TrimRight(p.head, "'’‘")
	n, _ := strconv.ParseUint(m[1]+m[2], 10, 64)
	return 1, lastWord(l.year(n), "hundred", "hundreds", "thousand", "thousands", "ten", "tens", "y", "ies"), p.tail
}

// ranges reads two numbers with a dash between.
func (l *language) ranges(p *passage, core string) (used int, s, tail string) {
	for _, dash := range []string{"-", "–", "—"} {
		from, to, ok := strings.Cut(core, dash)
		if !ok {
			continue
		}
		a, ok := l.amount(from)
		b, ok2 := l.amount(to)
		if ok && ok2 {
			return 1, joined(l.say(a, true), l.to, l.say(b, true)), p.tail
		}
	}
	return 0, "", ""
}

// plain reads numbers and fractions that stand alone.
func (l *language) plain(p *passage, core string) (used int, s, tail string) {
	if s, ok := l.fractions[core]; ok {
		return 1, s, p.tail
	}
	a, ok := l.amount(core)
	if !ok {
		return 0, "", ""
	}
	return 1, l.say(a, len(core) == 4), p.tail
}

// mixed reads what is left: digits among other characters.
func (l *language) mixed(core string) string {
	var parts []string
	for core != "" {
		number := strings.TrimLeftFunc(core, isDigit)
		if n := len(core) - len(number); n > 0 {
			a, _ := l.amount(core[:n])
			parts = append(parts, l.say(a, false))
			core = number
			continue
		}
		rest := strings.IndexFunc(core, isDigit)
		if rest < 0 {
			rest = len(core)
		}
		between := core[:rest]
		if len(parts) > 0 && rest < len(core) && (between == "." || between == l.decimal) {
			between = l.point
		}
		parts, core = append(parts, strings.TrimSpace(l.signsOf(between))), core[rest:]
	}
	return joined(parts...)
}

// signsOf reads the signs among the characters of a word.
func (l *language) signsOf(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return l.signs[string(r)] != "" }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if name, ok := l.signs[string(r)]; ok {
			b.WriteString(" " + name + " ")
			continue
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// group joins words that are the groups of three digits of one number, where the language parts them by spaces.
func (l *language) group(words []string) (all []string) {
	if l != french && l != spanish {
		return words
	}
	digits := func(s string, least int) bool {
		return len(s) >= least && len(s) <= 3 && !strings.ContainsFunc(s, func(r rune) bool { return !isDigit(r) })
	}
	for i := 0; i < len(words); i++ {
		all = append(all, words[i])
		for digits(strings.TrimLeft(words[i], "-−"), 1) && words[i] != "0" && i+1 < len(words) {
			next := passageAt(words, i+1)
			whole, _, _ := strings.Cut(next.core, l.decimal)
			if next.head != "" || !digits(whole, 3) {
				break
			}
			all[len(all)-1] += " " + words[i+1]
			i++
		}
	}
	return all
}
