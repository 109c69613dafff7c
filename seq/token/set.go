// Package token says what the classes of a network mean that was trained by connectionist temporal classification: which one is the blank, what
// each adds to a text, where words begin, and which never appear in a text.
//
// A [Set] comes from a file of tokens in any of the layouts that recognisers have ([Read]), or from a list of texts ([Of]). What the file does
// not say is recognised by its layout, and [Options] override it; [Set.Why] says what was understood, and by what.
//
// Texts have one form, whatever the layout: a space is where words part. The separator's text is a space; a piece that begins a word, as ▁HE of
// SentencePiece or HE beside ##LL of WordPiece, begins with one; special tokens have no text. So the text of classes is that of the tokens, one after the other.
//
// Source: [kudo2018] for pieces with ▁, [schuster2012] for those with ##.
package token

import (
	"slices"
	"strings"
)

// None is the class of what a set does not have.
const None = -1

// A Role is what a token is for.
type Role string

// The roles of tokens.
const (
	Text      Role = "text"
	Blank     Role = "blank"
	Separator Role = "separator" // between words
	Unknown   Role = "unknown"   // what no token spells
	Start     Role = "start"     // of a sentence
	End       Role = "end"
	Special   Role = "special" // any other token that is in no text
)

// The marks of pieces of words.
const (
	Begins    = "▁"  // of a piece that begins a word
	Continues = "##" // of a piece that continues one; all others begin a word
)

// A Set says what the classes of a network mean.
type Set struct {
	Names []string // of each class, as its system writes it; an unlisted blank's is ""
	Texts []string // what each class adds to a text, a space being where words part; "" for the blank and special tokens
	Roles []Role   // of each class

	Blank     int
	Separator int      // the first class whose text is a space alone, or None
	Unknown   int      // these three: a class or None
	Start     int      // a token that is both start and end is both here
	End       int      //
	Mark      string   // of pieces: Begins, Continues or another text; "" for none
	Layout    string   // what the file is
	Why       []string // what was understood, and by what: a line each

	unlisted bool // the file does not have the blank
}

// Words reports whether a space parts words; else every token is a word.
func (s *Set) Words() bool { return s.Mark != "" || s.Separator != None }

// Between is the text between words: a space, or "" where every token is a word.
func (s *Set) Between() string {
	if s.Words() {
		return " "
	}
	return ""
}

// Special reports whether a class is in no text, other than the blank.
func (s *Set) Special(class int) bool {
	return class != s.Blank && s.Texts[class] == ""
}

// Join returns the texts of classes, one after the other. It begins with a space where the first is a piece that begins a word.
func (s *Set) Join(classes []int) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString(s.Texts[c])
	}
	return b.String()
}

// Text returns what classes say: their texts, with single spaces between words, and none around them.
func (s *Set) Text(classes []int) string {
	text := s.Join(classes)
	if !s.Words() {
		return text
	}
	return strings.Join(strings.Fields(text), " ")
}

// Form returns a text as the tokens' texts make it up: with single spaces between words, and one before them where words begin with a marked piece.
func (s *Set) Form(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	if s.Mark != "" && words != "" {
		return " " + words
	}
	return words
}

// OfTexts makes a set of texts as [Set.Texts] has them: nothing of it is recognised by names. The blank's text counts for nothing.
func OfTexts(texts []string, blank int) *Set {
	s := &Set{Texts: slices.Clone(texts), Layout: "texts", Blank: blank, Separator: None, Unknown: None, Start: None, End: None}
	s.Texts[blank] = ""
	s.Names, s.Roles = slices.Clone(s.Texts), make([]Role, len(texts))
	for c, text := range s.Texts {
		switch {
		case c == blank:
			s.Roles[c] = Blank
		case text == "":
			s.Roles[c] = Special
		case text == " ":
			s.Roles[c] = Separator
		default:
			s.Roles[c] = Text
		}
	}
	s.Separator = slices.Index(s.Roles, Separator)
	if pieces(s.Texts, " ") {
		s.Mark = " "
	}
	return s
}

// SeparatorOption is the [Options.Separator] with which the set's texts mean what they do here: "" where it is recognised.
func (s *Set) SeparatorOption() string {
	if s.Words() {
		return ""
	}
	return NoSeparator
}

// BlankFirst returns the texts with the blank moved to the front, and the order of the classes that does it.
func (s *Set) BlankFirst() (texts []string, order []int) {
	order = []int{s.Blank}
	for c := range s.Texts {
		if c != s.Blank {
			order = append(order, c)
		}
	}
	for _, c := range order {
		texts = append(texts, s.Texts[c])
	}
	return texts, order
}

// Class returns the class of a name, or None.
func (s *Set) Class(name string) int { return slices.Index(s.Names, name) }
