package report

import (
	"errors"
	"fmt"
)

// Alignment is what a forced alignment says of a line of frames: where its words and tokens
// are, with what was aligned above them and the model's posteriors below. Spectrum,
// Posteriors, Words and Tokens may each be missing, but not all.
type Alignment struct {
	Title string // "Forced alignment" where empty

	Spectrum      []float32 // [Rows][Columns]: log-mel features, row 0 the lowest band, or a picture's pixels; greater is darker
	Rows, Columns int
	FromTop       bool // row 0 is drawn at the top, as in pictures, else at the bottom

	Span float64 // what all columns take together
	Unit string  // "seconds" or "pixels": of Span, and of all that lies along it

	Posteriors            []float32 // [Frames][Classes], each in [0, 1]
	Frames, Classes       int
	FrameStart, FrameStep float64  // where the first frame begins, and how long each is
	ClassNames            []string // [Classes]; "" is the blank, " " the space

	Words, Tokens []Interval // each in order of Start
}

// An Interval is a stretch with a text.
type Interval struct {
	Text       string
	Start, End float64
	Confidence float64 // in [0, 1]
}

// WriteAlignment draws the part of an alignment from from to to (0: to the end) into a file,
// SVG or PNG by its name's end. The longer the part, the wider the picture, up to 6000 points;
// then it is squeezed, and texts that find no room are left out.
//
// Errors: lengths that do not fit; NaN and infinite values; posteriors and confidences outside
// [0, 1] (but for rounding); intervals that end before they start, or out of order; from and
// to that are no part of the span; another name's end.
func WriteAlignment(path string, a Alignment, from, to float64) error {
	if err := a.check(); err != nil {
		return err
	}
	if to == 0 {
		to = a.Span
	}
	if !(from >= 0 && from < to && to <= a.Span) {
		return fmt.Errorf("report: from %v to %v is no part of 0 to %v %s", from, to, a.Span, a.Unit)
	}
	return newAligned(&a, bounds{from, to}).figure().write(path)
}

func (a *Alignment) check() error {
	if a.pointsPerUnit() == 0 {
		return fmt.Errorf(`report: Unit is %q, neither "seconds" nor "pixels"`, a.Unit)
	}
	if !(a.Span > 0 && finite(a.Span)) {
		return fmt.Errorf("report: Span is %v, not a number above 0", a.Span)
	}
	if a.Rows == 0 && a.Frames == 0 && len(a.Words) == 0 && len(a.Tokens) == 0 {
		return errors.New("report: the alignment has nothing to draw")
	}
	return errors.Join(a.checkSpectrum(), a.checkPosteriors(), checkIntervals("Words", a.Words), checkIntervals("Tokens", a.Tokens))
}

func (a *Alignment) checkSpectrum() error {
	if err := checkTable("Spectrum", a.Spectrum, "Rows", a.Rows, "Columns", a.Columns); err != nil {
		return err
	}
	for i, v := range a.Spectrum {
		if !finite(float64(v)) {
			return fmt.Errorf("report: Spectrum[%d] is %v, not a finite number", i, v)
		}
	}
	return nil
}

func (a *Alignment) checkPosteriors() error {
	if err := checkTable("Posteriors", a.Posteriors, "Frames", a.Frames, "Classes", a.Classes); err != nil || a.Frames == 0 {
		return err
	}
	if len(a.ClassNames) != a.Classes {
		return fmt.Errorf("report: %d ClassNames for %d Classes", len(a.ClassNames), a.Classes)
	}
	if !finite(a.FrameStart) {
		return fmt.Errorf("report: FrameStart is %v, not a finite number", a.FrameStart)
	}
	if !(a.FrameStep > 0 && finite(a.FrameStep)) {
		return fmt.Errorf("report: FrameStep is %v, not a number above 0", a.FrameStep)
	}
	for i, v := range a.Posteriors {
		if !isShare(float64(v)) {
			return fmt.Errorf("report: Posteriors[%d] is %v, not in [0, 1]", i, v)
		}
	}
	return nil
}

func checkTable(name string, values []float32, rows string, m int, columns string, n int) error {
	if m < 0 || n < 0 || (m == 0) != (n == 0) {
		return fmt.Errorf("report: %d %s of %d %s; both must be above 0, or both 0", m, rows, n, columns)
	}
	if len(values) != m*n {
		return fmt.Errorf("report: %s has length %d, not %s·%s = %d·%d", name, len(values), rows, columns, m, n)
	}
	return nil
}

func checkIntervals(name string, all []Interval) error {
	for i, v := range all {
		switch {
		case !finite(v.Start) || !finite(v.End) || v.End < v.Start:
			return fmt.Errorf("report: %s[%d] is from %v to %v; an interval must be finite and not end before it starts", name, i, v.Start, v.End)
		case i > 0 && v.Start < all[i-1].Start:
			return fmt.Errorf("report: %s[%d] starts at %v, but the one before it at %v; they must be in order", name, i, v.Start, all[i-1].Start)
		case !isShare(v.Confidence):
			return fmt.Errorf("report: %s[%d] has the confidence %v, not one in [0, 1]", name, i, v.Confidence)
		}
	}
	return nil
}

// isShare tells whether v is in [0, 1], but for what sums in float32 are off by.
func isShare(v float64) bool { return v >= -1e-4 && v <= 1+1e-4 }

// sure is the confidence without what rounding adds.
func (v Interval) sure() float64 { return min(max(v.Confidence, 0), 1) }
