package text

import "strings"

// A language says how numbers and signs are read. Its words are in small letters, apart by single spaces.
type language struct {
	cardinal func(n uint64) string                // below 10¹⁵
	ordinal  func(n uint64) string                // below 10¹⁵
	year     func(n uint64) string                // of a number of four digits that stands alone
	before   func(n uint64, feminine bool) string // a cardinal that stands before a noun
	of       func(noun string) string             // what stands between a round million and a noun

	decimal, groups string   // the sign before decimals, and those between groups of three digits
	point           string   // the sign's name
	minus, to       string   // before a number below 0, and between the ends of a range
	ordinals        []string // what ends a number in digits that is an ordinal
	ordinalForm     func(ordinal, suffix, before string) string
	centsAfter      string // between an amount and its hundredths

	signs         map[string]string
	units         map[string]noun
	currencies    map[string]currency
	abbreviations map[string]string
	scales        map[string]string // what may stand between a number and the currency before it
	fractions     map[string]string
	clock         func(hour, minute, second int, half string) string
}

// A noun has forms for one and for more.
type noun struct {
	one, many string
	feminine  bool
}

func (n noun) of(number uint64) string {
	if number == 1 {
		return n.one
	}
	return n.many
}

type currency struct{ unit, cent noun }

// languages are those whose numbers are spelled.
var languages = map[string]*language{"en": english, "de": german, "fr": french, "es": spanish}

// masculine is before of a language whose cardinals do not change.
func unchanged(cardinal func(uint64) string) func(uint64, bool) string {
	return func(n uint64, _ bool) string { return cardinal(n) }
}

// thousands joins the groups of three digits of a number: scale names 1000ᵏ of a group.
func thousands(n uint64, zero string, group func(g uint64, k int) string, scale func(g uint64, k int) string) string {
	if n == 0 {
		return zero
	}
	var parts []string
	for k, unit := 4, uint64(1e12); k >= 0; k, unit = k-1, unit/1000 {
		if g := n / unit % 1000; g > 0 {
			parts = append(parts, strings.TrimSpace(group(g, k)+" "+scale(g, k)))
		}
	}
	return strings.Join(parts, " ")
}

// lastWord replaces the end of a cardinal by the first row of from and to that fits.
func lastWord(s string, rows ...string) string {
	for i := 0; i < len(rows); i += 2 {
		if head, ok := strings.CutSuffix(s, rows[i]); ok {
			return head + rows[i+1]
		}
	}
	return s
}

// joined joins texts that are not empty by a space.
func joined(parts ...string) string {
	all := ""
	for _, p := range parts {
		if p != "" && all != "" {
			all += " "
		}
		all += p
	}
	return all
}
