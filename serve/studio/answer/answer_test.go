package answer

import (
	"fmt"
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
		{"GET", "/v1/studio/surfaces/other", "", "not_found: there is no run"},
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
