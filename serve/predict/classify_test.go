package predict

import (
	"context"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// written are the energies that energo predict writes for a picture.
func written(t *testing.T, file []byte) (answer string, gap float64, energies []float64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.png")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := network(t).Write(context.Background(), &b, []string{path}); err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range all[1][2:] {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		energies = append(energies, v)
	}
	return all[1][1], energies[0], energies[1:]
}

// A picture has the answer that energo predict has, whatever its form and whoever asks beside it. The last bit of an energy depends on how many pictures
// go through the network together, in the command, too.
func TestClassify(t *testing.T) {
	c, _ := start(t, Options{})
	file := picture(t, 50, 30, 5)
	answer, gap, energies := written(t, file)
	var all sync.WaitGroup
	for range 4 {
		for _, q := range [][3]string{
			{"?model=pets&top=3", "image/png", string(file)},
			{"", "application/json", jsonOf(t, map[string]any{"model": "pets", "image": dataURL(file), "top": 3})},
			{"", "application/json", jsonOf(t, map[string]any{"model": "pets", "images": []string{dataURL(picture(t, 9, 9, 1)), dataURL(file)}, "top": 9})},
		} {
			all.Go(func() {
				a := read[classified](t, c.Ask("POST", "/v1/classify"+q[0], q[1], q[2]))
				last := a.Answers[len(a.Answers)-1]
				if a.Model != "pets" || a.Beta != 2 || last.Label != answer || math.Abs(last.Gap-gap) > 1e-6 || len(last.Classes) != 3 {
					t.Errorf("%+v; want %s with the gap %v", a, answer, gap)
				}
				sum, free := 0.0, 0.0
				for i, y := range last.Classes {
					if math.Abs(float64(y.Energy)-energies[y.Class]) > 1e-6 || y.Label != classes[y.Class] || i > 0 && y.Energy < last.Classes[i-1].Energy {
						t.Errorf("%+v; the energies are %v", last, energies)
					}
					sum += *y.Probability
					free += math.Exp(-2 * energies[y.Class])
				}
				if free = -math.Log(free) / 2; math.Abs(sum-1) > 1e-9 || math.Abs(free-last.FreeEnergy) > 1e-5 {
					t.Errorf("probabilities sum to %v; the free energy is %v, not %v", sum, last.FreeEnergy, free)
				}
				if a.Threshold == nil || last.Foreign == nil || *last.Foreign != (last.FreeEnergy > *a.Threshold) {
					t.Errorf("threshold %v, foreign %v", a.Threshold, last.Foreign)
				}
			})
		}
	}
	all.Wait()

	a := read[classified](t, c.Ask("POST", "/v1/classify?model=plain", "image/png", string(file)))
	if last := a.Answers[0]; a.Unscaled == "" || last.Classes[0].Probability != nil || last.Foreign != nil || a.Threshold != nil || a.Beta != 1 {
		t.Errorf("without a known loss: %+v", a)
	}
}

func TestClassifyRefuses(t *testing.T) {
	c, _ := start(t, Options{Items: 2})
	file := picture(t, 8, 8, 1)
	url := dataURL(file)
	for _, q := range []struct {
		query, kind, body string
		status            int
		want              string
	}{
		{"?model=none", "image/png", string(file), 404, `"field":"model"`},
		{"", "image/png", string(file), 404, "more than one classifier, so one must be named: pets, plain"},
		{"?model=pets", "image/png", "no picture", 422, "image is"},
		{"?model=pets&top=x", "image/png", string(file), 400, `top is \"x\"; it must be an integer`},
		{"?model=pets&top=0", "image/png", string(file), 422, "top is 0; it must be above 0"},
		{"?model=pets&k=1", "image/png", string(file), 400, `there is no parameter \"k\"; there are model, top`},
		{"", "text/plain", "x", 415, "text/plain"},
		{"?model=pets", "application/json", "{}", 400, "there are parameters in the address"},
		{"", "application/json", `{"model":"pets"}`, 422, "either image or images"},
		{"", "application/json", `{"model":"pets","image":"` + url + `","images":[]}`, 422, "either image or images"},
		{"", "application/json", `{"model":"pets","images":[]}`, 422, "images is empty"},
		{"", "application/json", `{"model":"pets","images":["` + url + `","` + url + `","` + url + `"]}`, 422, "more than 2 elements"},
		{"", "application/json", `{"model":"pets","images":["` + url + `","data:image/png;base64,AAAA"]}`, 422, `"field":"images[1].image"`},
		{"", "application/json", `{"model":"pets","image":"data:text/html;base64,AAAA"}`, 400, `image is a data URL of the type \"text/html\"`},
		{"", "application/json", `{"model":"pets","image":"data:image/png,AAAA"}`, 400, "it must be a data URL, as data:image/png;base64"},
		{"", "application/json", `{"model":"pets","image":"data:image/png;base64,?"}`, 400, "not base64"},
		{"", "application/json", `{"model":"pets","image":"?"}`, 400, "image is not base64"},
		{"", "application/json", `{"model":7}`, 400, "model is a JSON number 7; it must be a string"},
		{"", "application/json", `{"picture":""}`, 400, `unknown field \"picture\"`},
	} {
		if r := c.Ask("POST", "/v1/classify"+q.query, q.kind, q.body); r.Status != q.status || !strings.Contains(r.Text, q.want) {
			t.Errorf("%s %.60s: %d %s; want %d and %s", q.query, q.body, r.Status, r.Text, q.status, q.want)
		}
	}
}

// FuzzClassify: whatever a request is, it is read or refused in words.
func FuzzClassify(f *testing.F) {
	for _, s := range []string{`{"image":"AAAA"}`, `{"images":["data:image/png;base64,AAAA"],"top":3,"model":"m"}`, `{"images":[]}`, `[]`, `{"image":"data:,"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		q := &pictured{}
		if err := q.decode(text, 10); err == nil && (len(q.files) == 0 || len(q.files) > 10) {
			t.Errorf("%q gives %d files", text, len(q.files))
		}
	})
}
