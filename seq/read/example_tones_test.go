package read_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read/readtest"
)

const toneRate = readtest.Rate

// say is a recording of words.
func say(words ...string) audio.Clip { return readtest.Say(words...) }

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

// tones makes the folder of a network that hears "o" and "i".
func tones() (dir string) {
	dir, err := os.MkdirTemp("", "tones")
	if err != nil {
		log.Fatal(err)
	}
	if err := readtest.Save(dir, 16, 2); err != nil {
		log.Fatal(err)
	}
	return dir
}
