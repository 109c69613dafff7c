package ctc

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// However the emissions are cut, the result is that of the whole, bit for bit, and stable
// labels stay.
func TestStreamIsDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for name, b := range beams(t) {
		b.Width, b.Best, b.Threshold, b.Delay = 12, 12, 9, rng.IntN(2)*30
		d := decoder(t, b)
		s := d.Stream()
		for range 10 {
			frames := rng.IntN(120)
			x := emit(rng, frames, d.Classes, 3, 0.05)
			want, err := d.Decode(x)
			if err != nil {
				t.Fatal(err)
			}
			s.Reset()
			var stable []int
			for at := 0; at < frames; {
				n := min(rng.IntN(4)*rng.IntN(20), frames-at)
				if err := s.Push(x[at*d.Classes : (at+n)*d.Classes]); err != nil {
					t.Fatal(err)
				}
				at += n
				if got := s.Stable(); len(got) < len(stable) || !slices.Equal(got[:len(stable)], stable) {
					t.Fatalf("%s: stable %v became %v", name, stable, got)
				}
				stable = slices.Clone(s.Stable())
				for _, h := range s.Finish() {
					if !slices.Equal(h.Tokens[:len(stable)], stable) {
						t.Fatalf("%s: %v after stable %v", name, h.Tokens, stable)
					}
				}
			}
			if s.Frames() != frames {
				t.Errorf("%d frames; want %d", s.Frames(), frames)
			}
			if got := s.Finish(); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, %d frames: in chunks %+v; whole %+v", name, frames, got, want)
			}
		}
	}
}

// With a Delay, labels are stable by then, and memory is bounded.
func TestDelay(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	const delay = 25
	d := decoder(t, Beam{Classes: 20, Width: 16, Delay: delay})
	s := d.Stream()
	x := emit(rng, 3000, 20, 4, 0)
	for at := 0; at < len(x); at += 20 {
		if err := s.Push(x[at : at+20]); err != nil {
			t.Fatal(err)
		}
		if behind := len(s.Finish()[0].Tokens) - len(s.Stable()); behind > delay {
			t.Fatalf("frame %d: %d labels are not stable", s.Frames(), behind)
		}
		for i, h := range s.beam {
			if got := s.forest.at[h.prefix].slot; got != int32(i) {
				t.Fatalf("place %d in the beam is %d", i, got)
			}
		}
	}
	if n := len(s.forest.at); n > 16*delay {
		t.Errorf("%d prefixes are held", n)
	}
	if len(s.Stable()) < 2000 {
		t.Errorf("%d labels are no trial", len(s.Stable()))
	}
	// Longer than the emissions, it makes no difference.
	d = decoder(t, Beam{Classes: 20, Width: 16, Delay: 1000, Threshold: 3})
	without := decoder(t, Beam{Classes: 20, Width: 16, Threshold: 3})
	got, err := d.Decode(x[:20*900])
	if err != nil {
		t.Fatal(err)
	}
	want, err := without.Decode(x[:20*900])
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("a Delay longer than the emissions makes a difference")
	}
}

// Prefixes that lead nowhere are given back.
func TestPrefixesAreGivenBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	s := decoder(t, Beam{Classes: 9, Width: 30}).Stream()
	for range 300 {
		if err := s.Push(emit(rng, 1, 9, 2, 0.2)); err != nil {
			t.Fatal(err)
		}
		used := map[int32]bool{s.root: true}
		for _, h := range s.beam {
			for n := h.prefix; n != s.root; n = s.forest.at[n].parent {
				used[n] = true
			}
		}
		if got := len(s.forest.at) - len(s.forest.free); got != len(used) {
			t.Fatalf("frame %d: %d prefixes are held; %d are needed", s.Frames(), got, len(used))
		}
	}
}

func TestPushErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	d := decoder(t, Beam{Classes: 3})
	s := d.Stream()
	if err := s.Push([]float32{-1, -2, -3, -1, -2, -3}); err != nil {
		t.Fatal(err)
	}
	before := s.Finish()
	for _, c := range []struct {
		x    []float32
		want string
	}{
		{[]float32{-1, -1, -1, -1, nan, -1}, "frame 3, class 1 is NaN"},
		{[]float32{-1, -1, inf}, "frame 2, class 2 is +Inf"},
		{[]float32{-1, -1}, "has 2 elements; it must have a multiple of the 3 classes"},
	} {
		if err := s.Push(c.x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
		if s.Frames() != 2 || !reflect.DeepEqual(s.Finish(), before) {
			t.Error("a refused chunk has changed the stream")
		}
		if _, err := d.Decode(c.x); err == nil {
			t.Error("Decode takes it")
		}
		if _, err := Greedy(c.x, 3, 0); err == nil {
			t.Error("Greedy takes it")
		}
	}
}

func TestBeamErrors(t *testing.T) {
	model := languageModel(t, 2, "a b\n")
	for _, c := range []struct {
		b    Beam
		want string
	}{
		{Beam{}, "classes is 0"},
		{Beam{Classes: 3, Blank: 3}, "blank is 3"},
		{Beam{Classes: 3, Blank: -1}, "blank is -1"},
		{Beam{Classes: 3, Tokens: []string{"a"}}, "Tokens has 1 elements"},
		{Beam{Classes: 3, Model: model}, "Tokens is nil"},
		{Beam{Classes: 3, Lexicon: []string{"a"}}, "Tokens is nil"},
		{Beam{Classes: 3, Separator: " "}, `Separator is " "`},
		{Beam{Tokens: []string{" ", "a"}, Separator: " "}, `Separator is " "`},
		{Beam{Tokens: letters, Lexicon: []string{"a"}}, "Lexicon is set without"},
		{Beam{Tokens: letters, Separator: " ", Lexicon: []string{"a", ""}}, "Lexicon[1] is empty"},
		{Beam{Classes: 3, Width: -1}, "Width is -1"},
		{Beam{Classes: 3, TopTokens: -1}, "TopTokens is -1"},
		{Beam{Classes: 3, Best: -1}, "Best is -1"},
		{Beam{Classes: 3, Delay: -1}, "Delay is -1"},
		{Beam{Classes: 3, Threshold: -1}, "Threshold is -1"},
		{Beam{Classes: 3, LMWeight: math.NaN()}, "LMWeight is NaN"},
		{Beam{Classes: 3, LMWeight: -1}, "LMWeight is -1"},
		{Beam{Classes: 3, WordBonus: math.Inf(-1)}, "WordBonus is -Inf"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1}, 1}, {nil, 1}}}, "Hot[1].Tokens is empty"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1, 0}, 1}}}, "Hot[0].Tokens[1] is 0"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1, 3}, 1}}}, "Hot[0].Tokens[1] is 3"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1}, math.NaN()}}}, "Hot[0].Boost is NaN"},
		{Beam{Tokens: []string{"", "a", " "}, Separator: " ", Hot: []HotWord{{[]int{1, 2}, 1}}}, "Hot[0].Tokens[1] is the separator"},
	} {
		if _, err := NewDecoder(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %q", c.b, err, c.want)
		}
	}
}

// A decoder serves several goroutines at once.
func TestDecoderIsShared(t *testing.T) {
	d := decoder(t, beams(t)["all"])
	x := emit(rand.New(rand.NewPCG(14, 14)), 200, d.Classes, 2, 0)
	want, err := d.Decode(x)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if got, err := d.Decode(x); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		})
	}
	wait.Wait()
}

func TestWarmPushDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for name, b := range beams(t) {
		s := decoder(t, b).Stream()
		x := emit(rng, 200, len(letters), 3, 0)
		push := func() {
			s.Reset()
			if err := s.Push(x); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(2, push); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
