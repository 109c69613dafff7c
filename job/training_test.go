package job

import (
	"strings"
	"testing"
)

// TestHeld: what is trained on lies before what is held out, and both within the limit.
func TestHeld(t *testing.T) {
	for _, c := range []struct{ n, limit, validation, trained, lo, hi int }{
		{100, 0, 20, 80, 80, 100},
		{100, 30, 20, 30, 30, 50},
		{100, 90, 20, 80, 80, 100},
		{100, 0, 0, 100, 0, 100},
		{9000, 0, 0, 9000, 4000, 9000},
		{9000, 6000, 0, 6000, 1000, 6000},
	} {
		s := Training{Limit: c.limit, Validation: c.validation}
		trained, lo, hi, err := s.Held(c.n)
		if err != nil || trained != c.trained || lo != c.lo || hi != c.hi {
			t.Errorf("%+v: %d, %d, %d, %v", c, trained, lo, hi, err)
		}
	}
	s := Training{Validation: 100}
	if _, _, _, err := s.Held(100); err == nil || !strings.Contains(err.Error(), "validation is 100, but there are only 100 training samples") {
		t.Errorf("nothing to train on: %v", err)
	}
}
