package audio_test

import (
	"fmt"
	"log"
	"math"

	"github.com/energo-ml/energo/seq/audio"
)

// Log-mel features of a second of a 1000 Hz tone.
func Example() {
	clip := audio.Clip{Samples: make([]float32, 16000), Rate: 16000}
	for i := range clip.Samples {
		clip.Samples[i] = float32(math.Sin(2 * math.Pi * 1000 * float64(i) / 16000))
	}
	mels := audio.LogMel{Mels: 40}
	extractor, err := mels.Extractor()
	if err != nil {
		log.Fatal(err)
	}
	features, err := extractor.Features(clip)
	if err != nil {
		log.Fatal(err)
	}
	loudest := 0
	for m, v := range features[:40] {
		if v > features[loudest] {
			loudest = m
		}
	}
	fmt.Println(extractor.Frames(len(clip.Samples)), "frames, the loudest filter is", loudest)
	// Output: 98 frames, the loudest filter is 13
}
