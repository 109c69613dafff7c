package mutation

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxMessage is how long an error may be beside the name of its file, which may quote a few texts of the file, each cut after its
// 200th character.
const maxMessage = 1500

// fillings are what makes a text long.
var fillings = []string{"a", "9", "é", "\x01", " a", "a/b ", "0 ", `\"`}

// TestLongTexts: an error about a file of text does not quote a text of it at length.
func TestLongTexts(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 8
	}
	texts := 0
	for _, r := range readers() {
		t.Run(r.name, func(t *testing.T) {
			whole := t.TempDir()
			r.make(t, whole)
			valid, err := os.ReadFile(r.path(t, whole))
			if err != nil {
				t.Fatal(err)
			}
			if !utf8.Valid(valid) {
				t.Skip("no text")
			}
			texts++
			seed := fnv.New64a()
			_, _ = seed.Write([]byte(r.name))
			rng := rand.New(rand.NewPCG(seed.Sum64(), 33))
			for i := range n {
				dir := whole
				if r.fresh {
					dir = t.TempDir()
					if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
						t.Fatal(err)
					}
				}
				at := rng.IntN(len(valid) + 1)
				filling := strings.Repeat(fillings[i%len(fillings)], 30_000)
				if err := os.WriteFile(r.path(t, dir), slices.Concat(valid[:at], []byte(filling), valid[at:]), 0o666); err != nil {
					t.Fatal(err)
				}
				a := r.try(dir)
				if a.panicked != "" {
					t.Fatalf("%q at byte %d: panic: %s", filling[:8], at, a.panicked)
				}
				if a.err != nil && len(a.err.Error()) > maxMessage+len(dir) {
					t.Errorf("%q at byte %d: the error has %d bytes: %.300s", filling[:8], at, len(a.err.Error()), fmt.Sprint(a.err))
				}
			}
		})
	}
	if texts < 10 {
		t.Errorf("only %d formats are text", texts)
	}
}
