package picture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// oracleCase is a file and what Pillow reads of it (oracle/pictures.py).
type oracleCase struct {
	Name              string
	W, H, Orientation int
	Tolerance         int
	File, RGBA        []byte
}

func oracleCases(t testing.TB) (all []oracleCase) {
	t.Helper()
	f, err := os.Open("testdata/pictures.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bufio.NewReader(z)); d.More(); {
		var c oracleCase
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// whole decodes a picture into memory.
func whole(p *File, shrink int) ([]byte, error) {
	w, h := (p.W+shrink-1)/shrink, (p.H+shrink-1)/shrink
	pix := make([]byte, 4*w*h)
	err := p.Rows(shrink, func(r Row) {
		for i := 0; 4*i < len(r.Pix); i++ {
			copy(pix[4*(r.Y*w+r.X+i*r.Step):], r.Pix[4*i:][:4])
		}
	})
	return pix, err
}

// off is the largest difference of two pictures, and where it is. Colours of what is transparent count for nothing.
func off(got, want []byte) (most, at int) {
	for i := range want {
		if i|3 < len(want) && want[i|3] == 0 && got[i|3] == 0 {
			continue
		}
		if d := max(int(got[i])-int(want[i]), int(want[i])-int(got[i])); d > most {
			most, at = d, i
		}
	}
	return most, at
}

// TestPillow holds every format against what Pillow reads.
func TestPillow(t *testing.T) {
	kinds := map[string]int{}
	for _, c := range oracleCases(t) {
		kinds[strings.Fields(c.Name)[0]]++
		p, err := Open(c.File)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if p.W != c.W || p.H != c.H || p.Orientation != c.Orientation || p.Format != strings.Fields(c.Name)[0] {
			t.Errorf("%s: %s of %d×%d pixels, orientation %d; want %d×%d, %d", c.Name, p.Format, p.W, p.H, p.Orientation, c.W, c.H, c.Orientation)
			continue
		}
		pix, err := whole(p, 1)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if most, at := off(pix, c.RGBA); most > c.Tolerance {
			t.Errorf("%s: byte %d of pixel %d, %d is %d, want %d", c.Name, at%4, at/4%c.W, at/4/c.W, pix[at], c.RGBA[at])
		}
		if again, err := whole(p, 1); err != nil || !bytes.Equal(again, pix) {
			t.Errorf("%s: decoded again it differs, %v", c.Name, err)
		}
	}
	for _, f := range formats {
		if f.open != nil && kinds[f.name] < 10 {
			t.Errorf("there are %d cases of %s", kinds[f.name], f.name)
		}
	}
}
