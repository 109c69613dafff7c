package ctc

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// An alignedCase is an alignment of another system (oracle/forced_align.py).
type alignedCase struct {
	Frames, Classes, Blank int
	Tokens                 []int
	LogProbs               []float32 `json:"log_probs"`
	Path                   []int     // the class of each frame
	Score                  float64
	Ties                   bool  // other paths are as likely
	Starts                 []int // of the tokens
}

// TestOtherAligners: torchaudio's forced_align has the same paths, and ctc-segmentation the same beginnings of tokens.
func TestOtherAligners(t *testing.T) {
	text, err := os.ReadFile("testdata/align.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][]alignedCase
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for system, least := range map[string]int{"torchaudio": 10, "ctc_segmentation": 4} {
		if len(golden[system]) < least {
			t.Errorf("there are %d cases of %s", len(golden[system]), system)
		}
		for i, c := range golden[system] {
			a := Aligner{Blank: c.Blank}
			got, err := a.Align(c.LogProbs, c.Classes, c.Tokens)
			if err != nil {
				t.Errorf("%s %d: %v", system, i, err)
				continue
			}
			path, starts := make([]int, c.Frames), []int(nil)
			for f := range path {
				path[f] = c.Blank
			}
			for _, s := range got.Spans {
				for f := s.Start; f < s.End; f++ {
					path[f] = s.Token
				}
				starts = append(starts, s.Start)
			}
			if system == "ctc_segmentation" {
				if !slices.Equal(starts, c.Starts) {
					t.Errorf("%s %d: tokens begin at %v; want %v", system, i, starts, c.Starts)
				}
				continue
			}
			if math.Abs(got.LogProb-c.Score) > 1e-4*(1+math.Abs(c.Score)) {
				t.Errorf("%s %d: the path has %v; want %v", system, i, got.LogProb, c.Score)
			}
			if !c.Ties && !slices.Equal(path, c.Path) {
				t.Errorf("%s %d: the path is %v; want %v", system, i, path, c.Path)
			}
		}
	}
}
