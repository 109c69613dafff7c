package answer

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve/wire"
)

// desk has one film of one run.
func desk() *Desk {
	films := []surface.Film{{Name: "bowl", X: []float64{0, 1}, Y: []float64{0, 1}, Frames: []surface.Frame{{Energy: []float32{0, 1, 1, 2}}}}}
	return &Desk{ID: func() string { return "one" }, Films: func(run string) ([]surface.Film, error) {
		if run != "a run/1" {
			return nil, wire.Absent("there is no run %q", run)
		}
		return films, nil
	}}
}

// TestDo: requests reach what answers them, with the part and the parameters of their address; what is wrong is said.
func TestDo(t *testing.T) {
	d := desk()
	for _, c := range []struct{ method, address, body, want string }{
		{"GET", "/v1/studio/losses", "", `"name":"ebm.hinge"`},
		{"GET", "/v1/studio/losses/huber/curves?option=delta%3D2", "", `\"delta\":2`},
		{"GET", "/v1/studio/losses/nothing/curves", "", "not_found: there is no loss"},
		{"GET", "/v1/studio/losses/%zz/curves", "", "not_found: there is nothing at"},
		{"GET", "/v1/studio/losses?a=%zz", "", "malformed: the address's parameters"},
		{"POST", "/v1/studio/losses", "", "not_found: there is nothing at POST"},
		{"POST", "/v1/studio/lessons", `{"set":"parabola"}`, "invalid: "},
		{"POST", "/v1/studio/lessons", `{"set":"parabola","energy":"codes","functional":"nll","beta":1,"rate":0.05,"batch":8,"seed":1}`, `"id":"one"`},
		{"POST", "/v1/studio/lessons/one", `{"steps":2}`, `"step":2`},
		{"DELETE", "/v1/studio/lessons/one", "", `{}`},
		{"POST", "/v1/studio/lessons/one", `{"steps":2}`, "not_found: there is no lesson"},
		{"GET", "/v1/studio/surfaces/a%20run%2F1/frame?film=bowl&frame=0", "", `"step":0`},
		{"GET", "/v1/studio/surfaces/other/frame?film=bowl&frame=0", "", "not_found: there is no run"},
	} {
		value, err := d.Do(t.Context(), c.method, c.address, []byte(c.body))
		got := string(wire.Encode(value))
		if err != nil {
			got = fmt.Sprintf("%s: %v", wire.Of(err).Code, err)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s %s %s: %.300s; want %s", c.method, c.address, c.body, got, c.want)
		}
	}
}

// askCTC asks for a trellis.
func askCTC(t *testing.T, asked map[string]any) (*ctcAnswer, error) {
	t.Helper()
	body, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	value, err := desk().Do(t.Context(), "POST", "/v1/studio/ctc", body)
	if err != nil {
		return nil, err
	}
	return value.(*ctcAnswer), nil
}

// spelled merges repeats and drops blanks.
func spelled(path []int, classes []string) string {
	text, last := "", 0
	for _, c := range path {
		if c != last && c != blankClass {
			text += classes[c]
		}
		last = c
	}
	return text
}

// TestCTCEnumerated: loss, paths, occupancy and texts are those of all paths, one by one.
func TestCTCEnumerated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	classes := []string{"-", "a", "b"}
	for _, text := range []string{"", "a", "ab", "aa", "aba", "bbb"} {
		const frames = 5
		scores := make([][]float64, frames)
		for f := range scores {
			for range classes {
				scores[f] = append(scores[f], 2*rng.NormFloat64())
			}
		}
		a, err := askCTC(t, map[string]any{"classes": classes, "scores": scores, "text": text, "width": 1000})
		if err != nil {
			t.Fatal(err)
		}
		total, best, n, texts := 0.0, 0.0, 0.0, map[string]float64{}
		for code := range 243 {
			path, p := make([]int, frames), 1.0
			for f, rest := 0, code; f < frames; f, rest = f+1, rest/3 {
				path[f] = rest % 3
				p *= a.Probabilities[f][path[f]]
			}
			texts[spelled(path, classes)] += p
			if spelled(path, classes) == text {
				total, best, n = total+p, max(best, p), n+1
			}
		}
		if value, ok := a.Loss.(float64); !ok || math.Abs(value+math.Log(total)) > 1e-9 || a.Paths != n || math.Abs(a.PathShare-best/total) > 1e-9 {
			t.Errorf("%q: loss %v, %v paths, share %v; want %v, %v, %v", text, a.Loss, a.Paths, a.PathShare, -math.Log(total), n, best/total)
		}
		for f, row := range a.Occupancy {
			sum := 0.0
			for _, v := range row {
				sum += v
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%q: the shares of frame %d sum to %v", text, f, sum)
			}
			if got := a.Gradient[f][1] - a.Probabilities[f][1]; math.Abs(got+shareOf(a, f, "a")) > 1e-9 {
				t.Errorf("%q: the gradient of frame %d is softmax%+v; want the share %v", text, f, got, shareOf(a, f, "a"))
			}
		}
		for i, one := range a.Texts {
			if math.Abs(one.Probability-texts[one.Text]) > 1e-5 || i > 0 && one.Probability > a.Texts[i-1].Probability {
				t.Errorf("%q is the %d-th text with %v; want %v", one.Text, i, one.Probability, texts[one.Text])
			}
		}
		if got := spelled(a.GreedyPath, classes); got != a.Greedy.Text {
			t.Errorf("the greedy path spells %q, not %q", got, a.Greedy.Text)
		}
	}
}

// shareOf is the share of the paths that are at a letter in a frame.
func shareOf(a *ctcAnswer, frame int, letter string) (sum float64) {
	for s, state := range a.States {
		if state == letter {
			sum += a.Occupancy[frame][s]
		}
	}
	return sum
}

// TestCTCImpossible: a text that no path spells has no loss and no path.
func TestCTCImpossible(t *testing.T) {
	a, err := askCTC(t, map[string]any{"classes": []string{"-", "a"}, "scores": [][]float64{{0, 0}, {0, 0}}, "text": "aa"})
	if err != nil || a.Loss != nil || len(a.Path) != 0 || a.Paths != 0 || a.PathShare != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestCTCRefuses: what is wrong is told with its place.
func TestCTCRefuses(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{"classes": []string{"-", "a"}, "scores": [][]float64{{0, 0}}, "text": "a"}
	}
	for want, change := range map[string]map[string]any{
		"classes has 1":             {"classes": []string{"-"}},
		"classes[1] is \"-\"":       {"classes": []string{"-", "-"}},
		"classes[1] is \"ab\"":      {"classes": []string{"-", "ab"}},
		"scores has no frame":       {"scores": [][]float64{}},
		"scores[0] has 1 numbers":   {"scores": [][]float64{{0}}},
		"scores[0][1] is 1001":      {"scores": [][]float64{{0, 1001}}},
		"width is 0":                {"width": 0},
		"width is 1001":             {"width": 1001},
		"'b' is not one of":         {"text": "b"},
		"'-' is not one of":         {"text": "a-"},
		"more than 30 letters":      {"text": strings.Repeat("a", 31)},
		"scores has more than 60":   {"scores": slices.Repeat([][]float64{{0, 0}}, 61)},
		"unknown field \"letters\"": {"letters": 1},
	} {
		asked := good()
		for k, v := range change {
			asked[k] = v
		}
		if _, err := askCTC(t, asked); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
