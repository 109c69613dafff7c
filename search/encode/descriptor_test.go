package encode

import (
	"context"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/train"
)

// described returns the descriptor of one picture.
func describedOf(c, h, w int, pixel func(c, y, x int) float32) []float32 {
	x := tensor.New(tensor.Float32, 1, c, h, w)
	for i := range c {
		for y := range h {
			for j := range w {
				x.Float32s()[(i*h+y)*w+j] = pixel(i, y, j)
			}
		}
	}
	return descriptor{c, h, w}.Forward(autodiff.NewTape(tensor.Float32).Const(x)).Value.Float32s()
}

// TestDescriptorOfEdges: a ramp has one orientation in all cells, a step only in the cells where it is, and a plain picture has none.
func TestDescriptorOfEdges(t *testing.T) {
	ramp := describedOf(1, 48, 48, func(_, y, _ int) float32 { return float32(y) / 48 })[histogramDim+quartersDim:][:edgesDim][:edgesDim]
	for k := range orientations {
		for cell := range cells * cells {
			want := 0.0
			if k == orientations/2 { // down
				want = 0.25
			}
			if got := float64(ramp[k*cells*cells+cell]); math.Abs(got-want) > 0.02 {
				t.Errorf("ramp: orientation %d of cell %d is %v, want %v", k, cell, got, want)
			}
		}
	}
	step := describedOf(3, 48, 48, func(_, _, x int) float32 {
		if x < 18 {
			return 0
		}
		return 1
	})[histogramDim+quartersDim:][:edgesDim][:edgesDim]
	for i, v := range step {
		want := 0.0
		if i/(cells*cells) == 0 && i%cells == 1 {
			want = 0.5
		}
		if math.Abs(float64(v)-want) > 1e-3 {
			t.Errorf("step: number %d is %v, want %v", i, v, want)
		}
	}
	for i, v := range describedOf(3, 48, 48, func(int, int, int) float32 { return 0.3 })[histogramDim+quartersDim:][:edgesDim] {
		if v != 0 {
			t.Errorf("plain: number %d is %v, want 0", i, v)
		}
	}
}

// TestDescriptorOfQuarters: a colour counts in its own quarter alone.
func TestDescriptorOfQuarters(t *testing.T) {
	got := describedOf(3, 48, 48, func(c, y, x int) float32 {
		if y < 24 && x >= 24 && c != 0 { // one quarter is red, the rest white
			return 0
		}
		return 1
	})[histogramDim:][:quartersDim]
	for i, v := range got {
		want := 0.0
		switch {
		case i == coarse.dim()+(0*2+1)*3+2: // the second quarter: hue 0, saturation 1, value 1
			want = 0.5
		case i/coarse.dim() != 1 && i%coarse.dim() == 2: // no saturation
			want = 0.5
		}
		if math.Abs(float64(v)-want) > 1e-3 {
			t.Errorf("number %d is %v, want %v", i, v, want)
		}
	}
}

// TestPatterns: a plain area is all ones by the first threshold and all zeros by the second; an edge has a run of ones on the dark side; shares add up to 1.
func TestPatterns(t *testing.T) {
	of := func(pixel func(c, y, x int) float32) []float32 {
		return describedOf(3, 48, 46, pixel)[descriptorDim-patternSets*patternsDim:]
	}
	plain := of(func(c, _, _ int) float32 { return []float32{0.3, 0.7, 0.1}[c] })
	for set := range patternSets {
		want := kinds[255]
		if set%2 == 1 {
			want = kinds[0]
		}
		for k, v := range plain[set*patternsDim:][:patternsDim] {
			if (k == int(want)) != (v == 1) || v != 0 && v != 1 {
				t.Errorf("plain: pattern %d of set %d has %v", k, set, v)
			}
		}
	}
	step := of(func(_, _, x int) float32 {
		if x < 22 {
			return 0.2
		}
		return 0.8
	})
	right := kinds[1<<2|1<<3|1<<4] // the neighbours at the right, from above to below
	for set, width := range []float64{46, 46, 23, 23} {
		for k, v := range step[set*patternsDim:][:patternsDim] {
			want := 0.0
			switch bright := set%2 == 1; {
			case bright && k == int(right), !bright && k == int(kinds[255&^(1<<0|1<<6|1<<7)]): // one column
				want = 1 / width
			case bright && k == int(kinds[0]), !bright && k == int(kinds[255]):
				want = 1 - 1/width
			}
			if math.Abs(float64(v)*float64(v)-want) > 1e-6 {
				t.Errorf("step: pattern %d of set %d has a share of %v, want %v", k, set, v*v, want)
			}
		}
	}
	count := map[uint8]int{}
	for _, k := range kinds {
		count[k]++
	}
	if len(count) != patternsDim || count[uniform] != 256-uniform {
		t.Errorf("patterns are of %d kinds, %d without a kind of their own", len(count), count[uniform])
	}
}

// TestStart: directions that tell classes apart count, those that vary within classes do not.
func TestStart(t *testing.T) {
	s := Spec{Job: "search", Channels: 3, Height: 48, Width: 48, Dim: 4, Unit: true, Metric: "cosine", Network: Described}
	n, err := NewNetwork(s, 1)
	if err != nil {
		t.Fatal(err)
	}
	rng := train.Rand(1, "pictures", 0)
	// Of two classes, one is red and one blue in a corner; all pictures have a greater area of any grey.
	labels := make([]int, 40)
	pictures := make([]float32, len(labels)*3*48*48)
	for i := range labels {
		labels[i] = i % 2
		grey := rng.Float32()
		for j := range 48 * 48 {
			colour := [3]float32{grey, grey, grey}
			if j/48 < 12 {
				colour = [3]float32{}
				colour[2*labels[i]] = 1
			}
			for c, v := range colour {
				pictures[(i*3+c)*48*48+j] = v
			}
		}
	}
	size := 3 * 48 * 48
	sample := Sample{Labels: labels, Rounds: 1, Pictures: func(dst []float32, indices []int, _ int) {
		for k, i := range indices {
			copy(dst[k*size:][:size], pictures[i*size:][:size])
		}
	}}
	wrong := func() (count int) {
		w := n.Worker()
		copy(w.input(len(labels)), pictures)
		v := w.run()
		for i := range labels {
			best, at := math.Inf(-1), 0
			for j := range labels {
				dot := 0.0
				for k := range s.Dim {
					dot += float64(v[i*s.Dim+k]) * float64(v[j*s.Dim+k])
				}
				if j != i && dot > best {
					best, at = dot, j
				}
			}
			if labels[at] != labels[i] {
				count++
			}
		}
		return count
	}
	if err := n.Start(context.Background(), sample); err != nil {
		t.Fatal(err)
	}
	if got := wrong(); got != 0 {
		t.Errorf("after the start, the nearest of %d of %d pictures is of the other class", got, len(labels))
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.Start(ended, sample); err == nil {
		t.Error("a start whose context has ended succeeds")
	}
	sample.Labels = make([]int, len(labels))
	for i := range labels {
		sample.Labels[i] = i
	}
	if err := n.Start(context.Background(), sample); err == nil {
		t.Error("a start without two pictures of a class succeeds")
	}
}
