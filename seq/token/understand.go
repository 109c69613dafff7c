package token

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
)

// Options override what a layout says, and add what it cannot know.
type Options struct {
	// Blank names the blank: a token, as the file has it; the number of a class; Last; or Unlisted, the class behind all tokens. "" recognises it.
	Blank string
	// Separator names what parts words: a token, NoSeparator, or the mark of pieces, Begins or Continues. "" recognises it.
	Separator string
	// Classes is the number of classes that the network has, where it is known, else 0. With it, a blank is found that the file does not list.
	Classes int
}

// What Options say besides a token.
const (
	Last        = "last"   // the blank is the last class
	Unlisted    = "none+1" // the blank is the class behind all tokens
	NoSeparator = "none"   // every token is a word
)

// A listing is what a file holds, before it is understood.
type listing struct {
	names     []string
	layout    string
	roles     map[int]Role    // that the layout itself gives
	by        map[Role]string // what gave the role, for Why
	named     map[Role]string // the same by names, before they are classes
	separator string          // the token that the layout names so, or ""
	mark      string          // of pieces, where the layout names it
	lines     bool            // a token a line, and nothing else
	bytes     bool            // names are of bytes, as GPT-2's tokenizer writes them
	noBlank   bool            // the layout never lists a blank
}

// Names that systems have for tokens, in small letters; of those that stand for the blank, the first that a file has counts.
var (
	blankNames = []string{"<blank>", "<blk>", "<ctc_blank>", "<ctc-blank>", "<ctcblank>", "<ctc>", "[blank]", "[blk]", "[ctc]", "<eps>", "<epsilon>"}
	padNames   = []string{"<pad>", "[pad]", "<|pad|>"}
	loneBlanks = []string{"blank", "-", "_", "#", "ε", "ϵ", "∅", ""} // at either end of the list
	spaceNames = []string{" ", "<space>", "[space]", "<sp>", "<|space|>"}
	marksOf    = map[Role][]string{
		Unknown: {"<unk>", "[unk]", "<unknown>", "<oov>", "[oov]", "<|unk|>", "⁇"},
		Start:   {"<s>", "<sos>", "<bos>", "<sos/eos>", "[cls]", "[bos]", "<|startoftext|>", "<|startoftranscript|>"},
		End:     {"</s>", "<eos>", "<sos/eos>", "[sep]", "[eos]", "<|endoftext|>"},
	}
	special  = regexp.MustCompile(`^(<[^<>\s]+>|\[[A-Za-z][^\[\]\s]+\])$`)
	oneByte  = regexp.MustCompile(`^<0x([0-9A-Fa-f]{2})>$`)
	disambig = regexp.MustCompile(`^#[0-9]+$`)
)

// understand makes a set of a listing.
func (l *listing) understand(o Options) (*Set, error) {
	if len(l.names) == 0 {
		return nil, errors.New("there are no tokens")
	}
	if o.Classes < 0 {
		return nil, fmt.Errorf("the number of classes is %d; it must be above 0, or 0 where it is not known", o.Classes)
	}
	s := &Set{Names: slices.Clone(l.names), Layout: l.layout, Separator: None, Unknown: None, Start: None, End: None}
	s.why("%s: %d tokens", l.layout, len(l.names))
	l.drop(s, o)
	if err := l.setBlank(s, o); err != nil {
		return nil, err
	}
	if o.Classes > 0 && len(s.Names) != o.Classes {
		return nil, fmt.Errorf("there are %d tokens, with the blank; the emissions have %d classes. blank (--blank) says which one is the blank: a token, a number, last, or none+1 for a class behind all tokens", len(s.Names), o.Classes)
	}
	if err := s.checkNames(); err != nil {
		return nil, err
	}
	if err := l.setSeparator(s, o); err != nil {
		return nil, err
	}
	l.setTexts(s)
	if !slices.ContainsFunc(s.Texts, func(t string) bool { return strings.TrimSpace(t) != "" }) {
		return nil, errors.New("none of the tokens is a text")
	}
	return s, nil
}

func (s *Set) why(format string, args ...any) { s.Why = append(s.Why, fmt.Sprintf(format, args...)) }

// quoted is a name in a line of Why.
func quoted(name string) string {
	if name == "" || strings.TrimSpace(name) != name {
		return strconv.Quote(name)
	}
	return excerpt.Of(name)
}

// drop leaves out tokens at the end that the network has no classes for: they are special ones, and symbols by which a lexicon tells homophones apart.
func (l *listing) drop(s *Set, o Options) {
	n := len(s.Names)
	for n > 1 && disambig.MatchString(s.Names[n-1]) && !l.lines && (o.Classes == 0 || n > o.Classes) {
		n--
	}
	if n < len(s.Names) {
		s.why("%s and what follows it are symbols of a lexicon, not classes", quoted(s.Names[n]))
		s.Names = s.Names[:n]
	}
	for o.Classes > 0 && n > o.Classes && l.isSpecial(n-1, s.Names[n-1]) && !isBlankName(s.Names[n-1]) {
		n--
	}
	if o.Classes > 0 && n == o.Classes && n < len(s.Names) {
		s.why("%s and what follows it are special tokens that the emissions have no classes for", quoted(s.Names[n]))
		s.Names = s.Names[:n]
	}
}

// isSpecial reports whether a token is in no text.
func (l *listing) isSpecial(class int, name string) bool {
	if _, ok := l.roles[class]; ok {
		return true
	}
	return special.MatchString(name) && !slices.Contains(spaceNames, strings.ToLower(name)) && !oneByte.MatchString(name)
}

func isBlankName(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(blankNames, name) || slices.Contains(padNames, name)
}

// setBlank finds the blank; one that the file does not list joins the names.
func (l *listing) setBlank(s *Set, o Options) error {
	if o.Blank != "" {
		return s.nameBlank(o)
	}
	if i, why := l.listedBlank(s.Names, o.Classes); i != None && !(o.Classes == len(s.Names)+1 && !slices.Contains(blankNames, strings.ToLower(s.Names[i]))) {
		s.Blank = i
		s.why("blank is %s, class %d: %s", quoted(s.Names[i]), i, why)
		return nil
	}
	n := len(s.Names)
	if from, spaced := l.paddle(s.Names, o.Classes); from {
		s.Names, s.Blank, s.unlisted = slices.Insert(s.Names, 0, ""), 0, true
		s.why("blank is class 0, which is not listed: a list of characters as PaddleOCR has them, which puts it before them")
		if spaced {
			s.Names = append(s.Names, " ")
			s.why("class %d is a space: there are two classes more than characters, and PaddleOCR adds it behind them", n+1)
		}
		return nil
	}
	s.Names, s.Blank, s.unlisted = append(s.Names, ""), n, true
	reason := "no token is called a blank, as NeMo's, flashlight's and TensorFlow's lists have none"
	if o.Classes == n+1 {
		reason = "the emissions have one class more than there are tokens"
	}
	s.why("blank is class %d, behind all tokens: %s", n, reason)
	return nil
}

// nameBlank takes the blank that options name.
func (s *Set) nameBlank(o Options) error {
	n := len(s.Names)
	unlisted := func(at int) {
		s.Names, s.Blank, s.unlisted = slices.Insert(s.Names, at, ""), at, true
		s.why("blank is class %d, which is not listed: blank (--blank) is %s", at, o.Blank)
	}
	k, err := strconv.Atoi(o.Blank)
	switch {
	case o.Blank == Unlisted, o.Blank == Last && o.Classes == n+1:
		unlisted(n)
		return nil
	case o.Blank == Last:
		s.Blank = n - 1
	case err == nil && (k < 0 || k > n || k == n && o.Classes == n):
		return fmt.Errorf("blank is %d; with %d tokens it must be a class from 0 to %d", k, n, n)
	case err == nil && (k == n || o.Classes == n+1):
		unlisted(k)
		return nil
	case err == nil:
		s.Blank = k
	default:
		if s.Blank = s.Class(o.Blank); s.Blank == None {
			return fmt.Errorf("blank is %q, which is no token%s; it must be a token, the number of a class, last, or none+1 for the class behind all tokens", excerpt.Of(o.Blank), spelling.DidYouMean(o.Blank, s.Names))
		}
	}
	s.why("blank is %s, class %d: blank (--blank) is %s", quoted(s.Names[s.Blank]), s.Blank, o.Blank)
	return nil
}

// listedBlank finds the token that is the blank, and says why it is.
func (l *listing) listedBlank(names []string, classes int) (class int, why string) {
	for c, role := range l.roles {
		if role == Blank && c < len(names) {
			return c, l.by[Blank]
		}
	}
	if l.noBlank {
		return None, ""
	}
	for _, list := range [][]string{blankNames, padNames} {
		for _, name := range list {
			if i := slices.IndexFunc(names, func(s string) bool { return strings.ToLower(s) == name }); i >= 0 {
				if isPad := slices.Contains(padNames, name); isPad {
					return i, "Hugging Face's tokenizers for CTC take the padding for it"
				}
				return i, "its name says so"
			}
		}
	}
	for _, i := range []int{0, len(names) - 1} {
		name := strings.ToLower(names[i])
		switch {
		case !slices.Contains(loneBlanks, name) || name == "_" && pieces(names, "_"):
		case name == "":
			return i, "its text is empty"
		case name == "#" && i == 0 || l.paddleCharacters(names):
		default:
			return i, fmt.Sprintf("%s at the end of a list is the blank of torchaudio, flashlight and others", name)
		}
	}
	if i := slices.Index(names, ""); i >= 0 {
		return i, "its text is empty"
	}
	if i := slices.Index(names, "-"); i >= 0 && slices.Contains(names, "|") && !l.paddleCharacters(names) {
		return i, "torchaudio's lists have it beside |, the space"
	}
	if classes != len(names) {
		return None, ""
	}
	for _, name := range loneBlanks {
		if i := slices.IndexFunc(names, func(s string) bool { return strings.ToLower(s) == name }); i >= 0 {
			return i, "the emissions have no class besides the tokens, and no other token is known for a blank"
		}
	}
	return None, ""
}

// paddle reports whether a list is one of PaddleOCR's: characters, without a blank, a line each. spaced tells that a space was added to them.
func (l *listing) paddle(names []string, classes int) (is, spaced bool) {
	if classes == len(names)+2 && l.lines && !slices.ContainsFunc(names, func(s string) bool { return utf8.RuneCountInString(s) != 1 }) {
		return true, true
	}
	return l.paddleCharacters(names), false
}

// paddleCharacters tells lists of characters of print from letters of speech, which have no "|" beside digits and other punctuation, nor ideographs.
func (l *listing) paddleCharacters(names []string) bool {
	if !l.lines {
		return false
	}
	var digits, others, ideographs int
	for _, name := range names {
		r, size := utf8.DecodeRuneInString(name)
		if size != len(name) || size == 0 {
			return false
		}
		switch {
		case r >= '0' && r <= '9':
			digits++
		case strings.ContainsRune(`!"#$%&()*+,./:;<=>?@[\]^_{|}~`, r):
			others++
		case r >= 0x3040 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3:
			ideographs++
		}
	}
	return digits == 10 && others >= 3 || ideographs > 0 && (digits > 0 || others > 0)
}

// pieces reports whether a mark begins tokens of several characters.
func pieces(names []string, mark string) bool {
	return slices.ContainsFunc(names, func(s string) bool { return strings.HasPrefix(s, mark) && len(s) > len(mark) })
}

// setSeparator finds what parts words.
func (l *listing) setSeparator(s *Set, o Options) error {
	switch {
	case o.Separator == NoSeparator:
		s.why("every token is a word: separator (--separator) says none")
		return nil
	case o.Separator == Begins || o.Separator == Continues:
		if s.Class(o.Separator) >= 0 && !pieces(s.Names, o.Separator) {
			s.separate(s.Class(o.Separator), "separator (--separator) is "+o.Separator)
			return nil
		}
		if !slices.ContainsFunc(s.Names, func(name string) bool { return strings.Contains(name, o.Separator) }) {
			return fmt.Errorf("separator is %s, which no token has", o.Separator)
		}
		s.mark(o.Separator, "separator (--separator) is "+o.Separator)
		return nil
	case o.Separator != "":
		return s.nameSeparator(o.Separator)
	}
	if pieces(s.Names, " ") {
		s.mark(" ", "they have the space themselves")
		return nil
	}
	for _, space := range spaceNames {
		if i := slices.IndexFunc(s.Names, func(name string) bool { return strings.ToLower(name) == space }); i >= 0 && i != s.Blank && !pieces(s.Names, Begins) {
			s.separate(i, "it is a space")
			if bar := s.Class("|"); bar >= 0 {
				s.why("| is a character, class %d: there is a space of its own", bar)
			}
			return nil
		}
	}
	switch bar := s.Class("|"); {
	case l.mark != "":
		s.mark(l.mark, "the file says so")
	case l.separator != "" && s.Class(l.separator) >= 0:
		s.separate(s.Class(l.separator), l.by[Separator])
	case pieces(s.Names, Begins):
		s.mark(Begins, "SentencePiece's mark")
	case pieces(s.Names, Continues):
		s.mark(Continues, "WordPiece's mark")
	case s.Class(Begins) >= 0:
		s.separate(s.Class(Begins), "SentencePiece's space")
	case bar >= 0 && bar != s.Blank && !l.paddleCharacters(l.names):
		s.separate(bar, "Hugging Face's, torchaudio's and flashlight's lists mean a space by it")
	case pieces(s.Names, "_") && !l.paddleCharacters(l.names):
		s.mark("_", "flashlight's mark of pieces")
	default:
		s.why("every token is a word: there is no space, no |, and no mark of pieces, ▁ or ##")
	}
	return nil
}

func (s *Set) separate(class int, why string) {
	s.Separator = class
	s.why("words are parted by %s, class %d: %s", quoted(s.Names[class]), class, why)
}

func (s *Set) mark(mark, why string) {
	s.Mark = mark
	if mark == Continues {
		s.why("pieces with ## continue a word, all others begin one: %s", why)
		return
	}
	s.why("pieces with %s begin a word: %s", quoted(mark), why)
}

// nameSeparator takes what options name: a token, or else what pieces begin with.
func (s *Set) nameSeparator(name string) error {
	i := s.Class(name)
	if i < 0 && slices.Contains(spaceNames, strings.ToLower(name)) {
		i = slices.IndexFunc(s.Names, func(s string) bool { return slices.Contains(spaceNames, strings.ToLower(s)) })
	}
	switch {
	case i >= 0 && i == s.Blank:
		return fmt.Errorf("separator is %q, which is the blank", excerpt.Of(name))
	case i >= 0:
		s.separate(i, "separator (--separator) is "+quoted(name))
	case pieces(s.Names, name):
		s.mark(name, "separator (--separator) is "+quoted(name))
	default:
		return fmt.Errorf("separator is %q, which is no token%s; it must be a token, none, or the mark of pieces, ▁ or ##", excerpt.Of(name), spelling.DidYouMean(name, s.Names))
	}
	return nil
}

// checkNames refuses two tokens of one name.
func (s *Set) checkNames() error {
	seen := map[string]int{}
	for i, name := range s.Names {
		if i == s.Blank {
			continue
		}
		if first, twice := seen[name]; twice && name != " " && name != "" {
			return fmt.Errorf("token %d is %q, and so is token %d; each must be there once", i, excerpt.Of(name), first)
		}
		seen[name] = i
	}
	return nil
}

// setTexts gives each class its role and text.
func (l *listing) setTexts(s *Set) {
	s.Texts, s.Roles = make([]string, len(s.Names)), make([]Role, len(s.Names))
	apart := ""
	for c, name := range s.Names {
		listed := c
		if s.unlisted && c > s.Blank {
			listed--
		}
		s.Roles[c], s.Texts[c] = l.roleOf(s, c, listed)
		switch s.Roles[c] {
		case Unknown, Start, End, Special:
			apart += fmt.Sprintf(", %s %d (%s)", quoted(name), c, s.Roles[c])
		}
	}
	for role, at := range map[Role]*int{Unknown: &s.Unknown, Start: &s.Start, End: &s.End} {
		*at = slices.Index(s.Roles, role)
	}
	if s.End == None && s.Start != None && slices.Contains(marksOf[End], strings.ToLower(s.Names[s.Start])) {
		s.End = s.Start
	}
	if apart != "" {
		s.why("in no text: %s", apart[2:])
	}
}

// roleOf is the role and the text of a class, which the listing has as another where the blank is not in it.
func (l *listing) roleOf(s *Set, class, listed int) (Role, string) {
	name := s.Names[class]
	switch {
	case class == s.Blank:
		return Blank, ""
	case class == s.Separator || name == " ":
		return Separator, " "
	}
	if role, ok := l.roles[listed]; ok && role != Blank {
		return role, ""
	}
	if slices.Contains(spaceNames, strings.ToLower(name)) {
		return Separator, " "
	}
	for _, role := range []Role{Unknown, Start, End} {
		if slices.Contains(marksOf[role], strings.ToLower(name)) {
			return role, ""
		}
	}
	if name == "" && class == 0 { // Keras's texts of what is not in its vocabulary
		return Unknown, ""
	}
	if b := oneByte.FindStringSubmatch(name); b != nil {
		v, _ := strconv.ParseUint(b[1], 16, 8) // two digits
		return Text, string([]byte{byte(v)})
	}
	if name == "" || l.isSpecial(listed, name) || isBlankName(name) {
		return Special, ""
	}
	return s.textOf(name, l.bytes)
}

// textOf is the text of a name that is no special one.
func (s *Set) textOf(name string, bytes bool) (Role, string) {
	if bytes {
		name = byteText(name)
	}
	switch {
	case s.Mark == Continues:
		rest, continues := strings.CutPrefix(name, Continues)
		if continues && rest != "" {
			return Text, rest
		}
		name = " " + strings.ReplaceAll(name, Begins, " ")
	case s.Mark != "" && !bytes:
		name = strings.ReplaceAll(name, s.Mark, " ")
	}
	if strings.TrimSpace(name) == "" && s.Words() {
		return Separator, " "
	}
	return Text, name
}
