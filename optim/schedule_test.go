package optim

import (
	"math"
	"testing"
)

// schedules has a row a setting: the factors at chosen steps of 100.
var schedules = []struct {
	name     string
	schedule Schedule
	want     map[int]float64
}{
	{"constant", Constant{}, map[int]float64{0: 1, 50: 1, 200: 1}},
	{"constant, warm-up", Constant{Warmup: 4}, map[int]float64{0: 0.25, 1: 0.5, 3: 1, 4: 1, 99: 1}},
	{"cosine", Cosine{}, map[int]float64{0: 1, 25: (1 + math.Sqrt2/2) / 2, 50: 0.5, 75: (1 - math.Sqrt2/2) / 2, 100: 0, 1000: 0}},
	{"cosine, floor", Cosine{Floor: 0.2}, map[int]float64{0: 1, 50: 0.6, 100: 0.2, 101: 0.2}},
	{"cosine, warm-up", Cosine{Warmup: 20}, map[int]float64{0: 0.05, 19: 1, 20: 1, 60: 0.5, 100: 0}},
	{"cosine, all warm-up", Cosine{Warmup: 200, Floor: 0.1}, map[int]float64{0: 0.005, 99: 0.5, 199: 1, 200: 0.1}},
	{"step", StepDecay{Every: 10, Factor: 0.5}, map[int]float64{0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25, 99: math.Pow(0.5, 9)}},
	{"step, warm-up", StepDecay{Every: 10, Factor: 0.1, Warmup: 5}, map[int]float64{0: 0.2, 4: 1, 5: 1, 14: 1, 15: 0.1}},
	{"step, never", StepDecay{Factor: 0.1}, map[int]float64{0: 1, 1000: 1}},
}

func TestSchedules(t *testing.T) {
	for _, c := range schedules {
		for step, want := range c.want {
			if got := c.schedule.At(step, 100); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: factor %v at step %d, want %v", c.name, got, step, want)
			}
		}
	}
}

// Over any length, a factor lies in [0, 1], rises in warm-up and falls after it.
func TestSchedulesRiseAndFall(t *testing.T) {
	for _, c := range schedules {
		for _, total := range []int{1, 2, 3, 17, 1000} {
			fell, last := false, 0.0
			for step := range total + 2 {
				f := c.schedule.At(step, total)
				if !(f >= 0 && f <= 1) || fell && f > last {
					t.Errorf("%s of %d: factor %v at step %d after %v", c.name, total, f, step, last)
				}
				fell = fell || f < last
				last = f
			}
		}
	}
}
