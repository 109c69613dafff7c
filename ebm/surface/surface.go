// Package surface holds films of energy surfaces: an energy over a grid of two numbers,
// frame by frame while it was trained, with the data, with what was drawn or inferred, and
// with what the loss pushed where.
//
// The films of a run are one safetensors file in its folder, File, which other programs read, too. While the run is
// trained, its film grows frame by frame in another file, GrowingFile, which a [Reel] writes and a [Follower] reads,
// also in another process: see there what such a reader sees of it.
package surface

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
)

// Film is an energy surface while it was trained.
type Film struct {
	Name   string  `json:"name"` // of letters, digits, - and _
	Title  string  `json:"title"`
	XLabel string  `json:"x_label"`
	YLabel string  `json:"y_label"`
	OverY  bool    `json:"over_y"` // x is an input and y its answer; else the plane is of answers
	Margin float64 `json:"margin"` // m of the half-plane E⁺ + m < E⁻ where training should put pairs of answers
	Search *Search `json:"search,omitempty"`

	X, Y   []float64    `json:"-"` // the axes: at least two of each, rising
	Data   [][2]float64 `json:"-"` // data, or right answers
	Frames []Frame      `json:"-"` // at least one, all with as many of everything
	Of     int          `json:"-"` // of a film that grows, how many frames it is to have; else 0
}

// Search says how the rivals of a film's frames, Ȳ, are found.
type Search struct {
	How     string    `json:"how"`               // in words
	Answers []float64 `json:"answers,omitempty"` // that were looked at for each of Data, where the plane is of inputs and answers
	Ball    float64   `json:"ball,omitempty"`    // around each right answer, in which no answer counts
}

// Frame is the surface at a step of training.
type Frame struct {
	Step    int
	Energy  []float32    // [len(X), len(Y)]
	Points  [][2]float64 // draws, or inferred answers
	Correct []float32    // energies E⁺ of right answers, or of data
	Other   []float32    // … and of an incorrect answer to each, E⁻, or of draws

	// What the loss L, a mean over Data, pushes: ∂L/∂E at each of Data, and at other answers, Ȳ. Above 0 pushes E down. A film has
	// Down for all of Data or for none. Where the plane is of inputs and answers, as many rivals belong to each of Data, those of the first in front.
	Down   []float32
	Rivals [][2]float64
	Up     []float32 // at Rivals
}

// Spread is the standard deviation of the energy over y, mean over x, or, where the plane is
// of answers, over the plane. It is NaN where an energy is NaN or infinite.
func (f *Film) Spread(frame int) float64 {
	e, row := f.Frames[frame].Energy, len(f.Y)
	if !f.OverY {
		row = len(e)
	}
	var total float64
	for lo := 0; lo < len(e); lo += row {
		var mean, squares float64
		for _, v := range e[lo : lo+row] {
			mean += float64(v) / float64(row)
		}
		for _, v := range e[lo : lo+row] {
			squares += (float64(v) - mean) * (float64(v) - mean)
		}
		total += math.Sqrt(squares/float64(row)) * float64(row) / float64(len(e))
	}
	return total
}

// Kept is the fraction of a frame's pairs with E⁺ + m < E⁻; NaN where it has none. A pair with NaN is not one.
// Data and draws of a density that fits are as often in this order as in the other: half is the best.
func (f *Film) Kept(frame int) float64 {
	fr := &f.Frames[frame]
	n := 0
	for i, e := range fr.Correct {
		if float64(e)+f.Margin < float64(fr.Other[i]) {
			n++
		}
	}
	return float64(n) / float64(len(fr.Correct))
}

// flatPart is the part of its first spread below which a surface counts as flat.
const flatPart = 0.25

// Alarm is AlarmAt the last frame that there is.
func (f *Film) Alarm() string { return f.AlarmAt(len(f.Frames) - 1) }

// AlarmAt says that the surface at a frame has gone flat since the first, or has energies that are not finite, or "".
func (f *Film) AlarmAt(frame int) string {
	first, now := f.Spread(0), f.Spread(frame)
	over := "over the plane"
	if f.OverY {
		over = "over the answers"
	}
	if math.IsNaN(now) || math.IsInf(now, 0) {
		return "The surface has energies that are not finite."
	}
	if now < flatPart*first {
		return fmt.Sprintf("The surface has gone flat: the energies' spread %s fell from %.3g to %.3g.", over, first, now)
	}
	return ""
}

// check refuses what is no film.
func (f *Film) check() error {
	if f.Name == "" {
		return errors.New("it has no name")
	}
	for _, r := range f.Name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return fmt.Errorf("its name has %q; letters, digits, - and _ are allowed", r)
		}
	}
	if !fs.ValidPath(f.Name) || len(f.Name) > 64 {
		return errors.New("its name has more than 64 letters")
	}
	if len(f.X) < 2 || len(f.Y) < 2 || len(f.Frames) == 0 {
		return fmt.Errorf("it has %d × %d places and %d frames; it must have at least 2 × 2 and 1", len(f.X), len(f.Y), len(f.Frames))
	}
	for _, axis := range [][]float64{f.X, f.Y} {
		for i, v := range axis {
			if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && !(v > axis[i-1]) {
				return fmt.Errorf("an axis has %v at %d; it must rise and be finite", v, i)
			}
		}
	}
	return f.checkFrames()
}

// checkFrames refuses frames that do not have as many of everything as the first, and numbers that a film cannot have.
func (f *Film) checkFrames() error {
	first := &f.Frames[0]
	if down := len(first.Down); down != 0 && down != len(f.Data) {
		return fmt.Errorf("its frames have what is pushed at %d of %d data; it must be all or none", down, len(f.Data))
	}
	if n := len(first.Rivals); n > 0 && f.OverY && (len(f.Data) == 0 || n%len(f.Data) != 0) {
		return fmt.Errorf("its frames have %d rivals of %d right answers; each must have as many", n, len(f.Data))
	}
	for k := range f.Frames {
		fr := &f.Frames[k]
		if len(fr.Energy) != len(f.X)*len(f.Y) || len(fr.Points) != len(first.Points) || len(fr.Correct) != len(first.Correct) || len(fr.Other) != len(first.Correct) {
			return fmt.Errorf("frame %d has %d energies, %d points and %d and %d energies of pairs; the first has %d, %d and %d",
				k, len(fr.Energy), len(fr.Points), len(fr.Correct), len(fr.Other), len(f.X)*len(f.Y), len(first.Points), len(first.Correct))
		}
		if len(fr.Down) != len(first.Down) || len(fr.Rivals) != len(first.Rivals) || len(fr.Up) != len(first.Rivals) {
			return fmt.Errorf("frame %d has what is pushed at %d data, and at %d of %d rivals; the first has %d and %d",
				k, len(fr.Down), len(fr.Up), len(fr.Rivals), len(first.Down), len(first.Rivals))
		}
	}
	return nil
}
