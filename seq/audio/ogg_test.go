package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// mend puts right checksums in the pages of an Ogg file, so that damage gets to the codec.
func mend(file []byte) {
	for at := 0; len(file)-at >= 27 && string(file[at:at+4]) == "OggS"; {
		table := file[at+27 : min(len(file), at+27+int(file[at+26]))]
		size := 27 + len(table)
		for _, n := range table {
			size += int(n)
		}
		page := file[at:min(len(file), at+size)]
		clear(page[22:26])
		sum, crc := uint32(0), oggCRC()
		for _, b := range page {
			sum = sum<<8 ^ crc[byte(sum>>24)^b]
		}
		binary.LittleEndian.PutUint32(page[22:], sum)
		at += size
	}
}

// TestOggDamage damages Vorbis and Opus behind right checksums: no panic, no hang, and no error but of the file.
func TestOggDamage(t *testing.T) {
	mutants := 100
	if testing.Short() {
		mutants = 20
	}
	damaged := []string{"Vorbis 8000 1", "Vorbis 44100 2", "Opus voip 8000 2 60 ms", "Opus voip 32000 2 20 ms", "Opus audio 48000 1 20 ms", "Opus lowdelay 64000 2 20 ms"}
	golden(t, "formats", func(c formatCase) {
		if !slices.Contains(damaged, c.Name) {
			return
		}
		whole := bytes.Clone(c.File)
		if mend(whole); !bytes.Equal(whole, c.File) {
			t.Errorf("%s: mending changes a whole file", c.Name)
		}
		rng := rand.New(rand.NewPCG(uint64(len(c.File)), 7))
		read := 0
		for i := range mutants {
			x := bytes.Clone(c.File)
			for range 1 + rng.IntN(4) {
				x[rng.IntN(len(x))] ^= 1 << rng.IntN(8)
			}
			mend(x)
			watch := time.AfterFunc(30*time.Second, func() { panic(c.Name + ": a decoder hangs") })
			_, err := DecodeChannels(bytes.NewReader(x), Each)
			watch.Stop()
			if err == nil {
				read++
			} else if !errors.Is(err, ErrContent) {
				t.Errorf("%s, mutant %d: %v", c.Name, i, err)
			}
		}
		if read < mutants/10 {
			t.Errorf("%s: %d of %d mutants are read; damage does not get to the codec", c.Name, read, mutants)
		}
	})
}

// FuzzOgg: no damage behind right checksums panics or hangs.
func FuzzOgg(f *testing.F) {
	golden(f, "formats", func(c formatCase) {
		if len(c.File) < 6000 && bytes.HasPrefix(c.File, []byte("OggS")) {
			f.Add(c.File)
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		mend(data)
		if _, err := DecodeChannels(bytes.NewReader(data), Each); err != nil && !errors.Is(err, ErrContent) {
			t.Fatalf("%v is not about the file", err)
		}
	})
}
