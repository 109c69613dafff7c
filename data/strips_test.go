package data

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// bars is a set of pictures of which that with label k has k+1 columns of ink in the middle.
func bars() *Images {
	m := &Images{N: 10, H: 28, W: 28, Pixels: make([]byte, 10*28*28), Labels: make([]byte, 10)}
	for k := range 10 {
		m.Labels[k] = byte(k)
		for row := range 20 {
			for c := range k + 1 {
				m.Pixels[k*28*28+(row+4)*28+9+c] = 255
			}
		}
	}
	return m
}

// TestStrips: a strip has its digits' ink in order, no more than what lies between them,
// and is the seed's alone.
func TestStrips(t *testing.T) {
	for _, jitter := range []bool{false, true} {
		s := Strips{Digits: bars(), Shortest: 1, Longest: 12, Jitter: jitter}
		lengths := map[int]bool{}
		for seed := range uint64(200) {
			l := s.Draw(rand.New(rand.NewPCG(seed, 1)), int(seed%10))
			again := s.Draw(rand.New(rand.NewPCG(seed, 1)), int(seed%10))
			if !slices.Equal(l.Pixels, again.Pixels) || !slices.Equal(l.Target, again.Target) {
				t.Fatal("the same seed gives another strip")
			}
			lengths[len(l.Target)] = true
			if l.Target[0] != int(seed%10) {
				t.Fatalf("the first digit is %d; it should be %d", l.Target[0], seed%10)
			}
			if len(l.Pixels) != l.H*l.W || l.H != StripHeight {
				t.Fatalf("%d pixels of %d×%d", len(l.Pixels), l.H, l.W)
			}
			ink, most := 0, 0
			for c := range l.W {
				for row := range l.H {
					v := l.Pixels[row*l.W+c]
					if v < 0 || v > 1 {
						t.Fatalf("a pixel of %v", v)
					}
					if v > stripInk {
						ink++
						break
					}
				}
			}
			for _, y := range l.Target {
				most += y + 1
			}
			if least := most + stripNear*(len(l.Target)-1); !jitter && (ink > most || ink < least) {
				t.Fatalf("%v has %d columns of ink; it should be from %d to %d", l.Target, ink, least, most)
			}
		}
		if len(lengths) != 12 {
			t.Errorf("%d lengths of 12", len(lengths))
		}
	}
}

// TestStripsBlank: a picture without ink takes its whole width.
func TestStripsBlank(t *testing.T) {
	m := &Images{N: 1, H: 28, W: 28, Pixels: make([]byte, 28*28), Labels: []byte{3}}
	s := Strips{Digits: m, Shortest: 2, Longest: 2}
	if l := s.Draw(rand.New(rand.NewPCG(1, 1)), -1); l.W < 2*28+stripNear || len(l.Target) != 2 {
		t.Errorf("%d columns, %v", l.W, l.Target)
	}
}
