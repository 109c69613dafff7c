package catalogue

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// The functions below are the lines that GoLines writes, compiled.

func hingeLines() error {
	o := functional.DefaultOptions()
	o.Margin = float64(2)
	f, err := functional.New("hinge", o)
	if err != nil {
		return err
	}
	values, slopes := make([]float64, 1), make([]float64, 2)
	if err := functional.Labels(f, []float64{0.25, 0}, 2, []int{0}, values, slopes); err != nil {
		return err
	}
	fmt.Println(values, slopes)
	return nil
}

func tripletLines() error {
	entry, err := loss.Lookup("TripletMarginLoss")
	if err != nil {
		return err
	}
	answer, err := entry.Eval(loss.Request{
		Options: map[string]any{
			"reduction": "sum",
			"swap":      true,
		},
		Inputs: map[string]loss.Array[float64]{
			"anchor":   {Shape: []int{2}, Data: []float64{0, 0}},
			"negative": {Shape: []int{2}, Data: []float64{0, 2}},
			"positive": {Shape: []int{2}, Data: []float64{3, 0}},
		},
	}, false)
	if err != nil {
		return err
	}
	fmt.Println(answer.Loss.Data, answer.Grad)
	return nil
}

// TestGoLines: what GoLines writes is what is compiled here, but for white space, and it runs.
func TestGoLines(t *testing.T) {
	source, err := os.ReadFile("lines_test.go")
	if err != nil {
		t.Fatal(err)
	}
	flat := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	called, hinge, err := RequestOf("ebm.hinge", map[string]any{"margin": 2.0})
	if err != nil {
		t.Fatal(err)
	}
	e, err := loss.Lookup("triplet")
	if err != nil {
		t.Fatal(err)
	}
	g, err := GeometryOf(e, map[string]any{"reduction": "sum", "swap": true}, [][2]float64{{0, 0}, {3, 0}, {0, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range []string{GoLines(called, hinge), GoLines(e.Called(), g.Request)} {
		if !strings.Contains(flat(string(source)), flat(lines)) {
			t.Errorf("these lines are not compiled here:\n%s", lines)
		}
	}
	for _, run := range []func() error{hingeLines, tripletLines} {
		if err := run(); err != nil {
			t.Error(err)
		}
	}
}
