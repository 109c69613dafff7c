package jobs

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
)

// plainPictures are of one grey each, 40 pixels a side, with a bright row.
func plainPictures(names string, greys ...byte) *data.Pictures {
	p := &data.Pictures{N: len(greys), C: 1, H: 40, W: 40, Classes: []string{"a", "b"}}
	for i, g := range greys {
		for y := range p.H {
			for range p.W {
				v := g
				if y == int(g)%p.H {
					v = 255
				}
				p.Pixels = append(p.Pixels, v)
			}
		}
		p.Paths, p.Labels = append(p.Paths, names+string(rune('0'+i))), append(p.Labels, i%2)
	}
	return p
}

func TestDuplicates(t *testing.T) {
	trained := plainPictures("train", 10, 50, 90, 130)
	test := plainPictures("test", 70, 90, 131)
	test.Pixels[2*1600+100] += 9 // no longer all alike
	copy(test.Pixels[2*1600:], trained.Pixels[3*1600:])
	for i := range 1600 {
		if i%2 == 0 && test.Pixels[2*1600+i] < 200 {
			test.Pixels[2*1600+i] += 2 // as a lossy format might
		}
	}
	got, err := duplicates(t.Context(), test, trained)
	if err != nil || !strings.HasPrefix(got, "2 of 3 test pictures") || !strings.HasSuffix(got, "test1 is like train2") {
		t.Errorf("duplicates: %q, %v", got, err)
	}
	if got, err := duplicates(t.Context(), plainPictures("test", 70), trained); err != nil || got != "" {
		t.Errorf("no duplicates: %q, %v", got, err)
	}
}

func TestThumbs(t *testing.T) {
	p := plainPictures("p", 100)
	h, w, block := thumbSize(p)
	if h != 20 || w != 20 || block != 2 || thumbDim(p) != 400 {
		t.Fatalf("40×40 pixels become %d×%d by blocks of %d", h, w, block)
	}
	x := thumbs(p)
	if len(x) != 400 || x[0] != 100./255 || x[20*(100%40/2)] != (100+255)/2./255 {
		t.Errorf("thumbs %v", x[:25])
	}
}
