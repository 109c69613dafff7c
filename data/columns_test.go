package data

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	conllu = "# sent_id = 1\r\n1-2\tim\t_\t_\t_\t_\t_\t_\t_\t_\r\n1\tin\tin\tADP\tAPPR\t_\t0\troot\t_\t_\r\n2\tdem\tder\tDET\tART\t_\t1\tdet\t_\t_\r\n" +
		"2.1\tx\t_\tX\t_\t_\t_\t_\t_\t_\r\n\r\n# text = a b\n1\ta b\ta\tX\tY\t_\t0\troot\t_\t_"
	conll = "-DOCSTART- -X- O O\n\nEU NNP  I-NP I-ORG\n# # I-NP O \n\n\nit PRP I-NP O\n"
)

func TestReadColumns(t *testing.T) {
	for _, x := range []struct {
		text, column string
		want         []Sentence
	}{
		{conllu, "upos", []Sentence{{[]string{"in", "dem"}, []string{"ADP", "DET"}}, {[]string{"a b"}, []string{"X"}}}},
		{conllu, "5", []Sentence{{[]string{"in", "dem"}, []string{"APPR", "ART"}}, {[]string{"a b"}, []string{"Y"}}}},
		{conll, "last", []Sentence{{[]string{"EU", "#"}, []string{"I-ORG", "O"}}, {[]string{"it"}, []string{"O"}}}},
		{conll, "pos", []Sentence{{[]string{"EU", "#"}, []string{"NNP", "#"}}, {[]string{"it"}, []string{"PRP"}}}},
		{"\ufeffa\tB-X\n", "2", []Sentence{{[]string{"a"}, []string{"B-X"}}}},
		{"", "2", nil},
	} {
		c, err := ReadColumns(strings.NewReader(x.text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Sentences(x.column); err != nil || !reflect.DeepEqual(got, x.want) {
			t.Errorf("%q: %v (%v), want %v", x.text, got, err, x.want)
		}
	}
}

// TestColumnsStay: other tags in a column leave all else as it was, and the same tags leave the text.
func TestColumnsStay(t *testing.T) {
	for _, x := range []struct{ text, column, tag, want string }{
		{conllu, "xpos", "", conllu},
		{conll, "chunk", "", conll},
		{conllu, "xpos", "NEW", strings.NewReplacer("\tAPPR\t", "\tNEW\t", "\tART\t", "\tNEW\t", "\tY\t", "\tNEW\t").Replace(conllu)},
		{conll, "ner", "N", "-DOCSTART- -X- O O\n\nEU NNP  I-NP N\n# # I-NP N \n\n\nit PRP I-NP N\n"},
		{conll, "add", "N", "-DOCSTART- -X- O O\n\nEU NNP  I-NP I-ORG N\n# # I-NP O N \n\n\nit PRP I-NP O N\n"},
		{"a\nb\n\nc", "add", "N", "a\tN\nb\tN\n\nc\tN"},
	} {
		c, err := ReadColumns(strings.NewReader(x.text))
		if err != nil {
			t.Fatal(err)
		}
		var tags [][]string
		if x.tag == "" {
			sentences, err := c.Sentences(x.column)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sentences {
				tags = append(tags, s.Tags)
			}
		} else {
			for _, words := range c.Words() {
				tags = append(tags, strings.Fields(strings.Repeat(x.tag+" ", len(words))))
			}
		}
		var out strings.Builder
		if err := c.Tagged(&out, x.column, tags, nil); err != nil || out.String() != x.want {
			t.Errorf("%q (%v), want %q", out.String(), err, x.want)
		}
	}
	c, err := ReadColumns(strings.NewReader("a b\n"))
	if err != nil {
		t.Fatal(err)
	}
	for want, tags := range map[string][][]string{"tags of 0 sentences": nil, "has 2 tags": {{"x", "y"}}, "cannot stand": {{"x y"}}} {
		if err := c.Tagged(&strings.Builder{}, "2", tags, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestNotesOfTokens(t *testing.T) {
	for _, x := range []struct{ text, column, want string }{
		{"a x\nb y \n\nc z", "2", "a T 0.5 n:1\nb T 0.5 n:1 \n\nc T 0.5 n:1"},
		{"a\nb\n\nc", "add", "a\tT\t0.5\tn:1\nb\tT\t0.5\tn:1\n\nc\tT\t0.5\tn:1"},
		{"1\ta" + strings.Repeat("\t_", 8) + "\n2\tb" + strings.Repeat("\t_", 7) + "\tX=y\r\n\n1\tc" + strings.Repeat("\t_", 8), "upos", "1\ta\t_\tT" + strings.Repeat("\t_", 5) +
			"\t0.5|n:1\n2\tb\t_\tT" + strings.Repeat("\t_", 5) + "\tX=y|0.5|n:1\r\n\n1\tc\t_\tT" + strings.Repeat("\t_", 5) + "\t0.5|n:1"},
	} {
		c, err := ReadColumns(strings.NewReader(x.text))
		if err != nil {
			t.Fatal(err)
		}
		note := []string{"0.5", "n:1"}
		tags, notes := [][]string{{"T", "T"}, {"T"}}, [][][]string{{note, note}, {note}}
		var out strings.Builder
		if err := c.Tagged(&out, x.column, tags, notes); err != nil || out.String() != x.want {
			t.Errorf("%q (%v), want %q", out.String(), err, x.want)
		}
		for want, notes := range map[string][][][]string{
			"notes of 1 sentences": {{note, note}}, "notes of 1 tokens": {{note}, {note}}, `the note "a\tb" cannot`: {{note, {"a\tb"}}, {note}},
		} {
			if err := c.Tagged(&out, x.column, tags, notes); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
	}
}

func TestSetWord(t *testing.T) {
	c, err := ReadColumns(strings.NewReader(conllu))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetWord("lemma"); err != nil || !reflect.DeepEqual(c.Words(), [][]string{{"in", "der"}, {"a"}}) {
		t.Errorf("%v (%v)", c.Words(), err)
	}
	if got, err := c.Sentences("form"); err != nil || got[0].Tags[1] != "dem" {
		t.Errorf("%v (%v)", got, err)
	}
	for column, want := range map[string]string{"upos": "must be one of tags", "word": "column is \"word\""} {
		_ = c.SetWord("upos")
		if _, err := c.Sentences(column); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", column, err, want)
		}
	}
	if c, err = ReadColumns(strings.NewReader("a\tb\n\nb\t\n")); err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"2": "line 3: column 2 is empty; it must be a word", "3": "must be 1 to 2", "add": "words are read from"} {
		if err := c.SetWord(column); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", column, err, want)
		}
	}
}

func TestColumnsNameTheLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.conll")
	row := strings.Repeat("\t_", 8) + "\n"
	for _, x := range []struct{ text, column, want string }{
		{"a b\n\nc\n", "2", "line 3: it has 1 columns; the lines before have 2"},
		{"a\tb\n\tc\n", "2", "line 2: column 1 is empty; it must be a word"},
		{"a\tb\nc\t\n", "2", "line 2: column 2 is empty; it must be a tag"},
		{"1\ta" + row + "x\tb" + row, "upos", "line 2: column 1 is \"x\"; it must be a token's number"},
		{"a b\n", "upos", "column is \"upos\"; it must be 1 to 2 or last"},
		{"a b\n", "3", "column is \"3\"; it must be 1 to 2 or last"},
		{"a b\n", "1", "it must be one of tags"},
		{"a b\n", "add", "read from a column that is there"},
		{"1\ta" + row, "add", "CoNLL-U has ten columns"},
		{"1\ta" + row, "tag", "or id, form, lemma"},
		{"a b\n\xff b\n", "2", "line 2"},
		{"a b\n" + strings.Repeat("x", maxTaggedLine+1), "2", "line 2: it has more than"},
	} {
		if err := os.WriteFile(path, []byte(x.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadColumns(dir, "", x.column); err == nil || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), "x.conll: ") {
			t.Errorf("%.20q: error %v, want one with %q", x.text, err, x.want)
		}
	}
}

func FuzzReadColumns(f *testing.F) {
	for _, text := range []string{conllu, conll, "a\tb\n", "# x\n", "\t\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadColumns(strings.NewReader(text))
		if err != nil {
			return
		}
		sentences, err := c.Sentences("last")
		if err != nil {
			return
		}
		var tags [][]string
		for _, s := range sentences {
			tags = append(tags, s.Tags)
		}
		var out, again strings.Builder
		if err := c.Tagged(&out, "last", tags, nil); err != nil {
			t.Fatal(err)
		}
		back, err := ReadColumns(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		if err := back.Tagged(&again, "last", tags, nil); err != nil || again.String() != out.String() {
			t.Errorf("%q is written as %q, then as %q (%v)", text, out.String(), again.String(), err)
		}
	})
}
