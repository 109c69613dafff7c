package read_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
)

// Cards of the models that oracle/onnx_acoustic.py writes.
const (
	waveformCard = "features: waveform\nrate: 8000\nnormalise: true\nemissions: logits\ntokens: ['', a, b, c, ' ']\n"
	beepsCard    = `features: log_mel
rate: 8000
window: 25ms
hop: 10ms
fft: 256
mel_scale: slaney
norm: slaney
symmetric_window: true
preemphasis: 0.97
log: natural
floor: 5.960464477539063e-08
add_floor: true
padding: zeros
drop_last: true
normalise: per_feature
length: length
tokens: [a, b, c]
blank: 3
`
)

// beside copies a model to a folder of its own, with a card.
func beside(t *testing.T, model, card string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.onnx")
	file, err := os.ReadFile(filepath.Join("testdata", model+".onnx"))
	if err == nil {
		err = os.WriteFile(path, file, 0o666)
	}
	if err == nil {
		err = os.WriteFile(strings.TrimSuffix(path, ".onnx")+read.CardEnding, []byte(card), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// An acousticCase is a recording, and the log-probabilities that ONNX Runtime has for its frames.
type acousticCase struct {
	Model, Samples, Text string
	Frames               int
	LogProbs             []float64 `json:"log_probs"`
}

// wav writes the recording.
func (c acousticCase) wav(t *testing.T) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(c.Samples)
	if err != nil {
		t.Fatal(err)
	}
	clip := audio.Clip{Rate: 8000}
	for i := 0; i < len(raw); i += 2 {
		clip.Samples = append(clip.Samples, float32(int16(binary.LittleEndian.Uint16(raw[i:])))/32768)
	}
	path := filepath.Join(t.TempDir(), "rec.wav")
	if err := audio.Write(path, clip); err != nil {
		t.Fatal(err)
	}
	return path
}

func acousticCases(t *testing.T) (all []acousticCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/acoustic.json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestONNXOfSound: models of PyTorch's over samples and over log-mel features have the emissions that ONNX Runtime has, and read what they have learned.
func TestONNXOfSound(t *testing.T) {
	cards := map[string]string{"waveform": waveformCard, "beeps": beepsCard}
	frame := map[string]float64{"waveform": 0.0025, "beeps": 0.02}
	for _, c := range acousticCases(t) {
		e, err := read.ONNXEmitter(beside(t, c.Model, cards[c.Model]))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(e.Frame-frame[c.Model]) > 1e-12 || e.Unit != read.Seconds || e.TakesEmissions() {
			t.Errorf("%s: frames are %v %s apart", c.Model, e.Frame, e.Unit)
		}
		if got := e.Normal(" A  b"); got != "a b" {
			t.Errorf("a text becomes %q", got)
		}
		text, x := textOf(t, e, c.wav(t))
		if x.Frames != c.Frames || len(x.LogProbs) != len(c.LogProbs) {
			t.Fatalf("%s: %d frames with %d numbers; ONNX Runtime has %d with %d", c.Model, x.Frames, len(x.LogProbs), c.Frames, len(c.LogProbs))
		}
		for i, want := range c.LogProbs {
			if got := float64(x.LogProbs[i]); math.Abs(got-want) > 1e-4 {
				t.Fatalf("%s %s: number %d is %v; ONNX Runtime has %v", c.Model, c.Text, i, got, want)
			}
		}
		if c.Text == "" {
			continue
		}
		if text != c.Text || x.Line == nil || x.Line.H != 16 {
			t.Errorf("the text is %q; want %q", text, c.Text)
		}
		line, err := e.Align(x, &c.Text, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range line.Tokens { // beeps are 0.15 to 0.2 s apart, and the first begins after 0.1 s
			if middle := (s.Start + s.End) / 2; s.Text != c.Text[i:i+1] || middle < 0.05+0.15*float64(i) || middle > 0.25+0.2*float64(i) {
				t.Errorf("%s: beep %d, %s, is at %v to %v", c.Text, i, s.Text, s.Start, s.End)
			}
		}
	}
}

// TestONNXOfSoundRefuses: what is missing, unknown, of other features or out of range is named, with the card.
func TestONNXOfSoundRefuses(t *testing.T) {
	without := func(card, key string) string {
		var kept []string
		for _, line := range strings.Split(card, "\n") {
			if !strings.HasPrefix(line, key+":") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\n")
	}
	type refused struct{ model, card, want string }
	var all []refused
	for _, key := range []string{"rate", "window", "hop", "mel_scale", "norm", "log", "floor", "padding", "normalise", "tokens"} {
		all = append(all, refused{"beeps", without(beepsCard, key), `the key "` + key + `" is missing`})
	}
	for _, key := range []string{"rate", "normalise", "emissions", "tokens"} {
		all = append(all, refused{"waveform", without(waveformCard, key), `the key "` + key + `" is missing`})
	}
	all = append(all, []refused{
		{"waveform", "emissions: logits\n", "a model of sound takes a card"},
		{"waveform", without(waveformCard, "features"), "rate is of models of sound; a card of one must have features: waveform or log_mel"},
		{"waveform", waveformCard + "mels: 3\n", "mels is of models of log_mel; this one has features: waveform"},
		{"waveform", waveformCard + "height: 3\n", "height is of models of pictures; this one has features: waveform"},
		{"waveform", waveformCard + "normalize: true\n", `there is no key "normalize", did you mean normalise?`},
		{"waveform", strings.Replace(waveformCard, "waveform", "spectrum", 1), `features is "spectrum"; it must be waveform, log_mel`},
		{"waveform", waveformCard + "frame: 0\n", `frame is "0"; it must be a number above 0`},
		{"waveform", waveformCard + "length: length\n", `length is "length"; the model has samples`},
		{"waveform", waveformCard + "mean: [1, 2]\n", "Mean is 2 numbers"},
		{"waveform", strings.Replace(waveformCard, "normalise: true", "normalise: per", 1), `normalise is "per"; it must be false, true, per_feature`},
		{"waveform", strings.Replace(waveformCard, "8000", "0", 1), `rate is "0"; it must be a whole number from 1 to`},
		{"waveform", beepsCard + "emissions: logits\ninput: samples\n", "is not of log_mel, which is float[1,frames,mels]"},
		{"beeps", without(beepsCard, "length"), `the key "input" is missing`},
		{"beeps", without(beepsCard, "length") + "input: audio_signal\n", "length"},
		{"beeps", without(beepsCard, "length") + "length: audio_signal\n", "the input length int64[batch] is not of log_mel"},
		{"beeps", beepsCard + "mels: 20\n", "mels is 20; the model takes 16"},
		{"beeps", beepsCard + "layout: btc\n", "layout is btc; by it the number of frames is 16, which must be open"},
		{"beeps", strings.Replace(beepsCard, "25ms", "25s", 1), `window is "25s"; it must be a number of samples`},
		{"beeps", strings.Replace(beepsCard, "25ms", "300", 1), "FFT is 256; it must be from Window = 300"},
		{"beeps", beepsCard + "low: 5000\n", "LowHz is 5000"},
		{"beeps", strings.Replace(beepsCard, "log: natural", "log: log2", 1), `log is "log2"; it must be natural, log10, db`},
		{"beeps", strings.Replace(beepsCard, "[a, b, c]", "[a, b]", 1), "blank is 3; with 2 tokens it must be a class from 0 to 2"},
		{"beeps", beepsCard + "preemphasis: 0.9\n", "preemphasis comes twice"},
	}...)
	for _, c := range all {
		path := beside(t, c.model, c.card)
		if e, err := read.ONNXEmitter(path); e != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%s: error %v; it should say %q, with the path\n%s", c.model, err, c.want, c.card)
		}
	}
}

// TestONNXOfSoundFiles: errors of recordings name their file.
func TestONNXOfSoundFiles(t *testing.T) {
	e, err := read.ONNXEmitter(beside(t, "beeps", beepsCard))
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.wav")
	if err := audio.Write(short, audio.Clip{Rate: 8000, Samples: make([]float32, 50)}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{short: "50 samples at the rate 8000, which is less than a frame", short + ".wav": "no such file"} {
		if _, err := e.Emit(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// TestONNXOfFolder: a folder of Hugging Face needs no card, and one that says more counts.
func TestONNXOfFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "wav2vec")
	if err := os.CopyFS(folder, os.DirFS("../../engine/onnx/huggingface/testdata/wav2vec")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rec.wav")
	clip := audio.Clip{Rate: 16000, Samples: make([]float32, 16000)}
	for i := range clip.Samples {
		clip.Samples[i] = float32(math.Sin(float64(i) / 9))
	}
	if err := audio.Write(path, clip); err != nil {
		t.Fatal(err)
	}
	for card, factor := range map[string]float64{"": 1, "frame: 1\n": 0} {
		if err := os.WriteFile(folder+read.CardEnding, []byte(card), 0o666); err != nil {
			t.Fatal(err)
		}
		e, err := read.ONNXEmitter(folder)
		if err != nil {
			t.Fatal(err)
		}
		x, err := e.Emit(path)
		if err != nil || e.Separator != " " || e.Blank != 0 {
			t.Fatalf("separator %q, blank %d, %v", e.Separator, e.Blank, err)
		}
		if end := float64(x.Frames) * x.Frame; factor == 1 && math.Abs(end-1) > 0.05 || factor == 0 && e.Frame != 1 {
			t.Errorf("%q: %d frames of %v s", card, x.Frames, x.Frame)
		}
	}
}

// TestIsSpeech: what stands beside the weights says whether a model is of speech.
func TestIsSpeech(t *testing.T) {
	folder := tones()
	defer os.RemoveAll(folder)
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]bool{
		folder:                                                true,
		beside(t, "waveform", waveformCard):                   true,
		beside(t, "waveform", "blank: 3\n"):                   false,
		beside(t, "waveform", "- no\n- card\n"):               false,
		file("net.onnx", "no model"):                          false,
		file("tokens.txt", "a\nb\n"):                          false,
		filepath.Join(t.TempDir(), "none.onnx"):               false,
		filepath.Dir(file("reader.json", `{"speech": null}`)): false,
		filepath.Dir(file("config.json", `{"architectures": ["Wav2Vec2ForCTC"]}`)): true,
		filepath.Dir(file("config.json", `{"architectures": ["BertModel"]}`)):      false,
		filepath.Dir(file("config.json", `{`)):                                     false,
	} {
		if got := read.IsSpeech(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
