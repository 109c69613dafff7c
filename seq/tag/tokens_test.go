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

func TestSpans(t *testing.T) {
	line := "“Ünde--r”, (a) "
	var got []string
	for _, s := range Spans(line, func(string) bool { return false }) {
		got = append(got, s.Word+"="+line[s.Start:s.End])
	}
	if want := "``=“ Ünde=Ünde --=-- r=r ''=” ,=, (=( a=a )=)"; strings.Join(got, " ") != want {
		t.Errorf("%q becomes %q, want %q", line, got, want)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Mr. \"x\"--(y).")
	f.Add("“‘’”")
	f.Fuzz(func(t *testing.T, line string) {
		at := 0
		for _, s := range Spans(line, func(string) bool { return false }) {
			if s.Start < at || s.End <= s.Start || s.End > len(line) {
				t.Fatalf("%q: %+v begins behind byte %d", line, s, at)
			}
			if at = s.End; s.Word != line[s.Start:s.End] && !strings.ContainsAny(line[s.Start:s.End], "\"“‘”’") {
				t.Fatalf("%q: %+v", line, s)
			}
		}
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
