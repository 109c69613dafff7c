package studio

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/seq/audio"
	seqread "github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/read/readtest"
)

// writeSpeech writes a run that hears "o" and "i".
func writeSpeech(t testing.TB, folder, name string) {
	t.Helper()
	dir := filepath.Join(folder, filepath.FromSlash(name))
	write(t, filepath.Join(dir, "config.yaml"), "recipe: speech\n")
	if err := readtest.Save(dir, 40, 8, 1, 2); err != nil {
		t.Fatal(err)
	}
}

// writeStrips writes a run whose network of strips was not trained.
func writeStrips(t testing.TB, folder, name string, seed uint64) {
	t.Helper()
	dir := filepath.Join(folder, filepath.FromSlash(name))
	write(t, filepath.Join(dir, "config.yaml"), "recipe: strips\n")
	n, err := seqread.NewNetwork(seqread.Spec{Height: 32, Tokens: strings.Split("0123456789", ""), Channels: 8, Dilations: []int{1}}, seed)
	if err == nil {
		err = seqread.Save(dir, n, nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// saying is a recording of words as a WAV file.
func saying(t testing.TB, words ...string) []byte {
	t.Helper()
	file, err := audio.Encode(readtest.Say(words...))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// strip is a picture of some dark bars on white.
func strip(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = 255
		if x := i % w; x%20 > 14 {
			m.Pix[i] = 10
		}
	}
	m.SetGray(0, 0, color.Gray{128})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sendFile sends a file, and holds the answer to the description.
func sendFile(t testing.TB, at, path string, file []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", at+path, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := described(t, at, "POST", path, answer.StatusCode, string(text)); err != nil {
		t.Errorf("POST %s: %v", path, err)
	}
	return answer.StatusCode, string(text)
}

// heardBy has a recogniser read a file.
func heardBy(t testing.TB, at, name string, file []byte) (h heardAnswer) {
	t.Helper()
	status, text := sendFile(t, at, "/v1/studio/hear/"+name, file)
	if status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	decodeJSON(t, text, &h)
	return h
}

// decodeJSON reads an answer, whose lesson.Floats are base64.
func decodeJSON(t testing.TB, text string, v any) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if p, ok := all["posteriors"].(map[string]any); ok {
		p["values"] = floatsOf(t, p["values"].(string))
	}
	if p, ok := all["trellis"].(map[string]any); ok {
		p["emissions"], p["occupancy"] = floatsOf(t, p["emissions"].(string)), floatsOf(t, p["occupancy"].(string))
	}
	again, err := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(again, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// floatsOf reads base64 of little-endian float32.
func floatsOf(t testing.TB, text string) []float32 {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]float32, len(b)/4)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return all
}

func TestRecognisers(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	writeSpeech(t, dir, "speech-1")
	writeStrips(t, dir, "sweep/strips é", 1)
	fixture{name: "plain", lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, dir)
	writeStrips(t, elsewhere, "strips", 1)
	at := startWith(t, Options{Folder: dir, Models: map[string]string{"mine": filepath.Join(elsewhere, "strips"), "1": filepath.Join(elsewhere, "strips")}})
	want(t, at, "GET", "/v1/studio/hear", "", 200, `{"name":"1","run":false,"unit":"pixels"},{"name":"mine","run":false,"unit":"pixels"},{"name":"speech-1","run":true,"unit":"seconds"},{"name":"sweep/strips é","run":true,"unit":"pixels"}]`, `"seconds":60`)
	want(t, at, "GET", "/v1/studio/hear/speech-1", "", 200, `"tokens":[" ","i","o"]`, `"rate":8000`)
	want(t, at, "GET", "/v1/studio/hear/sweep%2Fstrips%20%C3%A9", "", 200, `"height":32`)
	want(t, at, "GET", "/v1/studio/hear/mine", "", 200, `"height":32`)
	want(t, at, "GET", "/v1/studio/hear/plain", "", 404, `has no recogniser: finished runs of strips and speech`)
	want(t, at, "GET", "/v1/studio/hear/..%2Fspeech-1", "", 404, "there is no recogniser")

	// One that was trained again is opened again; one that is damaged says why.
	before := heardBy(t, at, "mine", strip(t, 200, 40))
	writeStrips(t, dir, "again", 1)
	if same := heardBy(t, at, "again", strip(t, 200, 40)); same.Reading.Free != before.Reading.Free {
		t.Errorf("the same network reads with %v and %v", same.Reading.Free, before.Reading.Free)
	}
	writeStrips(t, dir, "again", 2)
	if other := heardBy(t, at, "again", strip(t, 200, 40)); other.Reading.Free == before.Reading.Free {
		t.Error("a run that was trained again is read with its old network")
	}
	writeStrips(t, dir, "damaged", 1)
	if err := os.Truncate(filepath.Join(dir, "damaged", seqread.WeightsFile), 100); err != nil {
		t.Fatal(err)
	}
	want(t, at, "GET", "/v1/studio/hear/damaged", "", 422, "cannot be opened", "model.safetensors")

	for text, paths := range map[string]map[string]string{
		"the model a: ":   {"a": filepath.Join(dir, "none")},
		"the model b: ":   {"b": filepath.Join(dir, "plain")},
		"the name is \"-": {"-": filepath.Join(elsewhere, "strips")},
	} {
		if _, err := newRecognisers(t.Context(), paths, nil); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v; want %s", err, text)
		}
	}
}

// TestHear: a recording is read, its texts aligned, and its trellis has the energies of the aligner.
func TestHear(t *testing.T) {
	dir := t.TempDir()
	writeSpeech(t, dir, "speech-1")
	at := start(t, dir)
	h := heardBy(t, at, "speech-1", saying(t, "i", "o", "o"))
	if h.Reading.Text != "i o o" || len(h.Reading.Words) != 3 || h.Unit != seqread.Seconds || math.Abs(h.Length-2.3) > 1e-6 || math.Abs(h.All) > 1e-3 {
		t.Fatalf("it hears %+v", h.Reading)
	}
	for i, w := range h.Reading.Words { // tones of 0.3 s from 0.5 s on, with 0.3 s between
		if start := 0.5 + 0.6*float64(i); math.Abs(w.Start-start) > 0.12 || math.Abs(w.End-start-0.3) > 0.12 {
			t.Errorf("word %d is from %v to %v; want about %v to %v", i, w.Start, w.End, start, start+0.3)
		}
	}
	if n := len(h.Posteriors.Classes); n != 4 || len(h.Posteriors.Values) != n*h.Frames || len(h.Lines.Shades) != h.Lines.Rows*h.Lines.Columns || !h.Lines.Own || h.Lines.Rows != 40 {
		t.Errorf("%d classes, %d values, %d shades", n, len(h.Posteriors.Values), len(h.Lines.Shades))
	}
	if status, text := ask(t, "GET", at+"/v1/studio/heard/"+h.ID, ""); status != 200 || !strings.Contains(text, h.ID) {
		t.Errorf("once more: %d %.100s", status, text)
	}
	_, wav := ask(t, "GET", at+"/v1/studio/heard/"+h.ID+"/sound", "")
	if c, err := audio.Decode(strings.NewReader(wav)); err != nil || c.Rate != readtest.Rate || math.Abs(c.Duration().Seconds()-2.3) > 1e-3 {
		t.Errorf("the sound is %v long, %v", c.Duration(), err)
	}

	path := "/v1/studio/heard/" + h.ID + "/text"
	for _, c := range []struct {
		body, text string
		words      int
	}{{`{"trellis":true}`, "i o o", 3}, {`{"text":"O, o!  i","trellis":true}`, "O, o! i", 3}, {`{"text":"i","trellis":true,"beta":0.5}`, "i", 1}, {`{"text":"o o","trellis":true,"beta":3}`, "o o", 2}} {
		var a alignedText
		decodeJSON(t, want(t, at, "POST", path, c.body, 200), &a)
		if a.Text != c.text || len(a.Words) != c.words || a.Trellis == nil {
			t.Errorf("%s: %q, %d words", c.body, a.Text, len(a.Words))
			continue
		}
		checkTrellis(t, &h, &a)
	}
	var other alignedText
	decodeJSON(t, want(t, at, "POST", path, `{"text":"o o"}`, 200), &other)
	if other.Trellis != nil || !(other.Free > h.Reading.Free+1) || other.Words[0].Text != "o" || h.Reading.Words[0].Doubted {
		t.Errorf("another text has the free energy %v; what was read has %v", other.Free, h.Reading.Free)
	}
}

// checkTrellis holds a trellis against itself and against the aligner.
func checkTrellis(t *testing.T, h *heardAnswer, a *alignedText) {
	t.Helper()
	x, n, m := a.Trellis, len(a.Trellis.States), len(a.Trellis.Classes)
	if len(x.Occupancy) != h.Frames*n || len(x.Emissions) != h.Frames*m || len(x.Path) != h.Frames {
		t.Fatalf("%d occupancies and %d emissions of %d frames, %d states, %d classes", len(x.Occupancy), len(x.Emissions), h.Frames, n, m)
	}
	energy := 0.0
	for f, s := range x.Path {
		energy -= math.Log(float64(x.Emissions[f*m+x.States[s]]))
		sum := 0.0
		for _, share := range x.Occupancy[f*n : (f+1)*n] {
			sum += float64(share)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("%s: the occupancies of frame %d add up to %v", a.Text, f, sum)
		}
	}
	if math.Abs(energy-x.Least) > 1e-3 || math.Abs(x.Least-a.Least) > 1e-3 {
		t.Errorf("%s: the path has %v, the minimum is %v, the aligner's %v", a.Text, energy, x.Least, a.Least)
	}
	if x.Beta == 1 && math.Abs(x.Free-a.Free) > 1e-3 || x.Free > x.Least+1e-9 {
		t.Errorf("%s: the free energy is %v, the aligner's %v, the minimum %v", a.Text, x.Free, a.Free, x.Least)
	}
	if x.Beta == 1 && math.Abs(x.All) > 1e-3 {
		t.Errorf("the free energy of all texts is %v; probabilities add up to 1", x.All)
	}
}

func TestReadStrip(t *testing.T) {
	dir := t.TempDir()
	writeStrips(t, dir, "strips-1", 1)
	at := start(t, dir)
	h := heardBy(t, at, "strips-1", strip(t, 400, 64))
	if h.Unit != seqread.Pixels || h.Length != 400 || h.Lines.Rows != 32 || h.Lines.Columns != 200 || h.Frames < 50 {
		t.Errorf("%v %s, %d×%d pixels, %d frames", h.Length, h.Unit, h.Lines.Columns, h.Lines.Rows, h.Frames)
	}
	want(t, at, "GET", "/v1/studio/heard/"+h.ID+"/sound", "", 404, "a strip has no sound")
	var a alignedText
	decodeJSON(t, want(t, at, "POST", "/v1/studio/heard/"+h.ID+"/text", `{"text":"12 3","trellis":true}`, 200), &a)
	if a.Spelled != "123" || len(a.Words) != 3 {
		t.Errorf("%q is spelled %q in %d words", a.Text, a.Spelled, len(a.Words))
	}
	checkTrellis(t, &h, &a)
}

func TestHearRefuses(t *testing.T) {
	dir := t.TempDir()
	writeSpeech(t, dir, "speech-1")
	writeStrips(t, dir, "strips-1", 1)
	at := start(t, dir)
	long, err := audio.Encode(audio.Clip{Rate: 8000, Samples: make([]float32, (hearSeconds+1)*8000)})
	if err != nil {
		t.Fatal(err)
	}
	fast, err := audio.Encode(audio.Clip{Rate: 192000, Samples: make([]float32, 20*192000)})
	if err != nil {
		t.Fatal(err)
	}
	short, err := audio.Encode(audio.Clip{Rate: 8000, Samples: make([]float32, 10)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		file   []byte
		status int
		part   string
	}{
		{"speech-1", nil, 400, "file is empty; it must be a recording: WAV"},
		{"speech-1", []byte("nonsense"), 400, "it must be a recording: WAV"},
		{"speech-1", strip(t, 40, 40), 400, "it must be a recording"},
		{"speech-1", long, 413, "at most 60 seconds"},
		{"speech-1", fast, 413, "48000 samples a second"},
		{"speech-1", short, 422, "too short for a frame"},
		{"strips-1", saying(t, "i"), 400, "it must be a picture of a line: PNG"},
		{"strips-1", strip(t, 100, 1), 422, "100×1 pixels; a strip may be at most 64 times as wide as high"},
		{"strips-1", strip(t, 2100, 2100), 400, "at most 4194304"},
		{"none", nil, 404, "there is no recogniser"},
	} {
		if status, text := sendFile(t, at, "/v1/studio/hear/"+c.name, c.file); status != c.status || !strings.Contains(text, c.part) {
			t.Errorf("%s: %d %.300s; want %d %s", c.name, status, text, c.status, c.part)
		}
	}
	want(t, at, "POST", "/v1/studio/hear/speech-1", "{}", 415, "must be application/octet-stream")

	path := "/v1/studio/heard/" + heardBy(t, at, "speech-1", saying(t, "i")).ID + "/text"
	for body, c := range map[string]struct {
		status int
		part   string
	}{
		`{"text":"x"}`: {422, `which none of the recogniser's tokens spells; they are [\" \" \"i\" \"o\"]`},
		`{"text":""}`:  {422, "text has nothing"},
		`{"text":"` + strings.Repeat("i", textMost+1) + `"}`:    {422, "at most 500"},
		`{"text":"` + strings.Repeat("i o ", textMost/4) + `"}`: {422, "text: "},
		`{"text":"i","beta":0}`:                                 {422, "beta is 0"},
		`{"text":"i","beta":1001}`:                              {422, "at most 1000"},
		`{"text":"i","gamma":1}`:                                {400, "gamma"},
		`{"text":1}`:                                            {400, "text"},
	} {
		want(t, at, "POST", path, body, c.status, c.part)
	}
	want(t, at, "POST", "/v1/studio/heard/none/text", `{}`, 404, "send the file again")
	want(t, at, "GET", "/v1/studio/heard/none", "", 404, "send the file again")

	// The one that was used longest ago gives way.
	kept := path
	first := heardBy(t, at, "speech-1", saying(t, "o")).ID
	for range heardMost - 1 {
		want(t, at, "POST", kept, `{}`, 200)
		heardBy(t, at, "strips-1", strip(t, 40, 40))
	}
	want(t, at, "POST", kept, `{}`, 200)
	want(t, at, "GET", "/v1/studio/heard/"+first, "", 404)
}

// TestOtherModels: models of other systems hear and read as well, and what they do not look at is drawn for people.
func TestOtherModels(t *testing.T) {
	dir := t.TempDir()
	writeStrips(t, dir, "strips-1", 1)
	r, err := seqread.Open(filepath.Join(dir, "strips-1"))
	if err != nil {
		t.Fatal(err)
	}
	net := filepath.Join(t.TempDir(), "net.onnx")
	model, err := r.Graph().Model()
	if err == nil {
		err = format.WriteFile(net, model)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := startWith(t, Options{Folder: dir, Models: map[string]string{"net": net, "wav2vec": "../../engine/onnx/huggingface/testdata/wav2vec"}})
	want(t, at, "GET", "/v1/studio/hear", "", 200, `{"name":"net","run":false,"unit":"pixels"},{"name":"wav2vec","run":false,"unit":"seconds"}`)
	own, other := heardBy(t, at, "strips-1", strip(t, 300, 50)), heardBy(t, at, "net", strip(t, 300, 50))
	if math.Abs(own.Reading.Free-other.Reading.Free) > 1e-3 || own.Reading.Text != other.Reading.Text || other.Lines.Own || other.Lines.Rows != plainHeight {
		t.Errorf("the run reads %q with %v, its ONNX model %q with %v", own.Reading.Text, own.Reading.Free, other.Reading.Text, other.Reading.Free)
	}
	h := heardBy(t, at, "wav2vec", saying(t, "i", "o"))
	if h.Unit != seqread.Seconds || h.Lines.Own || h.Lines.Rows != 64 || h.Frames < 10 {
		t.Errorf("%d frames, %d rows", h.Frames, h.Lines.Rows)
	}
	path := "/v1/studio/heard/" + h.ID + "/text"
	want(t, at, "POST", path, `{"trellis":true}`, 200, `"no_trellis":"the text has `) // that of a network which was not trained
	var a alignedText
	decodeJSON(t, want(t, at, "POST", path, `{"text":"B b","trellis":true}`, 200), &a)
	checkTrellis(t, &h, &a)
}
