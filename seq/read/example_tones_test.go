package read_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
)

// What the examples hear: words are tones of 0.3 seconds, 0.5 seconds of silence come first, and 0.3 behind each word.
const toneRate = 8000

var toneHertz = map[string]float64{"o": 300, "i": 2000}

// say is a recording of words.
func say(words ...string) audio.Clip {
	c := audio.Clip{Rate: toneRate, Samples: make([]float32, toneRate/2)}
	for _, w := range words {
		for i := range 3 * toneRate / 10 {
			c.Samples = append(c.Samples, float32(0.4*math.Sin(2*math.Pi*toneHertz[w]*float64(i)/toneRate)))
		}
		c.Samples = append(c.Samples, make([]float32, 3*toneRate/10)...)
	}
	return c
}

// samples are the words as 16-bit samples.
func samples(words ...string) io.Reader {
	var b []byte
	for _, v := range say(words...).Samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*(1<<15))))
	}
	return bytes.NewReader(b)
}

// decode16 returns 16-bit samples as numbers from −1 to 1.
func decode16(b []byte) []float32 {
	x := make([]float32, len(b)/2)
	for i := range x {
		x[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:]))) / (1 << 15)
	}
	return x
}

// record writes the words to a WAV file.
func record(dir string, words ...string) (path string) {
	path = filepath.Join(dir, "recording.wav")
	if err := audio.Write(path, say(words...)); err != nil {
		log.Fatal(err)
	}
	return path
}

func tenth(seconds float64) float64 { return math.Round(10*seconds) / 10 }

// tones makes the folder of a network that hears "o" and "i". It was not trained: its weights, of which nearly all are 0, add up the loudness of the lower
// bands, and of the upper ones, for either word.
func tones() (dir string) {
	features, err := read.NewFeatures(audio.LogMel{Rate: toneRate, Mels: 16})
	if err != nil {
		log.Fatal(err)
	}
	heard, err := features.Of(say("o", "i"))
	if err != nil {
		log.Fatal(err)
	}
	features.Fit([][]float32{heard})

	network, err := read.NewNetwork(read.Spec{Height: 16, Tokens: []string{" ", "i", "o"}, Channels: 2}, 1)
	if err != nil {
		log.Fatal(err)
	}
	weights := map[string]*tensor.Tensor{}
	for _, p := range network.Module.Params() {
		if norm := strings.Contains(p.Name, "running") || p.Value.Float32s()[0] == 1; !norm {
			p.Value.Fill(0)
		}
		weights[p.Name] = p.Value
	}
	weights["0.weight"].Set(1, 0, 0, 2, 2) // a band as it is
	for _, layer := range []string{"4.weight", "7.weight"} {
		weights[layer].Set(1, 0, 0, 1, 1) // two bands to one, and once more
		weights[layer].Set(1, 0, 0, 2, 1)
	}
	const blank, space, i, o = 0, 1, 2, 3 // classes
	for half, class := range []int{o, i} {
		weights["11.weight"].Set(1, half, half, 1)
		weights["14.weight"].Set(4, class, half, 0)
		weights["14.weight"].Set(-4, o+i-class, half, 0)
	}
	weights["14.bias"].Set(4, space) // where it is silent
	weights["14.bias"].Set(3, blank)
	if dir, err = os.MkdirTemp("", "tones"); err != nil {
		log.Fatal(err)
	}
	if err := read.Save(dir, network, features, nil); err != nil {
		log.Fatal(err)
	}
	return dir
}
