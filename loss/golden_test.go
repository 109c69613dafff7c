package loss_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/loss"
)

// A golden line is a request of package catalogue with what a script under oracle/ says
// the answer is. Its numbers are float32's, so that one line tests both element types.
type golden struct {
	Want *answer `json:"want"`
	// Size is the scale of the answer's terms, where they cancel: errors are then relative
	// to the greater of the two.
	Size  float64 `json:"size"`
	Error string  `json:"error"` // part of the error that is expected instead
	Skip  string  `json:"skip"`  // "float32" where only float64 can hold the numbers
}

type answer struct {
	Loss  values            `json:"loss"`
	Grad  map[string]values `json:"grad"`
	Error string            `json:"error"`
}

type values struct {
	Shape []int `json:"shape"`
	Data  []any `json:"data"`
}

func (v values) at(i int) float64 {
	switch x := v.Data[i].(type) {
	case float64:
		return x
	case string:
		return map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[x]
	}
	panic(fmt.Sprintf("no number: %v", v.Data[i]))
}

// TestGolden holds every loss against the golden files, in float64 within 1e-10 and in
// float32 within 2e-5.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	seen := map[string]int{}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		text, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(text)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			name := checkGolden(t, lines.Bytes())
			seen[name]++
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range loss.Catalogue() {
		if seen[e.Called()] == 0 {
			t.Errorf("%s has no golden values", e.Called())
		}
		t.Logf("%s: %d cases", e.Called(), seen[e.Called()])
	}
}

func checkGolden(t *testing.T, text []byte) (name string) {
	t.Helper()
	var g golden
	var request map[string]json.RawMessage
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &request); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"want", "size", "error", "skip"} {
		delete(request, key)
	}
	for dtype, within := range map[string]float64{"float64": 1e-10, "float32": 2e-5} {
		if g.Skip == dtype {
			continue
		}
		request["dtype"], _ = json.Marshal(dtype)
		line, _ := json.Marshal(request)
		var got answer
		if err := json.NewDecoder(bytes.NewReader(catalogue.Answer(nil, line))).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := g.differs(got, within); diff != "" {
			t.Errorf("%s: %s: %s", request["id"], dtype, diff)
		}
	}
	_ = json.Unmarshal(request["loss"], &name)
	return name
}

// differs says how an answer is not the expected one.
func (g golden) differs(got answer, within float64) string {
	if g.Want == nil {
		if g.Error == "" || !strings.Contains(got.Error, g.Error) {
			return fmt.Sprintf("the error is %q; it should hold %q", got.Error, g.Error)
		}
		return ""
	}
	if got.Error != "" {
		return "error: " + got.Error
	}
	if d := g.apart(g.Want.Loss, got.Loss, within); d != "" {
		return "loss: " + d
	}
	for name, want := range g.Want.Grad {
		have, ok := got.Grad[name]
		if !ok {
			return "no gradient by " + name
		}
		if d := g.apart(want, have, within); d != "" {
			return "gradient by " + name + ": " + d
		}
	}
	if len(got.Grad) != len(g.Want.Grad) {
		return fmt.Sprintf("%d gradients, want %d", len(got.Grad), len(g.Want.Grad))
	}
	return ""
}

func (g golden) apart(want, got values, within float64) string {
	if fmt.Sprint(want.Shape) != fmt.Sprint(got.Shape) || len(want.Data) != len(got.Data) {
		return fmt.Sprintf("shape %v of %d, want %v of %d", got.Shape, len(got.Data), want.Shape, len(want.Data))
	}
	for i := range want.Data {
		w, h := want.at(i), got.at(i)
		if w == h || math.IsNaN(w) && math.IsNaN(h) {
			continue
		}
		if within > 1e-8 && (math.Abs(w) > math.MaxFloat32 || math.Abs(w) < 1e-37) && math.Abs(h-float64(float32(w))) < 1e-37 {
			continue // beyond float32's range
		}
		if math.IsInf(w, 0) || !(math.Abs(w-h) <= within*max(math.Abs(w), g.Size)) {
			return fmt.Sprintf("element %d is %v, want %v", i, h, w)
		}
	}
	return ""
}
