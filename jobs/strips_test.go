package jobs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/seq/read"
)

// TestStripsLeftOut: strips with too few frames for their digits are named and are not measured; where none is left, that is an error. To train on, others are drawn.
func TestStripsLeftOut(t *testing.T) {
	digits := &data.Images{N: 2, H: 4, W: 4, Pixels: make([]byte, 32), Labels: []byte{0, 1}}
	n, err := read.NewNetwork(read.Spec{Height: data.StripHeight, Tokens: []string{"0", "1"}, Channels: 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	columns := 1
	for n.Frames(columns) < 3 {
		columns++
	}
	narrow := func(l data.Line) (data.Line, error) {
		l.W = columns
		return l, nil
	}
	var notes []error
	env := job.Env{Skipped: func(all []error) { notes = append(notes, all...) }}
	lines, err := fixedStrips(env, n, digits, 1, 5, 40, narrow)
	if err != nil || len(lines) == 0 || len(notes) == 0 || len(lines)+len(notes) != 40 {
		t.Fatalf("%d strips are left, %d left out, %v", len(lines), len(notes), err)
	}
	for _, l := range lines {
		if len(l.Target) > 3 {
			t.Errorf("%d digits in three frames", len(l.Target))
		}
	}
	if says := notes[0].Error(); !strings.HasPrefix(says, "strip ") || !strings.Contains(says, "of those of 1 to 5 digits: the text has") || !strings.HasSuffix(says, "frames; there are 3") {
		t.Error(says)
	}
	if _, err := fixedStrips(env, n, digits, 6, 12, 40, narrow); err == nil || !strings.Contains(err.Error(), "none of 40 strips of 6 to 12 digits is left; the first: strip 1 of") {
		t.Errorf("none fits: %v", err)
	}

	strips := data.Strips{Digits: digits, Shortest: 1, Longest: 5}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		l, err := fittingStrip(n, func() (data.Line, error) { return narrow(strips.Draw(rng, -1)) })
		if err != nil || n.Fits(l.W, l.Target) != nil {
			t.Errorf("drawn to train on: %d digits, %v", len(l.Target), err)
		}
	}
	strips.Shortest = 4
	if _, err := fittingStrip(n, func() (data.Line, error) { return narrow(strips.Draw(rng, -1)) }); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("none of %d strips drawn", stripDraws)) {
		t.Errorf("none to train on fits: %v", err)
	}
}
