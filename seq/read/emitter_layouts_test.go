package read

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/token"
)

// A system writes tokens in its layout.
type system struct {
	name, file        string
	blank             string   // its name; "" where it is not listed
	names             []string // the others, of which those below spell "ab a"
	begin, next, part string   // a that begins a word, b that continues one, and what is between words, or ""
	write             func(names []string) string
}

func lines(names []string) string { return strings.Join(names, "\n") + "\n" }

func numbered(names []string) (text string) {
	for i, name := range names {
		text += fmt.Sprintf("%s %d\n", name, i)
	}
	return text
}

func scored(names []string) (text string) {
	for i, name := range names {
		text += fmt.Sprintf("%s\t-%d.5\n", name, i)
	}
	return text
}

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func listed(names []string) string { return encoded(names) }

func classes(names []string) map[string]int {
	m := map[string]int{}
	for i, name := range names {
		m[name] = i
	}
	return m
}

func object(names []string) string { return encoded(classes(names)) }

// tokenizer writes tokenizer.json with a decoder.
func tokenizer(decoder map[string]any) func(names []string) string {
	return func(names []string) string {
		var added []any
		for i, name := range names {
			if strings.HasPrefix(name, "<") || strings.HasPrefix(name, "[") {
				added = append(added, map[string]any{"id": i, "content": name, "special": true})
			}
		}
		return encoded(map[string]any{"added_tokens": added, "decoder": decoder, "model": map[string]any{"type": "BPE", "vocab": classes(names)}})
	}
}

var systems = []system{
	{"Hugging Face", "vocab.json", "<pad>", []string{"<s>", "</s>", "<unk>", "|", "a", "b"}, "a", "b", "|", object},
	{"Hugging Face's [PAD]", "vocab.json", "[PAD]", []string{"a", "b", "|", "[UNK]"}, "a", "b", "|", object},
	{"tokenizer.json of letters", "tokenizer.json", "<pad>", []string{"<unk>", "a", "b", "|"}, "a", "b", "|", tokenizer(map[string]any{"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|"})},
	{"tokenizer.json of pieces", "tokenizer.json", "<pad>", []string{"<unk>", "▁a", "b"}, "▁a", "b", "", tokenizer(map[string]any{"type": "Metaspace", "replacement": "▁"})},
	{"torchaudio", "labels.txt", "-", []string{"|", "a", "b", "'"}, "a", "b", "|", lines},
	{"icefall's letters", "tokens.txt", "<blk>", []string{"<sos/eos>", "<unk>", "▁", "a", "b"}, "a", "b", "▁", numbered},
	{"icefall's pieces", "tokens.txt", "<blk>", []string{"<sos/eos>", "<unk>", "▁a", "b", "▁"}, "▁a", "b", "", numbered},
	{"wenet", "units.txt", "<blank>", []string{"<unk>", "a", "<space>", "b", "<sos/eos>"}, "a", "b", "<space>", numbered},
	{"wenet's pieces", "units.txt", "<blank>", []string{"<unk>", "▁", "▁a", "b", "<sos/eos>"}, "▁a", "b", "", numbered},
	{"NeMo's letters", "labels.json", "", []string{" ", "a", "b"}, "a", "b", " ", listed},
	{"NeMo's pieces", "vocab.txt", "", []string{"<unk>", "▁a", "b"}, "▁a", "b", "", lines},
	{"flashlight", "tokens.txt", "", []string{"|", "'", "a", "b"}, "a", "b", "|", lines},
	{"PaddleOCR", "dict.txt", "", []string{"0", "a", "|", "b", " "}, "a", "b", " ", lines},
	{"SentencePiece", "tokenizer.vocab", "", []string{"<unk>", "<s>", "</s>", "▁a", "b"}, "▁a", "b", "", scored},
	{"WordPiece", "vocab.txt", "[PAD]", []string{"[UNK]", "[CLS]", "a", "##b"}, "a", "##b", "", lines},
	{"Keras's JSON", "vocabulary.json", "", []string{"", "a", "b", " "}, "a", "b", " ", listed},
	{"Keras", "vocabulary.txt", "", []string{"[UNK]", "a", "b", " "}, "a", "b", " ", lines},
	{"a list", "tokens.json", "<blank>", []string{"a", "|", "b", " "}, "a", "b", " ", listed},
}

// TestEveryLayout: whatever the layout, and wherever the blank is, the same is aligned, transcribed, streamed and spelled.
func TestEveryLayout(t *testing.T) {
	for _, s := range systems {
		for _, place := range []int{0, 1, (len(s.names) + 1) / 2, len(s.names)} {
			t.Run(fmt.Sprintf("%s, blank %d", s.name, place), func(t *testing.T) { s.check(t, place) })
		}
	}
}

// check holds a layout, with the blank at a place, to what all have in common.
func (s *system) check(t *testing.T, place int) {
	all := slices.Insert(slices.Clone(s.names), place, s.blank)
	o := OtherOptions{Frame: 0.5}
	file := all
	if s.blank == "" { // behind the tokens it is recognised
		file = s.names
		if o.Tokens.Blank = fmt.Sprint(place); place == len(s.names) && s.name != "PaddleOCR" {
			o.Tokens.Blank = ""
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, s.file)
	if err := os.WriteFile(path, []byte(s.write(file)), 0o666); err != nil {
		t.Fatal(err)
	}
	o.First = emitted(t, dir, s.frames(all, place), len(all))
	e, err := OtherEmitter(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if e.Blank != place || !slices.Equal(e.Tokens.Names, all) {
		t.Fatalf("blank %d of %q; it must be %d of %q", e.Blank, e.Tokens.Names, place, all)
	}
	x, err := e.Emit(o.First)
	if err != nil {
		t.Fatal(err)
	}
	best, err := ctc.Greedy(x.LogProbs, len(all), e.Blank)
	if text := e.Tokens.Text(best.Tokens); err != nil || text != "ab a" {
		t.Errorf("the best classes say %q, %v", text, err)
	}
	s.timed(t, "the best classes", e, x, best.Spans)
	s.decode(t, e, x)
	tokens, err := e.Spell("ab  a")
	if text := e.Tokens.Text(tokens); err != nil || text != "ab a" || strings.Join(namesOf(all, tokens), "") != s.begin+s.next+s.part+s.begin {
		t.Errorf("spelled as %q, %v", namesOf(all, tokens), err)
	}
	for _, text := range []*string{nil, new("ab a"), new("* a")} {
		got, err := e.Align(x, text, true)
		if err != nil {
			t.Fatal(err)
		}
		last := got.Words[len(got.Words)-1]
		if len(got.Words) != 2 || last.Text != "a" || last.Start != 4 || last.End != 4.5 {
			t.Errorf("%+v", got.Words)
		}
		if first := got.Words[0]; (text == nil || *text == "ab a") && (first.Text != "ab" || first.Start != 0.5 || first.End != 2.5) {
			t.Errorf("the first word is %+v", first)
		}
	}
}

// decode searches, at once and in chunks, and takes the best classes of chunks.
func (s *system) decode(t *testing.T, e *Emitter, x Emissions) {
	d, err := ctc.NewDecoder(ctc.Beam{Tokens: e.Classes, Blank: e.Blank, Separator: e.Separator, Width: 8, Lexicon: []string{"ab", "a"}, Times: true})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := d.Decode(x.LogProbs)
	if err != nil || len(whole) != 1 || e.Tokens.Text(whole[0].Tokens) != "ab a" {
		t.Fatalf("the search finds %+v, %v", whole, err)
	}
	s.timed(t, "the search", e, x, whole[0].Spans)
	best, err := ctc.NewGreedyStream(len(e.Classes), e.Blank)
	if err != nil {
		t.Fatal(err)
	}
	stream := d.Stream()
	for chunk := range slices.Chunk(x.LogProbs, 3*len(e.Classes)) {
		if err := errors.Join(stream.Push(chunk), best.Push(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	chunks, err := stream.Finish()
	if err != nil || len(chunks) != 1 || !slices.Equal(chunks[0].Tokens, whole[0].Tokens) {
		t.Fatalf("in chunks %+v, %v", chunks, err)
	}
	s.timed(t, "the search in chunks", e, x, chunks[0].Spans)
	if text := e.Tokens.Text(best.Path().Tokens); text != "ab a" {
		t.Errorf("the best classes of chunks say %q", text)
	}
	s.timed(t, "the best classes of chunks", e, x, best.Path().Spans)
}

// timed holds the times of words to those that all layouts have.
func (s *system) timed(t *testing.T, of string, e *Emitter, x Emissions, spans []ctc.Span) {
	t.Helper()
	words := e.TimelineOf(x, spans).Words
	if len(words) != 2 || words[0].Text != "ab" || words[0].Start != 0.5 || words[0].End != 2.5 || words[1].Text != "a" || words[1].Start != 4 || words[1].End != 4.5 {
		t.Errorf("%s: the words are %+v", of, words)
	}
}

func namesOf(all []string, classes []int) (names []string) {
	for _, c := range classes {
		names = append(names, all[c])
	}
	return names
}

// frames are the classes of frames that say "ab a": a blank stands between words where nothing else does.
func (s *system) frames(all []string, blank int) (frames []int) {
	class := map[rune]int{'_': blank, 'a': slices.Index(all, s.begin), 'b': slices.Index(all, s.next), ' ': slices.Index(all, s.part)}
	if s.part == "" {
		class[' '] = class['_']
	}
	for _, c := range "_aa_b_ _a_" {
		frames = append(frames, class[c])
	}
	return frames
}

// emitted is a file of frames, each of which has the probability 0.97 at its class.
func emitted(t *testing.T, dir string, frames []int, classes int) string {
	t.Helper()
	var rows [][]float64
	for _, k := range frames {
		row := make([]float64, classes)
		for i := range row {
			row[i] = math.Log(0.03 / float64(classes-1))
		}
		row[k] = math.Log(0.97)
		rows = append(rows, row)
	}
	path := filepath.Join(dir, "frames.json")
	if err := os.WriteFile(path, []byte(encoded(rows)), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSpecialTokens: a special token is in no text and no word, also where it is the best class.
func TestSpecialTokens(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tokens.txt")
	if err := os.WriteFile(path, []byte("<blank>\n<unk>\na\n<space>\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := OtherEmitter(path, OtherOptions{Frame: 1})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Emit(emitted(t, dir, []int{1, 2, 1, 2, 3, 1, 2}, 4))
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Align(x, nil, true)
	if err != nil || len(got.Words) != 2 || got.Words[0].Text != "aa" || got.Words[1].Text != "a" || len(got.Tokens) != 4 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := e.Spell("<unk>"); err == nil {
		t.Error("the name of a special token is spelled")
	}
}

// TestScales: log-probabilities, logits and probabilities of the same frames give the same emissions, and each is refused where another is meant.
func TestScales(t *testing.T) {
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens.txt")
	files := map[ctc.Scale]string{
		ctc.LogProbs:      "[[-0.6931472, -1.3862944, -1.3862944], [-1.3862944, -0.6931472, -1.3862944]]",
		ctc.Logits:        "[[3.6931472, 3, 3], [-7, -6.3068528, -7]]",
		ctc.Probabilities: "[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]",
	}
	for name, text := range map[string]string{"tokens.txt": "<blank>\na\nb\n", string(ctc.LogProbs): files[ctc.LogProbs], string(ctc.Logits): files[ctc.Logits], string(ctc.Probabilities): files[ctc.Probabilities]} {
		if name != "tokens.txt" {
			name += ".json"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file, scale ctc.Scale
		says        string
	}{
		{ctc.LogProbs, ctc.LogProbs, ""},
		{ctc.Logits, ctc.Logits, ""},
		{ctc.LogProbs, ctc.Logits, ""},
		{ctc.Probabilities, ctc.Probabilities, ""},
		{ctc.Logits, ctc.LogProbs, "frame 0: Σ exp is 80.3"},
		{ctc.Probabilities, ctc.LogProbs, "as probabilities do"},
		{ctc.Probabilities, ctc.Logits, "those are probabilities, not logits"},
		{ctc.LogProbs, ctc.Probabilities, "frame 0: the sum is -3.466"},
		{ctc.Logits, ctc.Probabilities, "frame 0: the sum is 9.693"},
	} {
		e, err := OtherEmitter(tokens, OtherOptions{Frame: 1, Scale: c.scale})
		if err != nil {
			t.Fatal(err)
		}
		x, err := e.Emit(filepath.Join(dir, string(c.file)+".json"))
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--probs") {
				t.Errorf("%s for %s: %v; it must say %q", c.file, c.scale, err, c.says)
			}
			continue
		}
		want := []float64{0.5, 0.25, 0.25, 0.25, 0.5, 0.25}
		for i, p := range want {
			if err != nil || math.Abs(float64(x.LogProbs[i])-math.Log(p)) > 1e-6 {
				t.Errorf("%s for %s: %v, %v", c.file, c.scale, x.LogProbs, err)
				break
			}
		}
	}
}

// TestParts: a file of several recordings has names for each.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	tokens, batch := filepath.Join(dir, "tokens.txt"), filepath.Join(dir, "batch.npy")
	header := npy.Header{Descr: "<f4", Shape: []int{2, 2, 2}}
	var numbers []byte
	for _, v := range []float32{0, -100, -100, 0, -100, 0, 0, -100} {
		bits := math.Float32bits(v)
		numbers = append(numbers, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	}
	for path, text := range map[string]string{tokens: "<blank>\na\n", batch: string(header.Bytes()) + string(numbers)} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	e, err := OtherEmitter(tokens, OtherOptions{Frame: 1})
	if err != nil {
		t.Fatal(err)
	}
	names, err := e.Parts(batch)
	if err != nil || !slices.Equal(names, []string{filepath.Join(dir, "batch[0].npy"), filepath.Join(dir, "batch[1].npy")}) {
		t.Fatalf("%q, %v", names, err)
	}
	for k, name := range names {
		x, err := e.Emit(name)
		if err != nil || x.Frames != 2 || x.LogProbs[k] != 0 {
			t.Errorf("%s: %v, %v", name, x.LogProbs, err)
		}
	}
	if _, err := e.Emit(filepath.Join(dir, "batch[2].npy")); err == nil || !strings.Contains(err.Error(), "2 recordings, 0 to 1; there is no 2") {
		t.Errorf("the third of two: %v", err)
	}
}

// TestStar: the wildcard of torchaudio's models for alignment is no class of their emissions.
func TestStar(t *testing.T) {
	dir := t.TempDir()
	tokens, frames := filepath.Join(dir, "tokens.json"), filepath.Join(dir, "x.json")
	for path, text := range map[string]string{tokens: `["-", "a", "*"]`, frames: "[[-0.001, -7, 0], [-7, -0.001, 0]]"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	e, err := OtherEmitter(tokens, OtherOptions{Tokens: token.Options{}, Frame: 1, First: frames})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Emit(frames)
	if err != nil || !math.IsInf(float64(x.LogProbs[2]), -1) {
		t.Errorf("%v, %v", x.LogProbs, err)
	}
}
