package timedtext

import (
	"cmp"
	"fmt"
	"math"
)

// Rules say how words become subtitles. The zero value has the defaults, which are those of Netflix's and the BBC's guides for
// adult English programmes.
type Rules struct {
	MaxChars   int     // on a line; 0 means 42. An East Asian character counts twice
	MaxLines   int     // in a cue; 0 means 2
	MaxSeconds float64 // that a cue is seen; 0 means 7
	MinSeconds float64 // that a cue is seen where the next one leaves time; 0 means 5/6
	MaxRate    float64 // characters a second, where the next cue leaves time; 0 means 17
	Pause      float64 // seconds of silence that end a cue; 0 means 1.5
	Gap        float64 // seconds between a cue that is seen longer than its words last and the next; 0 means 1/12
	KeepLines  bool    // a line of the text (Timed.Line) ends a cue
	WordTimes  bool    // WebVTT: mark the time of each word in its cue
}

// filled checks the rules and fills in the defaults.
func (r Rules) filled() (Rules, error) {
	for _, o := range []struct {
		name  string
		value *float64
		usual float64
	}{{"MaxSeconds", &r.MaxSeconds, 7}, {"MinSeconds", &r.MinSeconds, 5. / 6}, {"MaxRate", &r.MaxRate, 17}, {"Pause", &r.Pause, 1.5}, {"Gap", &r.Gap, 1. / 12}} {
		if !(*o.value >= 0) || math.IsInf(*o.value, 0) {
			return r, fmt.Errorf("timedtext: %s is %v; it must be above 0, or 0 for %.3g", o.name, *o.value, o.usual)
		}
		*o.value = cmp.Or(*o.value, o.usual)
	}
	for _, o := range []struct {
		name  string
		value *int
		usual int
	}{{"MaxChars", &r.MaxChars, 42}, {"MaxLines", &r.MaxLines, 2}} {
		if *o.value < 0 || *o.value > 1000 {
			return r, fmt.Errorf("timedtext: %s is %d; it must be from 1 to 1000, or 0 for %d", o.name, *o.value, o.usual)
		}
		*o.value = cmp.Or(*o.value, o.usual)
	}
	if r.MinSeconds > r.MaxSeconds {
		return r, fmt.Errorf("timedtext: MinSeconds is %v and MaxSeconds %v; a cue cannot last both", r.MinSeconds, r.MaxSeconds)
	}
	return r, nil
}

// Check reports whether rules are in their ranges.
func (r Rules) Check() error {
	_, err := r.filled()
	return err
}
