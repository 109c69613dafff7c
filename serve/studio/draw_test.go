package studio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
)

// strokes are n pictures of h×w pixels: label y has a bright bar in row y on dark ground.
func strokes(n, h, w, k int, seed uint64) *data.Images {
	rng := rand.New(rand.NewPCG(seed, 0))
	m := &data.Images{Pixels: make([]byte, n*h*w), Labels: make([]byte, n), N: n, H: h, W: w}
	for i := range n {
		y := i % k
		m.Labels[i] = byte(y)
		for p := range h * w {
			if row := p / w; row > 0 && row < h-1 && row*k/h == y {
				m.Image(i)[p] = byte(150 + rng.IntN(100))
			}
		}
	}
	return m
}

// strokeJobs are jobs over such pictures.
func strokeJobs() (all []job.Job) {
	trainSet, testSet := strokes(120, 12, 10, 3, 1), strokes(60, 12, 10, 3, 2)
	sets := func(context.Context, string, data.Progress) (*data.Images, *data.Images, error) {
		return trainSet, testSet, nil
	}
	for _, j := range jobs.All() {
		made := j.New
		j.New = func() job.Spec {
			s := made()
			s.Base().Batch, s.Base().Validation, s.Base().Epochs = 20, 20, 2
			switch s := s.(type) {
			case *jobs.Digits:
				s.Sets, s.Model, s.LR = sets, "linear", 0.5
			case *jobs.JEM:
				s.Sets, s.Width, s.K, s.Buffer = sets, 1, 1, 20
			case *jobs.RBM:
				s.Sets, s.Hidden, s.Chains, s.Annealing = sets, 21, 10, 10
			}
			return s
		}
		all = append(all, j)
	}
	return all
}

// trainStrokes trains a run of a job.
func trainStrokes(t testing.TB, folder, name, of string, change func(job.Spec)) {
	t.Helper()
	j, ok := job.Named(strokeJobs(), of)
	if !ok {
		t.Fatalf("there is no job %s", of)
	}
	s := j.New()
	if change != nil {
		change(s)
	}
	if _, err := job.Train(t.Context(), j, s, job.Options{Dir: filepath.Join(folder, name)}); err != nil {
		t.Fatal(err)
	}
}

// drawables are runs that say something of a drawing, and one that does not.
func drawables(t testing.TB) (folder string) {
	folder = t.TempDir()
	trainStrokes(t, folder, "tells", "digits", nil)
	trainStrokes(t, folder, "hinge", "digits", func(s job.Spec) { s.(*jobs.Digits).Functional = "hinge" })
	trainStrokes(t, folder, "jem", "jem", nil)
	trainStrokes(t, folder, "rbm", "rbm", nil)
	fixture{name: "unfinished", lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, folder)
	return folder
}

// drawn is a picture with a bar in a row, in base64.
func drawnBar(t testing.TB, row int) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 10, 12))
	for x := range 10 {
		m.Pix[row*10+x], m.Pix[(row+1)*10+x] = 220, 220
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestDraw draws by runs that are trained once.
func TestDraw(t *testing.T) {
	t.Parallel()
	folder := drawables(t)
	for name, test := range map[string]func(t *testing.T, at string){"energies": testEnergies, "chains": testChainFrames, "page": testDrawView} {
		t.Run(name, func(t *testing.T) { test(t, startWith(t, Options{Folder: folder, Jobs: strokeJobs()})) })
	}
}

// testEnergies: what runs say of a drawing, and what is refused.
func testEnergies(t *testing.T, at string) {
	t.Helper()
	const path = "/v1/studio/draw"
	want(t, at, "GET", path, "", 200, `{"runs":[{"name":"hinge","job":"digits","by":"hinge","tells":true,"draws":true},{"name":"jem","job":"jem","by":"","tells":true,"draws":true},{"name":"rbm","job":"rbm","by":"","tells":false,"draws":true},{"name":"tells",`)
	text := want(t, at, "POST", path+"/energies", fmt.Sprintf(`{"runs":["tells","hinge","jem","rbm"],"image":%q}`, drawnBar(t, 5)), 200)
	var a struct {
		Answers []struct {
			Run, Label      string
			Labels          []string
			Energies        []float64
			Probabilities   []float64
			NoProbabilities string  `json:"no_probabilities"`
			FreeEnergy      float64 `json:"free_energy"`
			Gap             float64
			Threshold       *float64
			Foreign         *bool
			Width, Height   int
			Seen            []byte
		}
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Answers) != 4 {
		t.Fatalf("%v: %s", err, text)
	}
	tells, hinge, jem, rbm := a.Answers[0], a.Answers[1], a.Answers[2], a.Answers[3]
	sum := 0.0
	for i, e := range tells.Energies {
		sum += math.Exp(-e)
		if p := math.Exp(tells.FreeEnergy - e); math.Abs(p-tells.Probabilities[i]) > 1e-6 {
			t.Errorf("the probability of %s is %v, by its energy %v", tells.Labels[i], tells.Probabilities[i], p)
		}
	}
	if tells.Run != "tells" || tells.Label != "1" || tells.Gap <= 0 || math.Abs(tells.FreeEnergy+math.Log(sum)) > 1e-5 || tells.Foreign == nil || tells.Threshold == nil || tells.Width != 10 || len(tells.Seen) != 120 || tells.Seen[55] != 220 {
		t.Errorf("nll: %+v", tells)
	}
	if hinge.Label != "1" || hinge.Probabilities != nil || !strings.Contains(hinge.NoProbabilities, "leaves the scale of the energies open") {
		t.Errorf("hinge: %+v", hinge)
	}
	if len(jem.Energies) != 3 || len(jem.Probabilities) != 3 || len(rbm.Labels) != 0 || len(rbm.Energies) != 0 || rbm.FreeEnergy == 0 || rbm.Seen[55] != 255 {
		t.Errorf("jem: %+v, rbm: %+v", jem, rbm)
	}
	for body, parts := range map[string][]string{
		`{"runs":[],"image":"aGk="}`: {"422", `"field":"runs"`}, `{"runs":["tells"]}`: {"422", `"field":"image"`},
		`{"runs":["tells"],"image":"aGk="}`:                             {"422", `"field":"image"`, "image is "},
		`{"runs":["tells","unfinished"],"image":"aGk="}`:                {"422", `"field":"image"`},
		`{"runs":["unfinished"],"image":"aGk="}`:                        {"422", `"field":"runs[0]"`, "not finished"},
		`{"runs":["../tells"],"image":"aGk="}`:                          {"404", "there is no run"},
		`{"runs":"tells","image":"aGk="}`:                               {"400", `"field":"runs"`},
		`{"runs":["tells"],"picture":"aGk="}`:                           {"400", `picture`},
		`{"runs":["a","a","a","a","a","a","a","a","a"],"image":"aGk="}`: {"422", `"field":"runs"`},
	} {
		refuse(t, at, "POST", path+"/energies", body, parts)
	}
}

// refuse expects a status and parts of a problem.
func refuse(t *testing.T, at, method, path, body string, parts []string) {
	t.Helper()
	status, text := ask(t, method, at+path, body)
	if got := fmt.Sprint(status); got != parts[0] {
		t.Errorf("%s %s %s: status %s, want %s: %s", method, path, body, got, parts[0], text)
	}
	for _, part := range parts[1:] {
		if !strings.Contains(text, part) {
			t.Errorf("%s %s: no %s in %s", path, body, part, text)
		}
	}
}

// begun are chains that were begun.
type begun struct {
	ID            string
	Width, Height int
	Labels        []string
	Binary        bool
	Classifier    bool
	Frame         frame
}

func begin(t *testing.T, at, body string) (b begun) {
	t.Helper()
	text := want(t, at, "POST", "/v1/studio/draw/chains", body, 200)
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// framesOf are the frames of chains up to their end.
func framesOf(t *testing.T, at, id string, until, every int) (all []frame, text string) {
	t.Helper()
	status, text := ask(t, "GET", fmt.Sprintf("%s/v1/studio/draw/chains/%s/frames?until=%d&every=%d", at, id, until, every), "")
	if status != 200 || !strings.Contains(text, fmt.Sprintf("event: done\ndata: {\"step\":%d}\n", until)) {
		t.Fatalf("%d %s", status, text)
	}
	for line := range strings.Lines(text) {
		if body, ok := strings.CutPrefix(line, `data: {"step":`); ok && strings.Contains(body, "pictures") {
			var f frame
			if err := json.Unmarshal([]byte(`{"step":`+body), &f); err != nil {
				t.Fatal(err)
			}
			all = append(all, f)
		}
	}
	return all, text
}

// testChainFrames: the same seed gives the same frames, in however many parts they are asked for; the pace can be changed.
func testChainFrames(t *testing.T, at string) {
	t.Helper()
	const body = `{"run":"jem","chains":4,"seed":5,"label":2,"step":0.5}`
	one, two := begin(t, at, body), begin(t, at, body)
	if one.Width != 10 || one.Height != 12 || len(one.Labels) != 3 || one.Binary || one.Classifier || len(one.Frame.Pictures) != 480 || len(one.Frame.Energies) != 4 {
		t.Errorf("%+v", one)
	}
	whole, text := framesOf(t, at, one.ID, 7, 3)
	if len(whole) != 3 || whole[0].Step != 3 || whole[2].Step != 7 {
		t.Fatalf("frames: %s", text)
	}
	framesOf(t, at, two.ID, 3, 3)
	rest, _ := framesOf(t, at, two.ID, 7, 4)
	if len(rest) != 1 || !bytes.Equal(rest[0].Pictures, whole[2].Pictures) || rest[0].Energies[3] != whole[2].Energies[3] {
		t.Error("in parts the frames are others")
	}
	if bytes.Equal(whole[2].Pictures, whole[1].Pictures) || bytes.Equal(whole[2].Pictures[:120], whole[2].Pictures[120:240]) {
		t.Error("the chains stand still, or are all the same")
	}
	if again, _ := framesOf(t, at, two.ID, 7, 4); len(again) != 0 {
		t.Errorf("beyond the end there are %d frames", len(again))
	}
	want(t, at, "POST", "/v1/studio/draw/chains/"+two.ID, `{"step":2,"temperature":0}`, 200)

	// From a drawing, and of a machine.
	drawing := begin(t, at, fmt.Sprintf(`{"run":"tells","image":%q,"chains":2}`, drawnBar(t, 5)))
	if !drawing.Classifier || drawing.Frame.Pictures[55] != 220 || drawing.Frame.Pictures[120+55] != 220 {
		t.Errorf("from a drawing: %+v", drawing)
	}
	machine := begin(t, at, `{"run":"rbm","seed":1}`)
	if frames, _ := framesOf(t, at, machine.ID, 2, 1); !machine.Binary || len(machine.Labels) != 0 || len(frames) != 2 {
		t.Errorf("of a machine: %+v, %d frames", machine, len(frames))
	}

	for path, cases := range map[string]map[string][]string{
		"": {
			`{"run":"jem","chains":65}`: {"422", `"field":"chains"`, "from 1 to 64"}, `{"run":"jem","chains":0}`: {"422", `"field":"chains"`},
			`{"run":"jem","label":3}`: {"422", `"field":"label"`, "from -1 to 2"}, `{"run":"rbm","label":0}`: {"422", `"field":"label"`},
			`{"run":"jem","step":0}`: {"422", `"field":"step"`}, `{"run":"rbm","step":2}`: {"422", `"field":"step"`, "no effect"},
			`{"run":"jem","temperature":-1}`: {"422", `"field":"temperature"`}, `{"run":"rbm","temperature":0}`: {"422", `"field":"temperature"`, "Gibbs"},
			`{"run":"jem","seed":-1}`: {"422", `"field":"seed"`}, `{"run":"unfinished"}`: {"422", `"field":"run"`}, `{}`: {"404", "no run"}, `{"run":"jem","image":"aGk="}`: {"422", `"field":"image"`},
		},
		"/" + two.ID: {`{"step":1e9}`: {"422", `"field":"step"`}, `{"label":1}`: {"400", "label"}},
		"/none":      {`{}`: {"404", "there are no chains"}},
	} {
		for body, parts := range cases {
			refuse(t, at, "POST", "/v1/studio/draw/chains"+path, body, parts)
		}
	}
	for query, parts := range map[string][]string{
		"until=0&every=1": {"422", `"field":"until"`}, "until=5": {"422", `"field":"every"`}, "until=5&every=1001": {"422", `"field":"every"`}, "until=5&every=1&steps=2": {"400", "steps"},
	} {
		refuse(t, at, "GET", "/v1/studio/draw/chains/"+two.ID+"/frames?"+query, "", parts)
	}
	want(t, at, "DELETE", "/v1/studio/draw/chains/"+two.ID, "", 200)
	refuse(t, at, "GET", "/v1/studio/draw/chains/"+two.ID+"/frames?until=1&every=1", "", []string{"404", "there are no chains"})
	for range chainsHeld {
		begin(t, at, body)
	}
	refuse(t, at, "GET", "/v1/studio/draw/chains/"+one.ID+"/frames?until=1&every=1", "", []string{"404", "others have been used"})
}

// TestChainsEnd: a stream ends with its client, and the next one continues where it was.
func TestChainsEnd(t *testing.T) {
	folder := t.TempDir()
	trainStrokes(t, folder, "tells", "digits", nil)
	at := startWith(t, Options{Folder: folder, Jobs: strokeJobs()})
	b := begin(t, at, `{"run":"tells"}`)
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", at+"/v1/studio/draw/chains/"+b.ID+"/frames?until=1000000&every=1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || line != "event: frame\n" {
		t.Fatalf("%q, %v", line, err)
	}
	leave()
	answer.Body.Close()
	begun := time.Now()
	_, text := ask(t, "GET", at+"/v1/studio/draw/chains/"+b.ID+"/frames?until=1&every=1", "")
	if !strings.Contains(text, "event: done") || time.Since(begun) > movingWait {
		t.Errorf("after %v: %s", time.Since(begun), text)
	}
}

// TestModelsRest: not more models are open than may be, a run that was trained anew is opened anew, and what nobody asks for is let go.
func TestModelsRest(t *testing.T) {
	opened := 0
	m := newModels(t.Context(), func(context.Context, string) (int, error) { opened++; return opened, nil })
	defer m.close()
	folder := t.TempDir()
	get := func(name, result string) int {
		t.Helper()
		write(t, filepath.Join(folder, name, "result.json"), result)
		h, err := m.get(t.Context(), filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return h.it
	}
	stamp := time.Now().Add(-time.Hour)
	if first := get("a", "{}"); first != 1 {
		t.Errorf("the first is %d", first)
	}
	if again := get("a", "{ }"); again != 2 {
		t.Error("a run that was trained anew was not opened anew")
	}
	for i := range modelsMost {
		get(fmt.Sprint(i), "{}")
	}
	if len(m.kept.kept) != modelsMost || get("a", "{ }") != 3+modelsMost {
		t.Errorf("%d models are held", len(m.kept.kept))
	}
	if m.rest(); len(m.kept.kept) != modelsMost {
		t.Errorf("%d models are held that were asked for just now", len(m.kept.kept))
	}
	m.asked = stamp
	if m.rest(); len(m.kept.kept) != 0 || m.idle != nil {
		t.Errorf("%d models are held that nobody asks for", len(m.kept.kept))
	}
	if _, err := m.get(t.Context(), filepath.Join(folder, "none")); err == nil {
		t.Error("a run without a result was opened")
	}
}
