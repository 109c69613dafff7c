package timedtext

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/energo-ml/energo/seq/ctc"
)

// sample says `ab" c`, with a wildcard behind it.
func sample() *ctc.Timeline {
	spans := []ctc.Span{
		{Token: 1, End: 2, LogProb: -1, Confidence: 0.5},
		{Token: 2, Start: 2, End: 3, LogProb: -2, Confidence: 0.8},
		{Token: 3, Start: 4, End: 5, Confidence: 1},
		{Token: 4, Start: 6, End: 8, LogProb: -1, Confidence: 0.9},
		{Token: ctc.Wildcard, Start: 100, End: 150, LogProb: -3, Confidence: 1},
	}
	tokens := ctc.TimedTokens(spans, func(c int) string { return []string{"", "a", "b\"", " ", "c"}[c] }, 0.02, 0.01)
	return &ctc.Timeline{File: "my file.wav", Unit: "seconds", Duration: 3.5, LogProb: -7.5, Total: -7, Tokens: tokens, Words: ctc.TimedWords(tokens, " ")}
}

func written(t *testing.T, f Format, r Rules, all ...*ctc.Timeline) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, f, r, all...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWrite holds the formats against what their readers expect.
func TestWrite(t *testing.T) {
	x := sample()
	for f, want := range map[Format]string{
		CTM: "my_file.wav 1 0.010 0.060 ab\" 0.600\nmy_file.wav 1 0.130 0.040 c 0.900\nmy_file.wav 1 2.010 1.000 * 1.000\n",
		CSV: "path,word,start,end,confidence\nmy file.wav,\"ab\"\"\",0.010,0.070,0.600\nmy file.wav,c,0.130,0.170,0.900\nmy file.wav,*,2.010,3.010,1.000\n",
		SRT: "1\n00:00:00,010 --> 00:00:00,843\nab\" c\n\n",
		VTT: "WEBVTT\n\n00:00:00.010 --> 00:00:00.843\nab\" c\n",
	} {
		if got := written(t, f, Rules{}, x); got != want {
			t.Errorf("%s:\n%s", f, got)
		}
	}
	if got := written(t, VTT, Rules{WordTimes: true}, x); !strings.HasSuffix(got, "\nab\" <00:00:00.130><c>c</c>\n") {
		t.Errorf("VTT with the words' times:\n%s", got)
	}
	if got := written(t, ASS, Rules{}, x); !strings.HasSuffix(got, "\nDialogue: 0,0:00:00.01,0:00:00.84,Default,,0,0,0,,{\\k6}ab\" {\\k6}{\\k4}c\n") {
		t.Errorf("ASS:\n%s", got)
	}
	grid := written(t, TextGrid, Rules{}, x)
	for _, want := range []string{"xmax = 3.5000", "size = 2", `name = "words"`, `text = "ab"""`, "intervals: size = 7", `name = "tokens"`} {
		if !strings.Contains(grid, want) {
			t.Errorf("the TextGrid has no %q:\n%s", want, grid)
		}
	}
	contiguous(t, grid)
	var back ctc.Timeline
	if err := json.Unmarshal([]byte(written(t, JSON, Rules{}, x)), &back); err != nil || len(back.Tokens) != 5 || back.Words[1] != x.Words[1] {
		t.Errorf("JSON: %+v, %v", back, err)
	}
	if got := written(t, CSV, Rules{}, x, x); strings.Count(got, "path,") != 1 || strings.Count(got, "\n") != 7 {
		t.Errorf("two timelines as CSV:\n%s", got)
	}
	if err := Write(&strings.Builder{}, SRT, Rules{}, x, x); err == nil || !strings.Contains(err.Error(), "2 timelines") {
		t.Errorf("two timelines as SRT: %v", err)
	}
	if err := Write(&strings.Builder{}, "doc", Rules{}, x); err == nil || !strings.Contains(err.Error(), `no format "doc"`) {
		t.Errorf("an unknown format: %v", err)
	}
	for name, want := range map[string]Format{"a.SRT": SRT, "b/c.textgrid": TextGrid, "d": "", "e.doc": ""} {
		if f, ok := FormatOf(name); f != want || ok != (want != "") {
			t.Errorf("the format of %s is %q", name, f)
		}
	}
}

// contiguous checks that every interval of a tier begins where the one before ended.
func contiguous(t *testing.T, grid string) {
	t.Helper()
	last := ""
	lines := strings.Split(grid, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "        intervals: size") {
			last = "0.0000"
		}
		if !strings.HasPrefix(line, "        intervals [") {
			continue
		}
		from, to := strings.Fields(lines[i+1])[2], strings.Fields(lines[i+2])[2]
		if from != last || from == to {
			t.Errorf("an interval from %s to %s behind %s", from, to, last)
		}
		last = to
	}
}

// TestWriteEmpty: nothing said is a timeline, too; unsaid words stay in every format.
func TestWriteEmpty(t *testing.T) {
	x := &ctc.Timeline{File: "f", Duration: 1}
	grid := written(t, TextGrid, Rules{}, x)
	contiguous(t, grid)
	if strings.Count(grid, "intervals [1]") != 2 {
		t.Errorf("the tiers are not filled:\n%s", grid)
	}
	for f, want := range map[Format]string{SRT: "", CTM: "", VTT: "WEBVTT\n", ASS: assHead, CSV: "path,word,start,end,confidence\n"} {
		if got := written(t, f, Rules{}, x); got != want {
			t.Errorf("%s of nothing: %q", f, got)
		}
	}
	x = &ctc.Timeline{Words: []ctc.Timed{{Text: "", Start: 0.5, End: 1}}}
	if got := written(t, CTM, Rules{}, x); got != "- 1 0.500 0.500 <eps> 0.000\n" {
		t.Errorf("CTM of what has no names: %q", got)
	}
	x = &ctc.Timeline{Duration: 2, Words: []ctc.Timed{{Text: "–", Unsaid: true}, {Text: "a", End: 0.5}, {Text: "北京", Start: 0.5, End: 0.5, Unsaid: true}, {Text: "b", Start: 1, End: 1.5}}}
	grid = written(t, TextGrid, Rules{}, x)
	contiguous(t, grid)
	if !strings.Contains(grid, `text = "– a 北京"`) {
		t.Errorf("unsaid words are lost:\n%s", grid)
	}
	if got := written(t, SRT, Rules{}, x); !strings.Contains(got, "\n– a 北京 b\n") {
		t.Errorf("unsaid words are lost:\n%s", got)
	}
}

// said is words, each of which lasts a tenth of a second for each character, with a pause after what ends in "|".
func said(text string, pause float64) *ctc.Timeline {
	t := &ctc.Timeline{Unit: "seconds"}
	at := 0.0
	for i, line := range strings.Split(text, "\n") {
		for w := range strings.FieldsSeq(line) {
			word := strings.TrimSuffix(w, "|")
			end := at + 0.06*float64(utf8.RuneCountInString(word))
			t.Words = append(t.Words, ctc.Timed{Text: word, Start: at, End: end, Line: i + 1})
			at = end + 0.05
			if word != w {
				at += pause
			}
		}
	}
	t.Duration = at
	return t
}

// texts are the cues' texts.
func texts(t *testing.T, x *ctc.Timeline, r Rules) (all []string) {
	t.Helper()
	cues, err := Cues(x, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cues {
		all = append(all, c.Text())
	}
	return all
}

// TestCues: cues end at sentences, at pauses and at the text's own lines; lines break after commas, and about in the middle.
func TestCues(t *testing.T) {
	for _, c := range []struct {
		text  string
		pause float64
		rules Rules
		cues  []string
	}{
		{"The jury said it did not know. Nobody asked why.", 0, Rules{}, []string{"The jury said it did not know.\nNobody asked why."}},
		{"Nobody had asked the members of the jury why they did not know it. Then they all went home, and it rained.", 0, Rules{}, []string{"Nobody had asked the members of\nthe jury why they did not know it.", "Then they all went home, and it rained."}},
		{"one two three| four five six", 2, Rules{}, []string{"one two three", "four five six"}},
		{"one two three\nfour five six", 0, Rules{}, []string{"one two three four five six"}},
		{"one two three\nfour five six", 0, Rules{KeepLines: true}, []string{"one two three", "four five six"}},
		{"one two three four", 0, Rules{MaxChars: 9}, []string{"one two\nthree", "four"}},
		{"one two three four", 0, Rules{MaxChars: 5, MaxLines: 4}, []string{"one\ntwo\nthree\nfour"}},
		{"a incomprehensibilities b", 0, Rules{MaxChars: 9, MaxLines: 3}, []string{"a\nincomprehensibilities\nb"}},
		{"今日は良い天気です。明日は雨が降るでしょう。", 0, Rules{MaxChars: 24}, []string{"今日は良い天気です。\n明日は雨が降るでしょう。"}},
		{"ไม่มีใครรู้ว่าทำไม", 0, Rules{MaxChars: 9, MaxLines: 3}, []string{"ไม่มีใคร\nรู้ว่าทำไม"}},
	} {
		if got := texts(t, said(c.text, c.pause), c.rules); !slices.Equal(got, c.cues) {
			t.Errorf("%q is cut into %q; want %q", c.text, got, c.cues)
		}
	}
}

// TestCuesOfCharacters: characters that are words of their own are joined; letters that are stay one word.
func TestCuesOfCharacters(t *testing.T) {
	x := &ctc.Timeline{}
	for i, r := range []rune("你好世界，再见hello世界。") {
		x.Words = append(x.Words, ctc.Timed{Text: string(r), Start: float64(i) * 0.1, End: float64(i)*0.1 + 0.1, Joined: i > 0})
	}
	if got := texts(t, x, Rules{}); !slices.Equal(got, []string{"你好世界，再见hello世界。"}) {
		t.Errorf("%q", got)
	}
	if got := texts(t, x, Rules{MaxChars: 10, MaxLines: 3}); !slices.Equal(got, []string{"你好世界，\n再见hello\n世界。"}) {
		t.Errorf("%q", got)
	}
}

// TestRules: rules out of their ranges are refused by name.
func TestRules(t *testing.T) {
	for _, r := range []Rules{{MaxChars: -1}, {MaxLines: 1001}, {MaxSeconds: -1}, {MinSeconds: 8}, {MaxRate: -2}, {Pause: -1}, {Gap: -1}} {
		if _, err := Cues(sample(), r); err == nil || !strings.Contains(err.Error(), "timedtext: M") && !strings.Contains(err.Error(), "timedtext: Pause") && !strings.Contains(err.Error(), "timedtext: Gap") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// anything is a timeline of words from bytes: long and short ones, marks of the formats, pauses, scripts without spaces.
func anything(data []byte) *ctc.Timeline {
	words := []string{"a", "Dr.", "so,", "end.", "<b>&amp;", "-->", `{\k5}x`, `\N`, `"q"`, "incomprehensibilities", "今日は良い。", "ไม่รู้", "3,50 €", "*", "ｗｉｄｅ", "e\u0301"}
	x := &ctc.Timeline{File: "f", Unit: "seconds"}
	at, line := 0.0, 1
	for _, b := range data {
		w := ctc.Timed{Text: words[b&15], Start: at, Line: line, Joined: b&16 > 0 && len(x.Words) > 0}
		switch b >> 5 {
		case 0:
			w.Unsaid = true
		case 7:
			line++
			at += 2
			fallthrough
		default:
			at += 0.17 * float64(b>>5)
		}
		w.End = at
		x.Words = append(x.Words, w)
		at += 0.03 * float64(b&3)
	}
	x.Duration = at
	return x
}

// FuzzCues: every word is in a cue, in order; cues do not overlap, last, and keep the rules, where a word does not break them alone.
func FuzzCues(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		data := make([]byte, rng.IntN(200))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data, uint8(rng.Uint32()), uint8(rng.Uint32()))
	}
	f.Fuzz(func(t *testing.T, data []byte, chars, lines uint8) {
		x := anything(data)
		r := Rules{MaxChars: 1 + int(chars%60), MaxLines: 1 + int(lines%4), KeepLines: lines >= 128}
		cues, err := Cues(x, r)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, c := range cues {
			if !(c.Start < c.End) || i > 0 && cues[i-1].End > c.Start+0.0011 {
				t.Errorf("cue %d is from %v to %v, behind %v", i, c.Start, c.End, cues[max(i-1, 0)].End)
			}
			if len(c.Lines) > r.MaxLines {
				t.Errorf("cue %d has %d lines; want at most %d", i, len(c.Lines), r.MaxLines)
			}
			for _, l := range c.Lines {
				text := ctc.JoinWords(l)
				if displaywidth.String(text) > r.MaxChars && len(atomsOf(l, r.MaxChars)) > 1 {
					t.Errorf("a line is %q, of more than %d characters", text, r.MaxChars)
				}
				got = append(got, text)
			}
		}
		all := slices.DeleteFunc(slices.Clone(x.Words), func(w ctc.Timed) bool { return w.Text == "" })
		strip := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if a, b := strip(strings.Join(got, "")), strip(ctc.JoinWords(all)); a != b {
			t.Errorf("the cues say %q, the words %q", a, b)
		}
		for _, format := range Formats() {
			written(t, format, r, x)
		}
		contiguous(t, written(t, TextGrid, r, x))
	})
}

// reader is a Python program that prints what readers of other people have in files of all formats.
const reader = `
import sys, csv, json, html, pysrt, webvtt, pysubs2, textgrid
from praatio import textgrid as praat
d = sys.argv[1]
def flat(s): return ' '.join(s.split())
def ms(s):
    h, m, t = s.split(':')
    return round(1000 * (60 * (60 * int(h) + int(m)) + float(t)))
print(json.dumps({
 'srt': [[flat(c.text), c.start.ordinal, c.end.ordinal] for c in pysrt.open(d + '/x.srt', encoding='utf-8')],
 'vtt': [[html.unescape(flat(c.text)), ms(c.start), ms(c.end)] for c in webvtt.read(d + '/x.vtt')],
 'ass': [[flat(e.plaintext), e.start, e.end] for e in pysubs2.load(d + '/x.ass')],
 'textgrid': [[i.mark, round(i.minTime * 1000), round(i.maxTime * 1000)] for i in textgrid.TextGrid.fromFile(d + '/x.TextGrid')[0] if i.mark],
 'praatio': [[i.label, round(i.start * 1000), round(i.end * 1000)] for i in praat.openTextgrid(d + '/x.TextGrid', False).getTier('words').entries],
 'csv': [[r['word'], round(float(r['start']) * 1000), round(float(r['end']) * 1000)] for r in csv.DictReader(open(d + '/x.csv', encoding='utf-8'))],
}))
`

// TestOtherReaders: the readers of pysrt, webvtt-py, pysubs2, textgrid and praatio have every cue and word, at its time.
func TestOtherReaders(t *testing.T) {
	python := ""
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if p := filepath.Join(dir, "python3"); python == "" && exec.Command(p, "-c", "import pysrt, webvtt, pysubs2, textgrid, praatio").Run() == nil {
			python = p
		}
	}
	if python == "" {
		t.Skip("no python3 along PATH can import pysrt, webvtt, pysubs2, textgrid and praatio")
	}
	x := said("\"Nobody\" asked the <i>jury</i> & others, who had not known it; Dr. Smith's 3,50 €| said {so} and\nthen 今日は良い天気です。 all of them went home.", 2)
	x.File = "x"
	dir := t.TempDir()
	for _, f := range Formats() {
		if err := os.WriteFile(filepath.Join(dir, "x."+string(f)), []byte(written(t, f, Rules{}, x)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "-c", reader, dir).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got map[string][][3]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	cues, err := Cues(x, Rules{})
	if err != nil || len(cues) < 2 {
		t.Fatalf("%d cues, %v", len(cues), err)
	}
	var wantCues, wantWords [][3]any
	for _, c := range cues {
		wantCues = append(wantCues, [3]any{strings.Join(strings.Fields(c.Text()), " "), milliseconds(c.Start), milliseconds(c.End)})
	}
	for _, w := range x.Words {
		wantWords = append(wantWords, [3]any{w.Text, milliseconds(w.Start), milliseconds(w.End)})
	}
	for name, all := range got {
		want := wantCues
		if slices.Contains([]string{"textgrid", "praatio", "csv"}, name) {
			want = wantWords
		}
		if len(all) != len(want) {
			t.Errorf("%s reads %d; want %d: %v", name, len(all), len(want), all)
			continue
		}
		for i, one := range all {
			far := func(k int) bool {
				d := one[k].(float64) - float64(want[i][k].(int64))
				return d > 5 || d < -5 // Advanced SubStation Alpha has hundredths
			}
			text := strings.ReplaceAll(fmt.Sprint(one[0]), `""`, `"`)
			if name == "ass" {
				text = strings.NewReplacer("｛", "{", "｝", "}").Replace(text)
			}
			if text != want[i][0] || far(1) || far(2) {
				t.Errorf("%s reads %q; want %q", name, one, want[i])
			}
		}
	}
}
