package read_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

// A columnNet describes a model whose classes are of the mean values of columns: of one channel, class k where it is nearest to levels[k]; of
// three, class k where channel k is the greatest.
type columnNet struct {
	shape    string
	levels   []float64
	last     string // an operator over the classes; "" for none
	metadata map[string]string
}

// grey is a model of the classes blank, a, b and a space: white, black, dark grey and bright grey columns, less 1, so that zeros are white.
func grey() columnNet {
	return columnNet{shape: "batch,1,4,columns", levels: []float64{0, -1, -0.67, -0.33}, last: "LogSoftmax"}
}

const greyCard = "mean: 1\ndeviation: 1\ntokens: ['', a, b, ' ']\n"

// model builds it.
func (n columnNet) model() (*format.Model, error) {
	g := export.New("columns", "Classes of columns.")
	x := g.Transpose(g.Input(export.Port{Name: "x", Doc: "pixels", Shape: n.shape}), 0, 3, 1, 2)
	y := g.Binary("Mul", g.Reduce("ReduceMean", x), g.Float(50))
	classes := 3
	if n.levels != nil {
		classes = len(n.levels)
		levels, err := tensor.FromFloat64(n.levels, classes)
		if err != nil {
			return nil, err
		}
		y = g.Binary("Sub", g.Reduce("ReduceMean", x), g.Tensor("levels", levels))
		y = g.Binary("Mul", g.Binary("Mul", y, y), g.Float(-200))
	}
	if n.last != "" {
		y = g.Unary(n.last, y, export.Int("axis", 2))
	}
	g.Output(export.Port{Name: "y", Doc: "a frame for each column", Shape: fmt.Sprintf("batch,columns,%d", classes)}, y)
	for key, value := range n.metadata {
		g.Metadata(key, value)
	}
	return g.Model()
}

// file writes the model, and a card beside it unless that is empty.
func (n columnNet) file(t *testing.T, card string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.onnx")
	m, err := n.model()
	if err == nil {
		err = format.WriteFile(path, m)
	}
	if err == nil && card != "" {
		err = os.WriteFile(strings.TrimSuffix(path, ".onnx")+read.CardEnding, []byte(card), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var paints = map[rune]color.Color{
	'_': color.White, 'a': color.Black, 'b': color.Gray{84}, ' ': color.Gray{171}, '.': color.Transparent,
	'R': color.RGBA{R: 255, A: 255}, 'G': color.RGBA{G: 255, A: 255}, 'B': color.RGBA{B: 255, A: 255},
}

// draw writes a picture whose columns have the colours of runes, each size pixels wide and 4 · size high.
func draw(path, columns string, size int) error {
	m := image.NewNRGBA(image.Rect(0, 0, size*len(columns), 4*size))
	for i, c := range columns {
		for x := range size {
			for y := range 4 * size {
				m.Set(i*size+x, y, paints[c])
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return png.Encode(f, m)
}

// picture is the path of what draw writes.
func picture(t *testing.T, columns string, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "line.png")
	if err := draw(path, columns, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// textOf reads a picture by the best class of each frame.
func textOf(t *testing.T, e *read.Emitter, path string) (string, read.Emissions) {
	t.Helper()
	x, err := e.Emit(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ctc.Greedy(x.LogProbs, len(e.Classes), e.Blank)
	if err != nil {
		t.Fatal(err)
	}
	return e.Text(p.Tokens), x
}

// TestONNXEmitter: lines of any height have the text of their columns, with cards and metadata of every form.
func TestONNXEmitter(t *testing.T) {
	with := func(change func(*columnNet)) columnNet {
		n := grey()
		change(&n)
		return n
	}
	for name, c := range map[string]struct {
		net           columnNet
		card          string
		columns, text string
	}{
		"log_probs by the operator":     {grey(), greyCard, "__aa_a bb_", "aa b"},
		"probabilities by the operator": {with(func(n *columnNet) { n.last = "Softmax" }), greyCard, "__aa_a bb_", "aa b"},
		"logits":                        {with(func(n *columnNet) { n.last = "" }), greyCard + "emissions: logits\n", "__aa_a bb_", "aa b"},
		"transparent is white":          {grey(), greyCard, "..aa.a bb.", "aa b"},
		"blank inserted":                {grey(), "mean: 1\ndeviation: 1\ntokens: [a, b, ' ']\nblank: 0\n", "_a_a", "aa"},
		"open height":                   {with(func(n *columnNet) { n.shape = "1,1,rows,columns" }), greyCard + "height: 4\n", "aa__b", "ab"},
		"open channels":                 {with(func(n *columnNet) { n.shape = "1,channels,4,columns" }), greyCard + "channels: grey\ninput: x\noutput: y\n", "aa__b", "ab"},
		"scale":                         {grey(), "scale: 0.5\nmean: 127.5\ndeviation: [127.5]\ntokens: ['', a, b, ' ']\n", "aa__b b", "ab b"},
		"least width":                   {grey(), greyCard + "least_width: 40\nwidth_multiple: 32\n", "a_b", "ab"},
		"fixed width":                   {with(func(n *columnNet) { n.shape = "1,1,4,32" }), greyCard, "a_b", "ab"},
		"fixed width, a longer line":    {with(func(n *columnNet) { n.shape = "1,1,4,16" }), greyCard, strings.Repeat("aaaa____", 4), "aaaa"},
		"dark ground":                   {grey(), greyCard + "dark_background: true\n", "____", "a"},
		"characters":                    {with(func(n *columnNet) { n.metadata = map[string]string{"character": "a\nb"} }), "mean: 1\ndeviation: 1\n", "a_ b", "a b"},
		"metadata": {
			with(func(n *columnNet) {
				n.metadata = map[string]string{"tokens": `["a","b"," "]`, "blank": "0", "mean": "[1]", "deviation": "[1]", "author": "x"}
			}), "", "a_ b", "a b",
		},
		"card before metadata": {
			with(func(n *columnNet) { n.metadata = map[string]string{"tokens": `["", "x", "y", "z"]`} }), greyCard, "ab", "ab",
		},
		"rgb": {columnNet{shape: "1,3,4,w", last: "LogSoftmax"}, "channels: rgb\nmean: 0\ndeviation: [1, 1, 1]\ntokens: [r, '', b]\n", "RGRBB", "rrb"},
		"bgr": {columnNet{shape: "1,3,4,w", last: "LogSoftmax"}, "channels: bgr\nmean: 0\ndeviation: 1\ntokens: [b, '', r]\n", "RGRBB", "rrb"},
		"mean by channel": {
			columnNet{shape: "1,3,4,w", last: "LogSoftmax"}, "channels: rgb\nmean: [0, 2, 0]\ndeviation: 1\ntokens: [r, '', b]\n", "RRBR", "rbr",
		},
	} {
		e, err := read.ONNXEmitter(c.net.file(t, c.card))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var columns strings.Builder // three of a kind, for the next ones blur them
		for _, k := range c.columns {
			columns.WriteString(strings.Repeat(string(k), 3))
		}
		for _, size := range []int{1, 4, 12} {
			text, x := textOf(t, e, picture(t, columns.String(), size))
			if text != c.text {
				t.Errorf("%s: squares of %d pixels say %q; want %q", name, size, text, c.text)
			}
			if want := float64(size * columns.Len()); x.Length != want || e.Unit != read.Pixels || x.Frames < 1 {
				t.Errorf("%s: %d frames, length %v %s; want %v", name, x.Frames, x.Length, e.Unit, want)
			}
		}
	}
}

// TestONNXEmitterPlaces: places in a picture are in its own pixels, whatever follows the line.
func TestONNXEmitterPlaces(t *testing.T) {
	for _, card := range []string{greyCard, greyCard + "least_width: 50\n", greyCard + "width_multiple: 9\n"} {
		e, err := read.ONNXEmitter(grey().file(t, card))
		if err != nil {
			t.Fatal(err)
		}
		path := picture(t, "__aa__ bb_", 4) // a column of the model for four pixels
		_, x := textOf(t, e, path)
		text := "a b"
		line, err := e.Align(x, &text, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(line.Words[0].Start, line.Words[0].End, line.Words[1].Start, line.Words[1].End, line.Duration); got != "8 16 28 36 40" {
			t.Errorf("%q: the words are at %s", card, got)
		}
	}
}

// TestONNXEmitterTokensFile: tokens in a file are found beside the card.
func TestONNXEmitterTokensFile(t *testing.T) {
	path := grey().file(t, "mean: 1\ndeviation: 1\ntokens: tokens.txt\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "tokens.txt"), []byte("<blank>\na\nb\n<space>\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := read.ONNXEmitter(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := textOf(t, e, picture(t, "a b", 4)); text != "a b" || e.Separator != " " || e.Blank != 0 {
		t.Errorf("the text is %q, the separator %q, the blank %d", text, e.Separator, e.Blank)
	}
}

// TestONNXEmitterRefuses: what is missing, unknown or out of range is named, with the card.
func TestONNXEmitterRefuses(t *testing.T) {
	open := grey()
	open.shape = "1,1,rows,columns"
	colour := columnNet{shape: "1,3,4,columns", last: "Softmax"}
	bare := grey()
	bare.last = ""
	two := grey()
	two.shape = "2,1,4,columns"
	flat := grey()
	flat.shape = "1,4,columns"
	named := grey()
	named.metadata = map[string]string{"character": "a"}
	wrong := grey()
	wrong.metadata = map[string]string{"mean": "x"}
	for _, c := range []struct {
		net        columnNet
		card, want string
	}{
		{open, "", `net.onnx does not say the height of a line in pixels: that takes a card, `},
		{open, greyCard, `net.energo.yaml: the key "height" is missing`},
		{colour, greyCard, `the key "channels" is missing`},
		{bare, greyCard, `the key "emissions" is missing`},
		{grey(), "deviation: 1\n", `the key "mean" is missing`},
		{grey(), "mean: 1\n", `the key "deviation" is missing`},
		{grey(), "mean: 1\ndeviation: 1\n", `the key "tokens" is missing`},
		{grey(), "mean: 1\ndeviation: 1\ntokens: [a, b, c]\nblank: 4\n", "blank is 4; with 3 tokens it must be a class from 0 to 3"},
		{grey(), greyCard + "blank: q\n", `blank is "q", which is no token`},
		{grey(), greyCard + "separator: q\n", `separator is "q", which is no token`},
		{grey(), "mean: 1\ndeviation: 1\ntokens: ['', a]\n", "has 4 classes"},
		{grey(), "mean: 1\ndeviation: 1\ntokens: none.txt\n", "none.txt"},
		{named, "mean: 1\ndeviation: 1\n", "has 4 classes; its metadata has 1 characters"},
		{grey(), greyCard + "hieght: 4\n", `line 4: there is no key "hieght", did you mean height?`},
		{grey(), greyCard + "mean: 1\n", "line 4: mean comes twice"},
		{grey(), greyCard + "height: 5\n", "height is 5; the model takes lines of height 4"},
		{grey(), greyCard + "height: tall\n", `line 4: height is "tall"; it must be a whole number from 1 to 4096`},
		{grey(), greyCard + "height: 0\n", `height is "0"; it must be a whole number from 1 to 4096`},
		{grey(), greyCard + "least_width: -1\n", `least_width is "-1"`},
		{grey(), greyCard + "width_multiple: 0\n", `width_multiple is "0"`},
		{grey(), greyCard + "scale: 0\n", `scale is "0"; it must be a number above 0`},
		{grey(), greyCard + "scale: .nan\n", `scale is ".nan"; it must be a number above 0`},
		{grey(), "mean: .inf\n", `mean is ".inf"; it must be a finite number, or a list of them`},
		{grey(), "deviation: 0\n", `deviation is "0"; it must be a finite number above 0`},
		{grey(), "mean: [1, 2]\ndeviation: 1\n", "mean has 2 numbers; it must have 1 or 1"},
		{grey(), greyCard + "channels: rgb\n", "channels is rgb; the model takes 1 channels"},
		{colour, greyCard + "channels: grey\n", "channels is grey; the model takes 3 channels"},
		{grey(), greyCard + "channels: cmyk\n", `channels is "cmyk"; it must be grey, rgb, bgr`},
		{grey(), greyCard + "emissions: scores\n", `emissions is "scores"; it must be log_probs, logits, probabilities`},
		{grey(), greyCard + "emissions: probabilities\n", "frame 0: the sum is"},
		{grey(), greyCard + "input: z\n", `input is "z"; the model has x`},
		{grey(), greyCard + "output: z\n", `output is "z"; the model has y`},
		{grey(), "- mean\n", "line 1: it must be a map of keys to values"},
		{grey(), "mean: [\n", "net.energo.yaml: "},
		{two, greyCard, "does not take one line"},
		{flat, greyCard, "is not of lines"},
		{wrong, greyCard[len("mean: 1\n"):], `net.onnx: metadata: mean is "x"`},
	} {
		path := c.net.file(t, c.card)
		e, err := read.ONNXEmitter(path)
		if e != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%q: error %v; it should say %q, with the path", c.card, err, c.want)
		}
	}
}

// TestONNXEmitterRefusesPictures: errors of pictures name their file.
func TestONNXEmitterRefusesPictures(t *testing.T) {
	e, err := read.ONNXEmitter(grey().file(t, greyCard+"least_width: 9\n"))
	if err != nil {
		t.Fatal(err)
	}
	noPicture := filepath.Join(t.TempDir(), "no.png")
	if err := os.WriteFile(noPicture, []byte("no"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{noPicture: "not a valid picture", noPicture + ".png": "no such file"} {
		if _, err := e.Emit(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// A model of another, in the ONNX format, reads lines. Here it is the tests' own, whose columns are letters; the card says what its file does not.
func ExampleONNXEmitter() {
	dir, err := os.MkdirTemp("", "onnx")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	m, err := grey().model()
	if err == nil {
		err = format.WriteFile(filepath.Join(dir, "net.onnx"), m)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "net.energo.yaml"), []byte(greyCard), 0o666)
	}
	if err == nil {
		err = draw(filepath.Join(dir, "line.png"), "_aa_ bb_a", 8)
	}
	if err != nil {
		panic(err)
	}

	e, err := read.ONNXEmitter(filepath.Join(dir, "net.onnx"))
	if err != nil {
		panic(err)
	}
	decoder, err := ctc.NewDecoder(ctc.Beam{Tokens: e.Classes, Blank: e.Blank, Separator: e.Separator, Width: 8})
	if err != nil {
		panic(err)
	}
	x, err := e.Emit(filepath.Join(dir, "line.png"))
	if err != nil {
		panic(err)
	}
	best, err := decoder.Decode(x.LogProbs)
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Text(best[0].Tokens))
	// Output: a ba
}
