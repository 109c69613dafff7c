package plaintext

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

func pack(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// in16 is a text in UTF-16 with its byte order mark.
func in16(text string, little bool) (out []byte) {
	for _, u := range utf16.Encode([]rune("\uFEFF" + text)) {
		if little {
			out = append(out, byte(u), byte(u>>8))
		} else {
			out = append(out, byte(u>>8), byte(u))
		}
	}
	return out
}

func read(r io.Reader) (string, error) {
	text, err := NewReader(r)
	if err != nil {
		return "", err
	}
	all, err := io.ReadAll(text)
	return string(all), err
}

// Every form of a text reads alike, however it comes.
func TestForms(t *testing.T) {
	for _, text := range []string{"", "a", "ab", "a b\nc\r\n", "größer 世界 \U0001F600\n", strings.Repeat("ä世\U0001F600\n", 9000)} {
		forms := map[string][]byte{"UTF-8": []byte(text), "mark": []byte("\uFEFF" + text), "little": in16(text, true), "big": in16(text, false)}
		for name, form := range forms {
			for _, form := range [][]byte{form, pack(t, form)} {
				for _, r := range []io.Reader{bytes.NewReader(form), iotest.OneByteReader(bytes.NewReader(form)), iotest.DataErrReader(bytes.NewReader(form))} {
					if got, err := read(r); err != nil || got != text {
						t.Errorf("%s of %.20q: %.20q, %v", name, text, got, err)
					}
				}
			}
		}
	}
}

// What is no text is refused at its line.
func TestRefused(t *testing.T) {
	long := strings.Repeat("a line\n", 2000)
	latin := []byte("a\n\ngr\xfcn\n")
	packed := pack(t, []byte(long))
	for _, c := range []struct {
		name, text, err string
	}{
		{"Latin-1", string(latin), "line 3 of the text has the byte 0xfc"},
		{"packed Latin-1", string(pack(t, latin)), "line 3 of the text has the byte 0xfc"},
		{"far", long + "\xe4", "line 2001 of the text has the byte 0xe4"},
		{"cut-off character", "\n\xe4\xb8", "line 2 of the text has the byte 0xe4"},
		{"surrogate", "\xed\xa0\x80", "line 1 of the text has the byte 0xed"},
		{"UTF-16 without a mark", string(in16("ab", false)[2:]), "line 1 of the text has a zero byte"},
		{"cut-off gzip", string(packed[:len(packed)-9]), "gzip that cannot be read: unexpected EOF"},
		{"head of gzip", string(packed[:5]), "gzip that cannot be read"},
		{"damaged gzip", string(packed[:len(packed)-8]) + "xxxxxxxx", "gzip: invalid checksum"},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			if _, err := read(r); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v; want %q", c.name, err, c.err)
			}
		}
	}
	failed := iotest.ErrReader(os.ErrDeadlineExceeded)
	if _, err := read(failed); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("a reader that fails: %v", err)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if _, err := Open(path); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte{0x1f, 0x8b, 1}, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("damaged: %v", err)
	}
	if err := os.WriteFile(path, pack(t, []byte("a")), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || string(text) != "a" {
		t.Errorf("%q, %v", text, err)
	}
}
