package tag

import (
	"slices"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	known := func(word string) bool { return slices.Contains([]string{"Mr.", "can't", "."}, word) }
	for line, want := range map[string]string{
		`Mr. Smith said: "I can't (now)."`: "Mr. Smith said : `` I can't ( now ) . ''",
		"well--known . !":                  "well -- known . !",
		"it's “fine”, isn’t it?!":          "it's `` fine '' , isn’t it ? !",
		"  ":                               "",
	} {
		if got := strings.Join(Tokens(line, known), " "); got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Mr. \"x\"--(y).")
	f.Add("“‘’”")
	f.Fuzz(func(t *testing.T, line string) {
		size := 0
		for _, w := range Tokens(line, func(string) bool { return false }) {
			if w == "" || strings.ContainsAny(w, " \t\n") {
				t.Fatalf("token %q of %q", w, line)
			}
			size += len(w)
		}
		if size > 2*len(line) {
			t.Fatalf("%q grows to %d bytes", line, size)
		}
	})
}
