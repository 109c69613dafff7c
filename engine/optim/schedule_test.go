package optim

import (
	"math"
	"strings"
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
	{"constant, all warm-up", Constant{Warmup: 200}, map[int]float64{0: 0.005, 99: 0.5, 100: 0.5, 199: 0.5, 1000: 0.5}},
	{"cosine, all warm-up", Cosine{Warmup: 200, Floor: 0.1}, map[int]float64{0: 0.005, 99: 0.5, 100: 0.5, 199: 0.5, 200: 0.5}},
	{"step", StepDecay{Every: 10, Factor: 0.5}, map[int]float64{0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25, 99: math.Pow(0.5, 9), 100: math.Pow(0.5, 9), 1000: math.Pow(0.5, 9)}},
	{"step, warm-up", StepDecay{Every: 10, Factor: 0.1, Warmup: 5}, map[int]float64{0: 0.2, 4: 1, 5: 1, 14: 1, 15: 0.1}},
	{"step, all warm-up", StepDecay{Every: 10, Factor: 0.1, Warmup: 200}, map[int]float64{0: 0.005, 99: 0.5, 100: 0.5, 500: 0.5}},
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

// Past the end every schedule stays, from step total on, and never rises there.
func TestSchedulesStayPastTheEnd(t *testing.T) {
	for _, c := range schedules {
		for _, total := range []int{0, 1, 2, 10, 17, 100, 1000} {
			end := c.schedule.At(total, total)
			for _, step := range []int{total + 1, total + 10, total + 100, 10*total + 7, math.MaxInt} {
				if f := c.schedule.At(step, total); f != end {
					t.Errorf("%s of %d: factor %v at step %d, %v at the end", c.name, total, f, step, end)
				}
			}
			if _, toFloor := c.schedule.(Cosine); total > 0 && !toFloor && end != c.schedule.At(total-1, total) {
				t.Errorf("%s of %d: factor %v at the end, %v at the last step", c.name, total, end, c.schedule.At(total-1, total))
			}
		}
	}
}

func TestSchedulesRefuse(t *testing.T) {
	for want, s := range map[string]Schedule{
		"Constant.Warmup is -1":   Constant{Warmup: -1},
		"Cosine.Warmup is -3":     Cosine{Warmup: -3},
		"Cosine.Floor is 2":       Cosine{Floor: 2},
		"Cosine.Floor is NaN":     Cosine{Floor: math.NaN()},
		"StepDecay.Every is -1":   StepDecay{Every: -1},
		"StepDecay.Factor is -1":  StepDecay{Every: 1, Factor: -1},
		"StepDecay.Factor is NaN": StepDecay{Every: 1, Factor: math.NaN()},
		"StepDecay.Warmup is -1":  StepDecay{Warmup: -1},
	} {
		if got := panicOf(func() { s.At(3, 10) }); !strings.Contains(got, want) {
			t.Errorf("%+v: panic %q, want %q", s, got, want)
		}
	}
}
