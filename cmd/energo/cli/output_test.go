package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// What could not be printed is not done.
func TestLostOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{"version", "functionals", "help", "train digits --help", "exit-codes", "runs", "runs --json"} {
		var stderr bytes.Buffer
		if code := Energo().Main(strings.Fields(args), full{}, &stderr); code != exitFailure || !strings.Contains(stderr.String(), "energo: no space left") {
			t.Errorf("%s: exit code %d, stderr %q", args, code, stderr.String())
		}
	}
}

func TestShellQuote(t *testing.T) {
	for path, want := range map[string]string{
		"runs/a-1": "runs/a-1", "ünï/→": "ünï/→", "a b": "'a b'", "it's": `'it'\''s'`, "a\nb": "'a\nb'", "a\tb": "'a\tb'",
		"-x": "./-x", "-x y": "'./-x y'", "": "''", "a\xff": "'a\xff'",
	} {
		if got := shellQuote(path); got != want {
			t.Errorf("shellQuote(%q) is %s, want %s", path, got, want)
		}
	}
}

func TestShown(t *testing.T) {
	for path, want := range map[string]string{"a b/→": "a b/→", "a\nb": `"a\nb"`, "a\tb": `"a\tb"`, "\xff": `"\xff"`} {
		if got := shown(path); got != want {
			t.Errorf("shown(%q) is %s, want %s", path, got, want)
		}
	}
}
