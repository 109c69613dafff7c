package excerpt

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOf(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"short":                    "short",
		strings.Repeat("a", 200):   strings.Repeat("a", 200),
		strings.Repeat("a", 201):   strings.Repeat("a", 200) + "…",
		strings.Repeat("é", 1000):  strings.Repeat("é", 200) + "…",
		strings.Repeat("\xff", 99): strings.Repeat("\xff", 99),
		strings.Repeat("😀", 5000):  strings.Repeat("😀", 200) + "…",
	} {
		if got := Of(text); got != want {
			t.Errorf("Of(%q) is %q", text, got)
		}
		if got := Of([]byte(text)); got != want {
			t.Errorf("Of(bytes %q) is %q", text, got)
		}
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a b/ü.png": "a b/ü.png", "a\nb": `"a\nb"`, "a\xff": `"a\xff"`, "\x1b[31m": `"\x1b[31m"`, strings.Repeat("a", 999): strings.Repeat("a", 999),
	} {
		if got := Line(text); got != want {
			t.Errorf("Line(%q) is %s, want %s", text, got, want)
		}
	}
}

func TestError(t *testing.T) {
	if Error(nil) != nil {
		t.Error("nothing became an error")
	}
	plain := errors.New("short")
	if Error(plain) != plain {
		t.Error("a short error changed")
	}
	long := fmt.Errorf("%s: %w", strings.Repeat("x", 1<<20), fs.ErrExist)
	if err := Error(long); utf8.RuneCountInString(err.Error()) != 201 || !errors.Is(err, fs.ErrExist) {
		t.Errorf("%d bytes, still what it is: %v", len(err.Error()), errors.Is(err, fs.ErrExist))
	}
	path := Error(&fs.PathError{Op: "open", Path: strings.Repeat("p", 5000), Err: fs.ErrNotExist})
	if text := path.Error(); len(text) > 300 || !strings.HasSuffix(text, fs.ErrNotExist.Error()) || !errors.Is(path, fs.ErrNotExist) {
		t.Errorf("of a file: %q", text)
	}
}
