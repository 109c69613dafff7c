// Package readtest has a network of speech for tests: it hears two words, "o" and "i", in low and high tones.
package readtest

import (
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
)

// Rate is that of what the network hears.
const Rate = 8000

// hertz are the tones of words.
var hertz = map[string]float64{"o": 300, "i": 2000}

// Say is a recording of words: tones of 0.3 seconds, 0.5 seconds of silence before the first, and 0.3 behind each.
func Say(words ...string) audio.Clip {
	c := audio.Clip{Rate: Rate, Samples: make([]float32, Rate/2)}
	for _, w := range words {
		for i := range 3 * Rate / 10 {
			c.Samples = append(c.Samples, float32(0.4*math.Sin(2*math.Pi*hertz[w]*float64(i)/Rate)))
		}
		c.Samples = append(c.Samples, make([]float32, 3*Rate/10)...)
	}
	return c
}

// Save writes the network as a folder that read.Open opens. It was not trained: its weights, of which nearly all are 0, add up the loudness of the lower
// bands, and of the upper ones, for either word. Its size is that of a network of these mels, channels and dilations.
func Save(dir string, mels, channels int, dilations ...int) error {
	features, err := read.NewFeatures(audio.LogMel{Rate: Rate, Mels: mels})
	if err != nil {
		return err
	}
	heard, err := features.Of(Say("o", "i"))
	if err != nil {
		return err
	}
	features.Fit([][]float32{heard})
	network, err := read.NewNetwork(read.Spec{Height: mels, Tokens: []string{" ", "i", "o"}, Channels: channels, Dilations: dilations}, 1)
	if err != nil {
		return err
	}
	weigh(network, len(dilations))
	return read.Save(dir, network, features, nil)
}

// rowsOf are the rows, of eight mel filters each, whose filters hear a tone: those of the two filters between whose middles it lies.
func rowsOf(hz float64, mels int) []int {
	mel := func(hz float64) float64 { return 2595 * math.Log10(1+hz/700) }
	below := int(mel(hz)/mel(Rate/2)*float64(mels+1)) - 1
	return []int{below / 8, (below + 1) / 8}
}

// weigh sets the weights.
func weigh(network *read.Network, dilated int) {
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
	for half, word := range []string{"o", "i"} {
		for _, row := range rowsOf(hertz[word], network.Height) {
			weights["11.weight"].Set(1, half, row, 1)
		}
	}
	const first, layers = 14, 3 // of those with dilations
	for k := range dilated {
		for half := range 2 {
			weights[fmt.Sprintf("%d.weight", first+layers*k)].Set(1, half, half, 1) // as it is
		}
	}
	last := fmt.Sprint(first + layers*dilated)
	for half, class := range []int{o, i} {
		weights[last+".weight"].Set(4, class, half, 0)
		weights[last+".weight"].Set(-4, o+i-class, half, 0)
	}
	weights[last+".bias"].Set(4, space) // where it is silent
	weights[last+".bias"].Set(3, blank)
}
