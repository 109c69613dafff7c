package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// A pointwise is a convolution by a kernel of one element with packed weights, a product of the weights
// [OutC, InC] by each image [InC, H·W]. Rows of a tile are output channels and columns are pixels, so that
// results are stored as they lie.
type pointwise[T simd.Float] struct {
	engine[T]
	images, in, out, area int
	y, x, bias            []T
	panels                []T // tiles of output channels, each [in, rows]

	tiles                   int // of output channels
	pixelPanels             int // of nr pixels
	few                     int // panels in a task, at most
	pixelGroups, tileGroups int
	places                  [][]T // one a worker: the panels of a task, each [in, columns]
	shared                  []T   // the panels of all images, where tasks share them; else nil
	pack                    pointwisePanels[T]
	finish                  Finisher[T]
	bounds                  [2]T // of the results
}

var pointwises pool

// panelBytes is how much of an image a task holds at a time, about: as much as stays in a core's own cache beside the weights.
const panelBytes = 128 << 10

func (j *pointwise[T]) start() {
	j.tiles, j.pixelPanels = ceil(j.out, j.mr), ceil(j.area, j.nr)
	j.few = max(1, min(colGroup, panelBytes/(size[T]()*j.nr*j.in)))
	j.pixelGroups, j.tileGroups = ceil(j.pixelPanels, j.few), 1
	j.places = reserve(j.places)
	own := j.shared
	if j.images*j.pixelGroups >= minTasks {
		j.shared = nil
	} else {
		j.tileGroups = min(j.tiles, ceil(minTasks, j.images*j.pixelGroups))
		j.shared = grow(own, j.images*j.pixelPanels*j.in*j.nr)
		own = j.shared
		j.pack.pointwise = j
		j.do(j.images*j.pixelPanels, &j.pack, 16*len(j.shared))
	}
	j.do(j.images*j.pixelGroups*j.tileGroups, j, j.images*j.area*j.in*j.out)
	j.shared = own
}

// panel is the number of elements of a panel.
func (j *pointwise[T]) panel() int { return j.in * j.nr }

// copyPanel copies the pixels of a panel of an image.
func (j *pointwise[T]) copyPanel(dst []T, image, p int) {
	cols := min(j.area-p*j.nr, j.nr)
	width := j.padded(cols)
	j.copyRows(at(dst, 0), at(j.x, image*j.in*j.area+p*j.nr), width, j.area, j.in, width, cols)
}

// pointwisePanels fills the shared panels: a task fills one.
type pointwisePanels[T simd.Float] struct{ pointwise *pointwise[T] }

func (p *pointwisePanels[T]) Do(task, _ int) {
	j := p.pointwise
	j.copyPanel(j.shared[task*j.panel():], task/j.pixelPanels, task%j.pixelPanels)
}

// Do computes a group of output channels at a group of pixels of an image.
func (j *pointwise[T]) Do(task, worker int) {
	firstTile, lastTile := span(j.tiles, j.tileGroups, task%j.tileGroups)
	task /= j.tileGroups
	first, last := span(j.pixelPanels, j.pixelGroups, task%j.pixelGroups)
	image := task / j.pixelGroups
	var panels []T // from the first one on
	if j.shared != nil {
		panels = j.shared[(image*j.pixelPanels+first)*j.panel():]
	} else {
		place := of(j.places, worker)
		*place = grow(*place, (last-first)*j.panel())
		panels = *place
		for p := first; p < last; p++ {
			j.copyPanel(panels[(p-first)*j.panel():], image, p)
		}
	}
	z := size[T]()
	t := tile{runs: &oneRun, runCount: 1, steps: j.in, cStep: j.area * z, flags: flagRowBias, bounds: unsafe.Pointer(&j.bounds)}
	for i := firstTile; i < lastTile; i++ {
		row, end := span(j.out, j.tiles, i)
		t.rows = end - row
		t.aStep = t.rows * z
		t.a = at(j.panels, row*j.in)
		if j.bias != nil {
			t.bias = at(j.bias, row)
		}
		for p := first; p < last; p++ {
			t.cols = min(j.area-p*j.nr, j.nr)
			t.bStep = j.padded(t.cols) * z
			t.b = at(panels, (p-first)*j.panel())
			t.c = at(j.y, (image*j.out+row)*j.area+p*j.nr)
			j.multiply(&t)
		}
		if j.finish == nil {
			continue
		}
		for ; row < end; row++ {
			y := (image*j.out + row) * j.area
			from, to := y+first*j.nr, y+min(last*j.nr, j.area)
			j.finish.Finish(j.y[from:to], from)
		}
	}
}

// packRowsOf brings weights [out, in] into tiles of output channels.
func (e engine[T]) packRowsOf(panels, w []T, out, in int) {
	tiles := ceil(out, e.mr)
	for i := range tiles {
		row, end := span(out, tiles, i)
		e.transpose(at(panels, row*in), at(w, row*in), end-row, in, end-row, end-row, in)
	}
}

// pointwise tells whether the kernel has one element, and each pixel of the image gives one of the result.
func (s *Conv2D) pointwise() bool {
	return s.KH == 1 && s.KW == 1 && orOne(s.StrideH) == 1 && orOne(s.StrideW) == 1 &&
		s.PadTop == 0 && s.PadBottom == 0 && s.PadLeft == 0 && s.PadRight == 0
}
