// Package bearer keeps the tokens by which a server knows its clients, and what each of them may do. A file of tokens is text, a token a line:
//
//	# name   scopes      SHA-256 of the token
//	grafana  read        9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//	loader   read,write  60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
//
// The file does not have the tokens themselves, so that who reads it cannot use them. A digest without salt is enough for tokens that are random,
// as those of [New] are; it is not for passwords.
package bearer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Scope is a kind of request that a token allows. None contains another.
type Scope string

// The scopes.
const (
	ScopeRead  Scope = "read"  // searches, inference, figures: what changes nothing
	ScopeWrite Scope = "write" // changes of what is served
	ScopeAdmin Scope = "admin" // changes of the server
)

// Scopes lists all scopes.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeWrite, ScopeAdmin} }

// ParseScopes reads scopes with commas between them: "read,write".
// Errors: none, one that is not a scope, one that is there twice.
func ParseScopes(text string) (all []Scope, err error) {
	for name := range strings.SplitSeq(text, ",") {
		s := Scope(name)
		if !slices.Contains(Scopes(), s) {
			return nil, fmt.Errorf("scope %q, want read, write or admin, with commas between several", excerpt.Of(name))
		}
		if slices.Contains(all, s) {
			return nil, fmt.Errorf("scope %s is there twice", s)
		}
		all = append(all, s)
	}
	return all, nil
}

// Holder is who has a token.
type Holder struct {
	Name   string // 1 to 64 letters, digits, dots, hyphens and underscores
	Scopes []Scope
}

// May tells whether the token allows a kind of request.
func (h Holder) May(s Scope) bool { return slices.Contains(h.Scopes, s) }

// CheckName says what is wrong with the name of a holder.
func CheckName(name string) error {
	other := func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(".-_", c))
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, other) {
		return fmt.Errorf("name %q, want 1 to %d letters, digits, dots, hyphens and underscores", excerpt.Of(name), maxName)
	}
	return nil
}

const maxName = 64

// New returns a token: 256 random bits after a prefix by which scanners of source code recognise it.
func New() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // which never fails
	return "energo_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// Line is that of a token in a file, with its end.
func Line(h Holder, token string) string {
	names := make([]string, len(h.Scopes))
	for i, s := range h.Scopes {
		names[i] = string(s)
	}
	sum := Sum(token)
	return fmt.Sprintf("%s %s %s\n", h.Name, strings.Join(names, ","), hex.EncodeToString(sum[:]))
}

// List has the tokens of a file.
type List struct{ entries []entry }

type entry struct {
	Holder
	sum [sha256.Size]byte
}

// MaxFile is how many bytes a file of tokens has at most.
const MaxFile = 1 << 20

// Parse reads the text of a file of tokens; name is the file's, for errors. Empty lines and those that begin with # count for nothing.
// A text without tokens is a list that knows nobody.
// Errors: a line that is not a name, scopes and 64 hexadecimal digits; a name or a token that is there twice; more than MaxFile bytes.
func Parse(name string, text []byte) (*List, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("%s: more than %d bytes, which is the most that a file of tokens has", name, MaxFile)
	}
	l := &List{}
	names, sums := map[string]int{}, map[[sha256.Size]byte]int{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		e, err := parseLine(line)
		if err == nil && names[e.Name] > 0 {
			err = fmt.Errorf("name %s is that of line %d, want another", e.Name, names[e.Name])
		}
		if err == nil && sums[e.sum] > 0 {
			err = fmt.Errorf("the token is that of line %d, want another", sums[e.sum])
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		names[e.Name], sums[e.sum] = n, n
		l.entries = append(l.entries, e)
	}
	return l, nil
}

// parseLine reads one token. Its errors never quote the last part, which may be a token that was put there by mistake.
func parseLine(line string) (e entry, err error) {
	parts := strings.Fields(line)
	if len(parts) != 3 {
		return e, fmt.Errorf("%d parts, want 3: a name, scopes, and the token's SHA-256", len(parts))
	}
	e.Name = parts[0]
	if err := CheckName(e.Name); err != nil {
		return e, err
	}
	if e.Scopes, err = ParseScopes(parts[1]); err != nil {
		return e, err
	}
	if len(parts[2]) != hex.EncodedLen(len(e.sum)) {
		return e, fmt.Errorf("the token's SHA-256 has %d digits, want %d", len(parts[2]), hex.EncodedLen(len(e.sum)))
	}
	if _, err := hex.Decode(e.sum[:], []byte(parts[2])); err != nil {
		return e, fmt.Errorf("the token's SHA-256 has other characters than hexadecimal digits")
	}
	return e, nil
}

// Len is how many tokens there are.
func (l *List) Len() int { return len(l.entries) }

// Has tells whether a holder has that name.
func (l *List) Has(name string) bool {
	return slices.ContainsFunc(l.entries, func(e entry) bool { return e.Name == name })
}

// Find returns the holder of a token; ok is false where it is nobody's. How long it takes depends on the number of tokens and the length
// of this one alone.
func (l *List) Find(token string) (h Holder, ok bool) { return l.FindSum(Sum(token)) }

// Sum is what a file has of a token.
func Sum(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

// FindSum returns the holder of a token of which the [Sum] is known, as Find does.
func (l *List) FindSum(sum [sha256.Size]byte) (h Holder, ok bool) {
	at := len(l.entries)
	for i := range l.entries {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], l.entries[i].sum[:]), i, at)
	}
	if at == len(l.entries) {
		return Holder{}, false
	}
	return l.entries[at].Holder, true
}
