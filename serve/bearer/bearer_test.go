package bearer

import (
	"strings"
	"testing"
)

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" // sha256sum of "test"

// A file's tokens are known by their digests, and what is wrong in it is named by its line.
func TestParse(t *testing.T) {
	other := strings.Repeat("ab", 32)
	l, err := Parse("tokens", []byte("# ours\n\ngrafana  read "+digest+"\r\n\tloader read,write "+strings.ToUpper(other)+"\n"))
	if err != nil || l.Len() != 2 || !l.Has("loader") || l.Has("test") {
		t.Fatal(l, err)
	}
	h, ok := l.Find("test")
	if !ok || h.Name != "grafana" || !h.May(ScopeRead) || h.May(ScopeWrite) || h.May(ScopeAdmin) {
		t.Error(h, ok)
	}
	for _, token := range []string{"", "Test", "test ", digest, strings.Repeat("test", 1<<16)} {
		if h, ok := l.Find(token); ok {
			t.Errorf("%.20q is taken for %s's", token, h.Name)
		}
	}
	if l, err := Parse("tokens", nil); err != nil || l.Len() != 0 {
		t.Error(l, err)
	} else if _, ok := l.Find(""); ok {
		t.Error("a list without tokens knows somebody")
	}
	for text, want := range map[string]string{
		"a read":                                        "tokens:1: 2 parts, want 3",
		"a read " + digest + " # mine":                  "tokens:1: 5 parts, want 3",
		"\n\na reed " + digest:                          `tokens:3: scope "reed", want read, write or admin`,
		"a read, " + digest:                             `scope "", want`,
		"a read,read " + digest:                         "scope read is there twice",
		"a/b read " + digest:                            `name "a/b", want 1 to 64 letters`,
		strings.Repeat("a", 65) + " read " + digest:     "want 1 to 64 letters",
		"a read energo_secret":                          "SHA-256 has 13 digits, want 64",
		"a read " + strings.Repeat("x", 64):             "other characters than hexadecimal digits",
		"a read " + digest + "\na write " + other:       "tokens:2: name a is that of line 1",
		"a read " + digest + "\nb write " + digest:      "tokens:2: the token is that of line 1",
		strings.Repeat("# a long file\n", MaxFile/14+1): "more than 1048576 bytes",
	} {
		_, err := Parse("tokens", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error has the token: %v", err)
		}
	}
}

// A new token is another each time, and its line is that of a file.
func TestNew(t *testing.T) {
	a, b := New(), New()
	if a == b || !strings.HasPrefix(a, "energo_") || len(a) != 50 {
		t.Error(a, b)
	}
	l, err := Parse("tokens", []byte(Line(Holder{"a", []Scope{ScopeRead, ScopeAdmin}}, a)+Line(Holder{"b", []Scope{ScopeWrite}}, b)))
	if err != nil {
		t.Fatal(err)
	}
	h, ok := l.Find(a)
	if !ok || h.Name != "a" || !h.May(ScopeAdmin) || h.May(ScopeWrite) {
		t.Error(h, ok)
	}
}

// Whatever a file has, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add("a read " + digest + "\n")
	f.Add("# none\n\na reed x")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse("tokens", []byte(text))
		if (l == nil) == (err == nil) {
			t.Errorf("%v and %v", l, err)
		}
	})
}
