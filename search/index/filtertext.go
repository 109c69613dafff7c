package index

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// ParseFilter reads a filter as text, for a command line or a URL:
//
//	label in (cat, dog) and year >= 2019 and not path ^= "holiday/"
//
// A test is a name, an operator and a value:
//
//	name = value            is this text
//	name != value           is not; also passes where there is no such field
//	name in (value, …)      is one of these
//	name not in (value, …)  is not one of these
//	name ^= value           begins with this
//	name < value            and <=, >, >=: see [Bound]
//	name exists             the item has the field
//
// The names label and id are the item's own; any other, and any in quotes, is a field's. Tests are joined by not, and,
// or, which bind in this order, and parentheses. Values and names are words of letters, digits and the characters
// _-./:+@#%$&*~?[]{};\| or stand in quotes: "…" with the escapes of Go, '…' as it is. Behind <, <=, >, >= a word that
// reads as a number is a number, and all else is a text. Keywords may be in capitals.
//
// Empty text is the filter that lets all pass. An error names the character at which the text cannot be read.
func ParseFilter(text string) (Filter, error) {
	p := &filterParser{text: text}
	f, err := p.parse()
	if err == nil {
		err = f.Check("filter")
	}
	if err != nil {
		return Filter{}, err
	}
	return f, nil
}

// filterParser reads text from front to back; token is the next one.
type filterParser struct {
	text  string
	at    int // of what is behind the token
	token filterToken
}

type filterToken struct {
	kind  tokenKind
	text  string // of a word, without its quotes
	start int
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuoted
	tokenSign // an operator, a parenthesis or a comma
)

func (p *filterParser) parse() (Filter, error) {
	if !utf8.ValidString(p.text) {
		return Filter{}, badArgument("filter is %q; it must be UTF-8", excerpt.Of(p.text))
	}
	if err := p.next(); err != nil || p.token.kind == tokenEnd {
		return Filter{}, err
	}
	f, err := p.either(0)
	if err == nil && p.token.kind != tokenEnd {
		err = p.want("and, or, or the end")
	}
	return f, err
}

// want is the error that the token is not what must be there.
func (p *filterParser) want(what string) error {
	there := fmt.Sprintf("%q", excerpt.Of(p.token.text))
	if p.token.kind == tokenEnd {
		there = "its end"
	}
	return p.bad(p.token.start, "%s, want %s", there, what)
}

func (p *filterParser) bad(at int, format string, args ...any) error {
	return badArgument("filter: character %d: %s", 1+utf8.RuneCountInString(p.text[:at]), fmt.Sprintf(format, args...))
}

// wordRunes are the characters of a word beside letters and digits.
const wordRunes = `_-./:+@#%$&*~?[]{};\|`

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(wordRunes, r)
}

// signs are the operators and brackets, longer ones first.
var signs = []string{"!=", "<=", ">=", "^=", "=", "<", ">", "(", ")", ","}

// next reads a token.
func (p *filterParser) next() error {
	p.at += len(p.text[p.at:]) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
	rest := p.text[p.at:]
	p.token = filterToken{start: p.at}
	if rest == "" {
		return nil
	}
	for _, sign := range signs {
		if strings.HasPrefix(rest, sign) {
			p.token.kind, p.token.text = tokenSign, sign
			p.at += len(sign)
			return nil
		}
	}
	if rest[0] == '"' || rest[0] == '\'' {
		return p.quoted(rest)
	}
	n := strings.IndexFunc(rest, func(r rune) bool { return !inWord(r) })
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		r, _ := utf8.DecodeRuneInString(rest)
		return p.bad(p.at, "%q stands in no word and is no operator; put the text in quotes", r)
	}
	p.token.kind, p.token.text = tokenWord, rest[:n]
	p.at += n
	return nil
}

// quoted reads a token in quotes.
func (p *filterParser) quoted(rest string) error {
	p.token.kind = tokenQuoted
	if rest[0] == '\'' {
		end := strings.IndexByte(rest[1:], '\'')
		if end < 0 {
			return p.bad(p.at, "a quote ' is not closed")
		}
		p.token.text = rest[1:][:end]
		p.at += end + 2
		return nil
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return p.bad(p.at, `a quote " is not closed, or has an escape that does not exist`)
	}
	p.token.text, _ = strconv.Unquote(quoted) // a prefix that is quoted has no error
	p.at += len(quoted)
	return nil
}

// keyword tells whether the token is a word of the language.
func (p *filterParser) keyword(word string) bool {
	return p.token.kind == tokenWord && strings.EqualFold(p.token.text, word)
}

func (p *filterParser) sign(sign string) bool {
	return p.token.kind == tokenSign && p.token.text == sign
}

// either reads terms with or between.
func (p *filterParser) either(depth int) (Filter, error) {
	list, err := p.list(depth, "or", p.all)
	if len(list) == 1 || err != nil {
		return first(list), err
	}
	return Filter{Or: list}, nil
}

// all reads terms with and between.
func (p *filterParser) all(depth int) (Filter, error) {
	list, err := p.list(depth, "and", p.term)
	if len(list) == 1 || err != nil {
		return first(list), err
	}
	return Filter{And: list}, nil
}

func first(list []Filter) Filter {
	if len(list) == 0 {
		return Filter{}
	}
	return list[0]
}

func (p *filterParser) list(depth int, between string, one func(int) (Filter, error)) (list []Filter, err error) {
	for {
		f, err := one(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
		if !p.keyword(between) {
			return list, nil
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
}

// term reads a test, a filter in parentheses, or not and a term.
func (p *filterParser) term(depth int) (Filter, error) {
	if depth > MaxFilterDepth {
		return Filter{}, p.bad(p.token.start, "not and parentheses stand more than %d deep in each other", MaxFilterDepth)
	}
	switch {
	case p.keyword("not"):
		if err := p.next(); err != nil {
			return Filter{}, err
		}
		f, err := p.term(depth + 1)
		return Filter{Not: &f}, err
	case p.sign("("):
		if err := p.next(); err != nil {
			return Filter{}, err
		}
		f, err := p.either(depth + 1)
		if err == nil && !p.sign(")") {
			err = p.want("and, or, or )")
		}
		if err == nil {
			err = p.next()
		}
		return f, err
	}
	return p.test()
}

// test reads a name, an operator and a value.
func (p *filterParser) test() (Filter, error) {
	name := p.token
	if name.kind != tokenWord && name.kind != tokenQuoted || p.keyword("and") || p.keyword("or") || p.keyword("in") || p.keyword("exists") {
		return Filter{}, p.want("label, id or the name of a field")
	}
	if err := p.next(); err != nil {
		return Filter{}, err
	}
	negated := p.keyword("not")
	if negated {
		if err := p.next(); err != nil {
			return Filter{}, err
		}
		if !p.keyword("in") {
			return Filter{}, p.want("in")
		}
	}
	var c Condition
	var err error
	switch {
	case p.keyword("in"):
		c.In, err = p.values()
	case p.keyword("exists"):
		c.Exists = true
		err = p.next()
	case p.token.kind == tokenSign && operators[p.token.text] != nil:
		negated = p.token.text == "!="
		err = p.compare(&c)
	default:
		err = p.want("=, !=, <, <=, >, >=, ^=, in, not in or exists")
	}
	f := name.about(c)
	if negated {
		return Filter{Not: &f}, err
	}
	return f, err
}

// about is the filter of a name and what is asked of it.
func (name filterToken) about(c Condition) Filter {
	switch {
	case name.kind == tokenWord && name.text == "label":
		return Filter{Label: c}
	case name.kind == tokenWord && name.text == "id":
		return Filter{ID: c}
	}
	return Filter{Fields: map[string]Condition{name.text: c}}
}

// operators put a value into a condition.
var operators = map[string]func(c *Condition, value filterToken){
	"=":  func(c *Condition, v filterToken) { c.In = []string{v.text} },
	"!=": func(c *Condition, v filterToken) { c.In = []string{v.text} },
	"^=": func(c *Condition, v filterToken) { c.Prefix = v.text },
	"<":  func(c *Condition, v filterToken) { c.LT = v.bound() },
	"<=": func(c *Condition, v filterToken) { c.LTE = v.bound() },
	">":  func(c *Condition, v filterToken) { c.GT = v.bound() },
	">=": func(c *Condition, v filterToken) { c.GTE = v.bound() },
}

func (name filterToken) bound() *Bound {
	if x, ok := Decimal(name.text); ok && name.kind == tokenWord {
		return Number(x)
	}
	return Text(name.text)
}

// compare reads an operator and its value.
func (p *filterParser) compare(c *Condition) error {
	operator := p.token.text
	if err := p.next(); err != nil {
		return err
	}
	value := p.token
	if value.kind != tokenWord && value.kind != tokenQuoted {
		return p.want("a value")
	}
	if operator == "^=" && value.text == "" {
		return p.want("a text that is not empty")
	}
	operators[operator](c, value)
	return p.next()
}

// values reads a list in parentheses behind in.
func (p *filterParser) values() (list []string, err error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if !p.sign("(") {
		return nil, p.want("( and a list of values")
	}
	for !p.sign(")") {
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.token.kind != tokenWord && p.token.kind != tokenQuoted {
			return nil, p.want("a value")
		}
		list = append(list, p.token.text)
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.sign(",") && !p.sign(")") {
			return nil, p.want(", or )")
		}
	}
	return list, p.next()
}

// Decimal reads a text as the decimal number as which a [Bound] that is a number compares it.
func Decimal(text string) (x float64, ok bool) {
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil
}

// String is text that ParseFilter reads as the same filter; "" for one that lets all pass.
func (f Filter) String() string {
	var all []string
	for i := range f.And {
		all = append(all, f.And[i].String())
	}
	if len(f.Or) > 0 {
		any := make([]string, len(f.Or))
		for i := range f.Or {
			any[i] = f.Or[i].String()
		}
		all = append(all, "("+strings.Join(any, " or ")+")")
	}
	if f.Not != nil {
		all = append(all, "not ("+f.Not.String()+")")
	}
	all = append(all, f.Label.terms("label")...)
	all = append(all, f.ID.terms("id")...)
	for _, key := range slices.Sorted(maps.Keys(f.Fields)) {
		c := f.Fields[key]
		all = append(all, c.terms(strconv.Quote(key))...)
	}
	return strings.Join(all, " and ")
}

// terms is each thing that a condition asks, as text.
func (c *Condition) terms(name string) (all []string) {
	switch {
	case len(c.In) == 1:
		all = append(all, name+" = "+strconv.Quote(c.In[0]))
	case c.In != nil:
		quoted := make([]string, len(c.In))
		for i, text := range c.In {
			quoted[i] = strconv.Quote(text)
		}
		all = append(all, name+" in ("+strings.Join(quoted, ", ")+")")
	}
	if c.Prefix != "" {
		all = append(all, name+" ^= "+strconv.Quote(c.Prefix))
	}
	for _, b := range c.bounds() {
		if b.Bound != nil {
			all = append(all, name+" "+b.sign+" "+b.String())
		}
	}
	if c.Exists {
		all = append(all, name+" exists")
	}
	return all
}

// String is the bound as ParseFilter reads it.
func (b *Bound) String() string {
	if b.isNumber {
		return strconv.FormatFloat(b.number, 'g', -1, 64)
	}
	return strconv.Quote(b.text)
}
