package offender

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var inf, nan = math.Inf(1), math.NaN()

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		row     []float64
		correct int
		want    Result[int]
	}{
		{[]float64{3, 1, 2}, 1, Result[int]{2, 2, 2, Global}},
		{[]float64{3, 1, 2}, 2, Result[int]{1, 1, 2, Global}},
		{[]float64{1, 1, 1, 1}, 0, Result[int]{1, 1, 3, Global}},
		{[]float64{1, 1, 1, 1}, 2, Result[int]{0, 1, 3, Global}},
		{[]float64{1, inf, 5}, 0, Result[int]{2, 5, 2, Global}},
		{[]float64{inf, 1, inf}, 1, Result[int]{-1, inf, 2, None}},
		{[]float64{1, -inf, 5}, 0, Result[int]{1, -inf, 2, Global}},
		{[]float64{nan, 2, 5}, 0, Result[int]{1, 2, 2, Global}},
	} {
		var got [1]Result[int]
		if err := Labels(got[:], c.row, len(c.row), []int{c.correct}); err != nil || got[0] != c.want {
			t.Errorf("%v for %d: %+v, %v, want %+v", c.row, c.correct, got[0], err, c.want)
		}
	}
	// A NaN on either side of the correct label leaves the answer open.
	for _, row := range [][]float32{{float32(nan), 2, 1}, {1, 2, float32(nan)}} {
		var got [1]Result[int]
		if err := Labels(got[:], row, 3, []int{1}); err != nil || got[0].Status != Undefined || !math.IsNaN(got[0].Energy) || got[0].Answer != -1 {
			t.Errorf("%v: %+v, %v", row, got[0], err)
		}
	}
}

func TestLabelsErrors(t *testing.T) {
	dst := make([]Result[int], 2)
	for want, err := range map[string]error{
		"k is 1":                             Labels(dst, []float64{1, 2}, 1, []int{0, 0}),
		"3 energies are not 2 rows of 2":     Labels(dst, []float64{1, 2, 3}, 2, []int{0, 0}),
		"with 1 results":                     Labels(dst[:1], []float64{1, 2, 3, 4}, 2, []int{0, 0}),
		"target[1] is 2; it must be a label": Labels(dst, []float64{1, 2, 3, 4}, 2, []int{0, 2}),
		"target[0] is -1":                    Labels(dst, []float64{1, 2, 3, 4}, 2, []int{-1, 2}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

// TestBest sorts, with ties and masks.
func TestBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		row := make([]float64, 1+rng.IntN(9))
		for i := range row {
			row[i] = []float64{0, 1, 2, 3, inf, nan}[rng.IntN(6)]
		}
		correct := rng.IntN(len(row)+1) - 1
		var want []int
		for y, v := range row {
			if y != correct && v < inf {
				want = append(want, y)
			}
		}
		slices.SortStableFunc(want, func(a, b int) int { return int(row[a] - row[b]) })
		for n := range 11 {
			dst := make([]int, n)
			if got := dst[:Best(dst, row, correct)]; !slices.Equal(got, want[:min(n, len(want))]) {
				t.Fatalf("%d best of %v but %d: %v, want %v", n, row, correct, got, want[:min(n, len(want))])
			}
		}
	}
}

// TestExhaustiveAgreesWithLabels is one search against the other.
func TestExhaustiveAgreesWithLabels(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	s := &Exhaustive[int]{Answers: []int{0, 1, 2, 3, 4}}
	for range 500 {
		row := make([]float64, 5)
		for i := range row {
			row[i] = float64(rng.IntN(4))
		}
		correct := rng.IntN(5)
		var want [1]Result[int]
		if err := Labels(want[:], row, 5, []int{correct}); err != nil {
			t.Fatal(err)
		}
		got := s.Find(&Problem[int]{Correct: correct, Distance: Different[int], Energies: func(dst []float64, ys []int) {
			for i, y := range ys {
				dst[i] = row[y]
			}
		}})
		if got != want[0] {
			t.Fatalf("%v but %d: %+v, Labels finds %+v", row, correct, got, want[0])
		}
	}
}

// TestBall searches a grid in the plane: of a bowl centred on the correct answer the
// lowest incorrect answers lie just outside the ball.
func TestBall(t *testing.T) {
	var answers [][]float64
	for i := -10; i <= 10; i++ {
		for j := -10; j <= 10; j++ {
			answers = append(answers, []float64{float64(i) / 5, float64(j) / 5})
		}
	}
	correct := []float64{0.2, -0.4}
	bowl := &Problem[[]float64]{Correct: correct, Distance: Euclidean, Energies: func(dst []float64, ys [][]float64) {
		for i, y := range ys {
			dst[i] = Euclidean(y, correct)
		}
	}}
	s := &Exhaustive[[]float64]{Answers: answers, Part: true}
	for _, c := range []struct {
		epsilon, want float64
		status        Status
	}{{0, 0.2, Local}, {0.2, math.Sqrt(0.08), Local}, {0.5, math.Sqrt(0.32), Local}, {9, inf, None}} {
		bowl.Epsilon = c.epsilon + 1e-9 // the grid's points are not exact
		got := s.Find(bowl)
		if got.Status != c.status || (c.status == Local && math.Abs(got.Energy-c.want) > 1e-9) || (got.Answer != nil && !bowl.Incorrect(got.Answer)) {
			t.Errorf("ε %v: %+v, want energy %v", c.epsilon, got, c.want)
		}
	}
	bowl.Epsilon = 0
	bowl.Energies = func(dst []float64, _ [][]float64) { dst[7] = nan }
	if got := s.Find(bowl); got.Status != Undefined || !math.IsNaN(got.Energy) || got.Answer != nil {
		t.Errorf("with a NaN: %+v", got)
	}
}

func TestSearchesDoNotAllocateWhenWarm(t *testing.T) {
	row, dst, best := []float32{3, 1, 2, 4, 0, 5}, make([]Result[int], 2), make([]int, 2)
	target := []int{0, 2}
	s := &Exhaustive[int]{Answers: []int{0, 1, 2}}
	p := &Problem[int]{Distance: Different[int], Energies: func(dst []float64, _ []int) { clear(dst) }}
	if n := testing.AllocsPerRun(5, func() {
		if err := Labels(dst, row, 3, target); err != nil {
			t.Fatal(err)
		}
		Best(best, row, 4)
		s.Find(p)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStatusesHaveNames(t *testing.T) {
	if got := fmt.Sprint(Global, Local, None, Undefined); got != "global local none undefined" {
		t.Error(got)
	}
}

func ExampleLabels() {
	energies := []float64{
		0.5, 2, 3,
		1, 0.25, 2,
	}
	results := make([]Result[int], 2)
	if err := Labels(results, energies, 3, []int{0, 2}); err != nil {
		panic(err)
	}
	for i, f := range results {
		fmt.Printf("sample %d: label %d at %v, %v\n", i, f.Answer, f.Energy, f.Status)
	}
	// Output:
	// sample 0: label 1 at 2, global
	// sample 1: label 1 at 0.25, global
}

// A grid of answers in [0, 1], without those within 0.1 of the correct one.
func ExampleExhaustive() {
	var grid []float64
	for i := range 21 {
		grid = append(grid, float64(i)/20)
	}
	p := &Problem[float64]{
		Correct:  0.5,
		Epsilon:  0.1,
		Distance: func(a, b float64) float64 { return math.Abs(a - b) },
		Energies: func(dst, ys []float64) {
			for i, y := range ys {
				dst[i] = math.Cos(6*math.Pi*y) + y
			}
		},
	}
	result := (&Exhaustive[float64]{Answers: grid, Part: true}).Find(p)
	fmt.Printf("%.2f: %.3f, %v of %d\n", result.Answer, result.Energy, result.Status, result.Evaluations)
	// Output: 0.15: -0.801, local of 16
}
