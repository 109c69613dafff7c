package ngram

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const small = `any text
\data\
ngram 1=4
ngram 2=2

\1-grams:
-99	<s>	-0.3
-0.6	</s>
-0.6	a	-0.2
-0.6	b

\2-grams:
-0.1	<s> a
-0.2	a b

\end\
`

func TestReadErrors(t *testing.T) {
	if _, err := Read(strings.NewReader(small)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no data", `\data\`, "", `line 16: there is no \data\`},
		{"no counts", "ngram 1=4\nngram 2=2\n", "", "line 4: there are no counts"},
		{"count out of turn", "ngram 2", "ngram 3", `line 4: the line is "ngram 3=2"; it must be \1-grams: or the count of the 2-grams`},
		{"count no number", "ngram 2=2", "ngram 2=2x", `line 4: the count is "2x"`},
		{"count negative", "ngram 2=2", "ngram 2=-1", `line 4: the count is "-1"`},
		{"too many", "ngram 2=2", "ngram 2=1", "line 14: there are more 2-grams than the 1 of the header"},
		{"too few", "ngram 1=4", "ngram 1=5", `line 12: there are 4 1-grams; the header says 5`},
		{"wrong section", `\1-grams:`, `\one-grams:`, `line 6: the line is "\\one-grams:"; it must be \1-grams:`},
		{"word twice", "	b\n", "	a\n", `line 10: the 1-gram "a" is there twice`},
		{"n-gram twice", "a b\n", "<s>  a\n", `line 14: the 2-gram "<s> a" is there twice`},
		{"strange word", "a b\n", "a c\n", `line 14: the word "c" is not among the 1-grams`},
		{"above 0", "-0.2	a b", "0.2	a b", `line 14: the log probability is "0.2"`},
		{"barely above 0", "-0.2	a b", "0.00011	a b", `line 14: the log probability is "0.00011"`},
		{"NaN", "-0.2	a b", "nan	a b", `line 14: the log probability is "nan"`},
		{"no number", "-0.2	a b", "x	a b", `line 14: the log probability is "x"`},
		{"back-off at the end", "a b\n", "a b -0.1\n", `line 14: the log back-off weight is "-0.1"`},
		{"back-off infinite", "-0.3", "inf", `line 7: the log back-off weight is "inf"`},
		{"too few fields", "a b\n", "a\n", "line 14: the line must have a log probability, 2 words"},
		{"too many fields", "a b\n", "a b 0 0\n", "line 14: the line must have a log probability, 2 words"},
		{"no end", "\\end\\\n", "", `line 15: the text ends; it must be \end\`},
		{"text after", "\\end\\\n", "\\end\\\n\nmore\n", `line 18: there is text after \end\`},
		{"no <s>", "<s>", "c", "the model has no <s>"},
		{"no </s>", "</s>", "c", "the model has no </s>"},
		{"long line", "a b\n", strings.Repeat("a ", maxLine), "line 14: the line has more than 1048576 bytes"},
		{"order", "ngram 2=2\n", counts(17), "line 19: the order is above 16"},
	} {
		text := strings.ReplaceAll(small, c.old, c.new)
		if text == small {
			t.Errorf("%s: nothing is replaced", c.name)
		}
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}

// counts are the header's lines from 2-grams on.
func counts(order int) string {
	s := ""
	for i := 2; i <= order; i++ {
		s += fmt.Sprintf("ngram %d=0\n", i)
	}
	return s
}

func pack(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadPacked(t *testing.T) {
	packed := pack(t, small)
	m, err := Read(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Read(strings.NewReader(strings.ReplaceAll(small, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Sentence("a", "b"), plain.Sentence("a", "b"); got != want {
		t.Errorf("packed %v, plain %v", got, want)
	}
	for _, n := range []int{2, 12, len(packed) / 2, len(packed) - 1} {
		if _, err := Read(bytes.NewReader(packed[:n])); err == nil {
			t.Errorf("no error for a file that is cut after %d bytes", n)
		}
	}
}

// What other systems write a little differently is read as it is meant.
func TestReadVariants(t *testing.T) {
	base := strings.ReplaceAll(strings.ReplaceAll(small, "	b\n", "	<unk>\n"), "a b", "a <unk>")
	base = strings.Replace(base, "-0.1	<s> a", "0	<s> a", 1)
	want, err := Read(strings.NewReader(base))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"BOM":                  "\uFEFF" + strings.TrimPrefix(base, "any text\n"),
		"tabs in the header":   strings.ReplaceAll(base, "ngram ", "ngram\t "),
		"<UNK>":                strings.ReplaceAll(base, "<unk>", "<UNK>"),
		"rounded above 0":      strings.Replace(base, "0	<s> a", "0.0001	<s> a", 1),
		"carriage returns":     strings.ReplaceAll(base, "\n", "\r\n"),
		"blanks around a line": strings.ReplaceAll(base, "-0.6", " \t-0.6"),
	} {
		m, err := Read(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(m.Words(), want.Words()) || m.Sentence("a", "new") != want.Sentence("a", "new") {
			t.Errorf("%s: %q, %v; want %q, %v", name, m.Words(), m.Sentence("a", "new"), want.Words(), want.Sentence("a", "new"))
		}
	}
	// Where both are there, they are two words.
	both := strings.Replace(strings.ReplaceAll(base, "ngram 1=4", "ngram 1=5"), "-99", "-2	<UNK>\n-99", 1)
	if m, err := Read(strings.NewReader(both)); err != nil || m.Word("<UNK>") == m.Word("<unk>") || m.Word("new") != m.Word("<unk>") {
		t.Errorf("<unk> and <UNK>: %v", err)
	}
}

// Words of other scripts' blanks are words, in files and in text.
func TestWideBlanksAreWords(t *testing.T) {
	file := strings.NewReplacer("	a	", "	\u00a0	", "	b\n", "	\u3000\n", "<s> a", "<s> \u00a0", "a b", "\u00a0 \u3000").Replace(small)
	m, err := Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(m, strings.NewReader("\u00a0 \u3000\n"), nil)
	if err != nil || e.Words != 2 || e.Unknown != 0 || e.LogProb != m.Sentence("\u00a0", "\u3000") {
		t.Errorf("%+v, %v", e, err)
	}
	if m := train(t, "\uFEFFa \u3000\r\n", 2); !slices.Equal(m.Words(), []string{"<s>", "</s>", "<unk>", "a", "\u3000"}) {
		t.Errorf("%q", m.Words())
	}
}

func TestLoadErrors(t *testing.T) {
	path := t.TempDir() + "/m.arpa"
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, []byte("\\data\\\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "m.arpa: ngram: line 1: there are no counts") {
		t.Errorf("%v", err)
	}
}

// A header that promises the most gets no memory for it.
func TestHeaderIsNotTrusted(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text := strings.ReplaceAll(small, "ngram 1=4", "ngram 1=2000000000")
	if _, err := Read(strings.NewReader(text)); err == nil {
		t.Error("no error")
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes for a file of %d", used, len(text))
	}
}

// Whatever is read either is an error, or a model that can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add(pack(f, small))
	f.Add([]byte(strings.ReplaceAll(small, "	b\n", "	<UNK>\r \n")))
	f.Add([]byte(strings.ReplaceAll(small, "-0.1	<s> a", "-inf	b b")))
	f.Add([]byte("\\data\\\nngram 1=2\nngram 2=0\nngram 3=1\n\\1-grams:\n0 <s>\n-1 </s> -2\n\\2-grams:\n\\3-grams:\n-3 <s> <s> <s>\n\\end\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if p := m.Sentence("a", "b", "a"); p != p {
			t.Error("a sentence has NaN")
		}
		var b bytes.Buffer
		if err := m.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&b); err != nil {
			t.Fatalf("written, it cannot be read: %v", err)
		}
	})
}
