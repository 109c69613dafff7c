package text

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/ctc"
	"golang.org/x/text/unicode/norm"
)

// Unknown says what becomes of a character that cannot be spelled.
type Unknown string

// What may become of one.
const (
	Refuse   Unknown = "error"    // it is an error, by its place
	Skip     Unknown = "skip"     // it is not spelled; the word keeps it
	Wildcard Unknown = "wildcard" // its word stands for anything in the sound
)

// A Normaliser spells texts with the tokens of a model. It may be used by several goroutines.
type Normaliser struct {
	Unknown Unknown // "" means Refuse

	alphabet alphabet
	basic    bool
	language *language // nil: numbers and signs are not spelled
}

// None and Basic are levels that know no language.
const (
	None  = "none"
	Basic = "basic"
)

// Levels lists what New takes.
func Levels() []string {
	return append([]string{None, Basic}, slices.Sorted(maps.Keys(languages))...)
}

// New returns a normaliser of a level: [None] composes characters as the tokens have them (Unicode's NFC or NFD); [Basic] also takes letters to the tokens'
// case, leaves punctuation out that the tokens do not have, and accents; a language, en, de, fr or es, also spells numbers, signs and abbreviations.
// The tokens are the texts of a model's classes. With nil, texts are to be compared: beyond None, in small letters and without punctuation
// but apostrophes.
//
// Errors: another level.
func New(level string, tokens []string) (*Normaliser, error) {
	n := &Normaliser{alphabet: newAlphabet(tokens), basic: level != None, language: languages[level]}
	if n.language == nil && level != None && level != Basic {
		return nil, fmt.Errorf("text: the level is %q; it must be one of %s", excerpt.Of(level), strings.Join(Levels(), ", "))
	}
	return n, nil
}

// A Word is a word of a text with its spelling.
type Word struct {
	Text    string // as it is in the text; of several words where these are read as one, "$3 million"
	Spelled string // by the tokens, of one word or more; "" for what is not said, as a dash
	Joined  bool   // no space stands between the word before and this one
	Line    int    // in the text, from 1 on
	Number  int    // in the line, from 1 on
}

// Words cuts a text at white space, and between characters of scripts that have none, and spells the words. A word
// ctc.WildcardText stands for anything.
//
// Errors: a character that the tokens cannot spell, by its line and word, if Unknown is Refuse; texts that are not UTF-8.
func (n *Normaliser) Words(text string) (all []Word, err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimPrefix(line, "\ufeff")
		if !utf8.ValidString(line) {
			return nil, fmt.Errorf("text: line %d, %q, is not UTF-8", number, excerpt.Of(line))
		}
		words := fields(line)
		if n.language != nil {
			words = n.language.group(words)
		}
		place := 1
		for i := 0; i < len(words); {
			used, spoken := 1, words[i]
			if n.language != nil && words[i] != ctc.WildcardText {
				used, spoken = n.language.read(words, i)
			}
			one := Word{Text: strings.Join(words[i:i+used], " "), Line: number, Number: place}
			if all, err = n.add(all, one, spoken); err != nil {
				return nil, err
			}
			i, place = i+used, place+len(strings.Fields(one.Text))
		}
	}
	return all, nil
}

// add appends a word that is spoken in some way, as pieces where its script has no spaces.
func (n *Normaliser) add(all []Word, w Word, spoken string) ([]Word, error) {
	pieces := []string{w.Text}
	if spoken == w.Text {
		pieces = Pieces(w.Text)
	}
	for i, p := range pieces {
		one := w
		one.Text, one.Joined = p, i > 0
		if len(pieces) > 1 {
			spoken = p
		}
		var err error
		if one.Spelled, err = n.spell(one, spoken); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// spell spells what is spoken for a word.
func (n *Normaliser) spell(w Word, spoken string) (string, error) {
	if w.Text == ctc.WildcardText {
		return w.Text, nil
	}
	var b strings.Builder
	var it norm.Iter
	spoken = norm.NFC.String(spoken)
	for it.InitString(norm.NFC, spoken); !it.Done(); {
		c := string(it.Next())
		s, ok := n.character(c)
		switch {
		case ok:
			b.WriteString(s)
		case n.Unknown == Wildcard:
			return ctc.WildcardText, nil
		case n.Unknown != Skip:
			return "", &UnknownError{Character: c, Word: w, level: n.level()}
		}
	}
	space := ""
	if n.alphabet.spaced {
		space = " "
	}
	parts := strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' })
	if n.basic && n.alphabet.runes == nil {
		for i, p := range parts {
			parts[i] = strings.Trim(p, "'") // quotes
		}
		parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	}
	return strings.Join(parts, space), nil
}

// character spells a character.
func (n *Normaliser) character(c string) (string, bool) {
	switch {
	case c == " ":
		return c, true
	case n.alphabet.runes == nil && n.basic:
		return compared(c), true
	case n.basic:
		return n.alphabet.folded(c)
	}
	return n.alphabet.exact(c)
}

// level is how far a normaliser is from spelling more.
func (n *Normaliser) level() string {
	switch {
	case !n.basic:
		return None
	case n.language == nil:
		return Basic
	}
	return ""
}

// An UnknownError is a character that the tokens cannot spell.
type UnknownError struct {
	Character string
	Word      Word
	level     string // the normaliser's, where another might spell it
}

func (e *UnknownError) Error() string {
	s := fmt.Sprintf("text: line %d, word %d, %q: no token spells %q (%s)", e.Word.Line, e.Word.Number, excerpt.Of(e.Word.Text), e.Character, strings.Trim(fmt.Sprintf("%U", []rune(e.Character)), "[]"))
	first := []rune(e.Character)[0]
	switch {
	case e.level == None:
		return s + "; the level basic takes case, accents and punctuation to what the tokens have"
	case e.level == Basic && (unicode.IsDigit(first) || unicode.IsSymbol(first) || unicode.IsPunct(first)):
		return s + "; a language (en, de, fr, es) spells numbers and signs"
	}
	return s
}

// Spelling joins the spelling of words, as an aligner takes it; wildcards stand alone.
func (n *Normaliser) Spelling(words []Word) string {
	var b strings.Builder
	wild := false
	for _, w := range words {
		if w.Spelled == "" {
			continue
		}
		now := w.Spelled == ctc.WildcardText
		if b.Len() > 0 && (now || wild || n.alphabet.spaced && !w.Joined) {
			b.WriteByte(' ')
		}
		b.WriteString(w.Spelled)
		wild = now
	}
	return b.String()
}

// Plain returns a text as it is compared with others.
//
// Errors: those of Words.
func (n *Normaliser) Plain(text string) (string, error) {
	words, err := n.Words(text)
	return n.Spelling(words), err
}

// fields cuts a line at white space, but not at the spaces without a break that stand within numbers and before their signs.
func fields(line string) (all []string) {
	runes := []rune(line)
	lo := -1
	for i, r := range runes {
		tied := (r == '\u00a0' || r == '\u202f' || r == '\u2009') && i > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i-1]) && (unicode.IsDigit(runes[i+1]) || unicode.IsSymbol(runes[i+1]) || runes[i+1] == '%')
		switch {
		case unicode.IsSpace(r) && !tied:
			if lo >= 0 {
				all, lo = append(all, string(runes[lo:i])), -1
			}
		case lo < 0:
			lo = i
		}
	}
	if lo >= 0 {
		all = append(all, string(runes[lo:]))
	}
	return all
}
