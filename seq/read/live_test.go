package read_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

// toneTranscriber opens the network of tones, with a search or without.
func toneTranscriber(t *testing.T, search bool) *read.Transcriber {
	t.Helper()
	dir := tones()
	defer os.RemoveAll(dir)
	reader, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	to := &read.Transcriber{Emitter: read.NewEmitter(reader)}
	if !search {
		return to
	}
	b := to.Beam()
	b.Width, b.Delay, b.Times = 8, 10, true
	if to.Search, err = ctc.NewDecoder(b); err != nil {
		t.Fatal(err)
	}
	return to
}

// spoken is what a stream has said: its segments, and the words of each as they were settled.
type spoken struct {
	Segments []read.Segment
	Texts    []string
	Settled  [][]ctc.Timed // the words that were settled in each segment before it was closed
	Rest     [][]ctc.Timed // and the others
}

// stream says samples in chunks; forks are taken in turn.
func stream(t *testing.T, to *read.Transcriber, silence float64, samples []float32, chunk func() int, forks ...*read.Emitter) spoken {
	t.Helper()
	live, err := to.Live(silence)
	if err != nil {
		t.Fatal(err)
	}
	var all spoken
	var settled []ctc.Timed
	closed := func(segments []read.Segment, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range segments {
			all.Segments = append(all.Segments, s)
			all.Texts = append(all.Texts, to.Spaced(to.Text(s.Best[0].Tokens)))
			all.Settled, settled = append(all.Settled, settled), nil
			all.Rest = append(all.Rest, s.Rest)
		}
	}
	for i := 0; len(samples) > 0; i++ {
		if len(forks) > 0 {
			live.On(forks[i%len(forks)])
		}
		n := min(chunk(), len(samples))
		closed(live.Push(samples[:n]))
		samples = samples[n:]
		settled = append(settled, live.Words()...)
		if _, err := live.Open(); err != nil {
			t.Fatal(err)
		}
	}
	closed(live.Finish())
	return all
}

// TestLive: a stream's segments are closed by silence, whatever the chunks and whichever fork of the network runs, and its settled words do not change.
func TestLive(t *testing.T) {
	clip := say("o", "i", "i")
	clip.Samples = append(clip.Samples, make([]float32, toneRate)...)
	clip.Samples = append(clip.Samples, say("i", "o").Samples...)
	for _, search := range []bool{false, true} {
		t.Run(fmt.Sprintf("search=%v", search), func(t *testing.T) {
			to := toneTranscriber(t, search)
			fork, ok := to.Fork()
			if !ok {
				t.Fatal("the network has no fork")
			}
			want := stream(t, to, 0.6, clip.Samples, func() int { return 1 << 20 })
			if !slices.Equal(want.Texts, []string{"o i i", "i o"}) {
				t.Fatalf("the segments say %q", want.Texts)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			for range 3 {
				got := stream(t, to, 0.6, clip.Samples, func() int { return 1 + rng.IntN(3000) }, to.Emitter, fork)
				if !slices.Equal(got.Texts, want.Texts) {
					t.Fatalf("in chunks they say %q", got.Texts)
				}
				for i, s := range got.Segments {
					if text := ctc.JoinWords(slices.Concat(got.Settled[i], got.Rest[i])); text != want.Texts[i] {
						t.Errorf("the settled words of segment %d, and the rest, are %q", i, text)
					}
					if s.First != want.Segments[i].First || s.End != want.Segments[i].End || !slices.Equal(s.Best[0].Tokens, want.Segments[i].Best[0].Tokens) {
						t.Errorf("segment %d is %v; whole it is %v", i, s, want.Segments[i])
					}
				}
				if n := len(got.Settled[0]); n < 2 {
					t.Errorf("%d words were settled before the first segment was closed", n)
				}
			}
			if one := stream(t, to, 0, clip.Samples, func() int { return 1000 }); len(one.Texts) != 1 || one.Texts[0] != "o i i i o" {
				t.Errorf("without a silence that closes segments they say %q", one.Texts)
			}
		})
	}
}

// TestLiveTimes: the words of segments have the times of the stream.
func TestLiveTimes(t *testing.T) {
	to := toneTranscriber(t, true)
	clip := say("o")
	clip.Samples = append(clip.Samples, make([]float32, toneRate)...)
	clip.Samples = append(clip.Samples, say("i").Samples...) // at 1.1 + 1 + 0.5 s
	all := stream(t, to, 0.5, clip.Samples, func() int { return 800 })
	for i, want := range []float64{0.5, 2.6} {
		words := slices.Concat(all.Settled[i], all.Rest[i])
		if len(words) != 1 || tenth(words[0].Start) != want || tenth(words[0].End) != tenth(want+0.3) {
			t.Errorf("segment %d has the words %v; one should begin at %v s", i, words, want)
		}
	}
}

// TestForks: forks of a network run side by side, and have its emissions.
func TestForks(t *testing.T) {
	to := toneTranscriber(t, false)
	want, err := to.Hear("o", say("o", "i"))
	if err != nil {
		t.Fatal(err)
	}
	expected := slices.Clone(want.LogProbs)
	var all sync.WaitGroup
	for range 4 {
		fork, ok := to.Fork()
		if !ok {
			t.Fatal("the network has no fork")
		}
		all.Go(func() {
			for range 5 {
				x, err := fork.Hear("o", say("o", "i"))
				if err != nil || !slices.Equal(x.LogProbs, expected) {
					t.Errorf("a fork has other emissions (%v)", err)
				}
			}
		})
	}
	all.Wait()
}

// TestLiveRefuses names what a stream cannot be of.
func TestLiveRefuses(t *testing.T) {
	to := toneTranscriber(t, false)
	if _, err := to.Live(-1); err == nil {
		t.Error("a silence below 0 is taken")
	}
	e, err := read.ONNXEmitter(beside(t, "waveform", waveformCard))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&read.Transcriber{Emitter: e}).Live(0); err == nil {
		t.Error("an ONNX model has a stream")
	}
}
