package jobs

import (
	"image"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// move moves chains, which must be possible.
func move(t *testing.T, c *PictureChains, steps int, times, temperature float64) {
	t.Helper()
	if stayed, err := c.Move(t.Context(), steps, times, temperature); err != nil || stayed != 0 {
		t.Fatalf("%d stayed, %v", stayed, err)
	}
}

// chainsOf begins chains, which must be possible.
func chainsOf(t *testing.T, e *PictureEnergy, n int, start []float32, label int, seed uint64) *PictureChains {
	t.Helper()
	c, err := e.Chains(n, start, label, seed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPictureChains: those of generate from noise are the ones that a run draws in the end, however many moves they are made in; their energies are those of their pictures.
func TestPictureChains(t *testing.T) {
	m := open[*generateTask](t, tinyGenerate())
	e := m.pictureEnergy()
	want, err := m.fromNoise(t.Context(), m.c.Chains, 3, 30, 7)
	if err != nil {
		t.Fatal(err)
	}
	c := chainsOf(t, e, 3, nil, -1, 7)
	move(t, c, 10, 1, 1)
	move(t, c, 20, 1, 1)
	if !slices.Equal(c.Pictures, want) || c.Steps != 30 {
		t.Errorf("after %d steps the pictures are others than those that the run draws", c.Steps)
	}
	energies := make([]float64, 3)
	e.Energies(energies, c.Pictures)
	if !slices.Equal(energies, c.Energies) {
		t.Errorf("energies %v, of the pictures %v", c.Energies, energies)
	}

	// At temperature 0 chains that start alike stay alike, and go down.
	start := want[:e.H*e.W]
	c = chainsOf(t, e, 2, start, -1, 1)
	before := c.Energies[0]
	move(t, c, 50, 0.1, 0)
	if !slices.Equal(c.Pictures[:len(start)], c.Pictures[len(start):]) || c.Energies[0] >= before {
		t.Errorf("gradient descent: alike %v, energy %v, before %v", slices.Equal(c.Pictures[:len(start)], c.Pictures[len(start):]), c.Energies[0], before)
	}
}

// TestPictureChainsOfLabels: chains of a label move down its energy, those of a classifier, too.
func TestPictureChainsOfLabels(t *testing.T) {
	d := small()
	d.Model = "cnn"
	digits := open[*digitsTask](t, d).pictureEnergy()
	jem := open[*jemTask](t, tinyJEM()).pictureEnergy()
	if !digits.Classifier || jem.Classifier || len(digits.Labels) != 5 || len(jem.Labels) != 5 {
		t.Errorf("of digits %v %v, of jem %v %v", digits.Classifier, digits.Labels, jem.Classifier, jem.Labels)
	}
	for name, e := range map[string]*PictureEnergy{"digits": digits, "jem": jem} {
		start, n := make([]float32, e.H*e.W), len(e.Labels)
		for i := range start {
			start[i] = float32(i%7) / 7
		}
		least := 0.0
		for k := range n {
			c := chainsOf(t, e, 1, start, k, 1)
			least += math.Exp(-c.Energies[0])
			before := c.Energies[0]
			move(t, c, 30, 0.2, 0)
			if c.Energies[0] >= before {
				t.Errorf("%s: the energy of label %d is %v, %v before", name, k, c.Energies[0], before)
			}
		}
		if all := chainsOf(t, e, 1, start, -1, 1).Energies[0]; math.Abs(all+math.Log(least)) > 1e-4 {
			t.Errorf("%s: with the labels summed out %v, of the labels %v", name, all, -math.Log(least))
		}
	}
}

// TestPictureChainsOfBinary: Gibbs sweeps as those of the job; at a low temperature the probabilities are 0 and 1.
func TestPictureChainsOfBinary(t *testing.T) {
	m := open[*rbmTask](t, tinyRBM())
	e := m.pictureEnergy()
	_, want, err := m.draws(t.Context(), 4, 12, true, train.Rand(3, "from noise", 0))
	if err != nil {
		t.Fatal(err)
	}
	c := chainsOf(t, e, 4, nil, -1, 3)
	move(t, c, 12, 1, 1)
	if !slices.Equal(c.Pictures, want) {
		t.Error("the pictures are others than those that the job draws")
	}
	move(t, c, 3, 1, 1e-4)
	for _, p := range c.Pictures {
		if p > 0.01 && p < 0.99 {
			t.Fatalf("at temperature 0.0001 a pixel has the probability %v", p)
		}
	}
	if _, err := c.Move(t.Context(), 1, 1, 0); err == nil || !strings.Contains(err.Error(), "temperature is 0") {
		t.Errorf("temperature 0: %v", err)
	}
}

// TestPictureEnergyFit: ink on paper is taken as its negative, and made black and white for a machine.
func TestPictureEnergyFit(t *testing.T) {
	page := image.NewGray(image.Rect(0, 0, 20, 20))
	for i := range page.Pix {
		page.Pix[i] = 255
	}
	page.SetGray(9, 9, color.Gray{})
	e := &PictureEnergy{H: 20, W: 20, dark: true}
	y := make([]float32, 400)
	e.Fit(y, page)
	if y[0] != 0 || y[9*20+9] != 1 {
		t.Errorf("border %v, ink %v", y[0], y[9*20+9])
	}
	page.SetGray(9, 9, color.Gray{100})
	e = &PictureEnergy{H: 20, W: 20, Binary: true}
	if e.Fit(y, page); y[0] != 1 || y[9*20+9] != 0 {
		t.Errorf("binary: border %v, ink %v", y[0], y[9*20+9])
	}
}

// TestOpenPictureEnergy opens those of runs, and refuses others.
func TestOpenPictureEnergy(t *testing.T) {
	c := small()
	_, dir := trained(t, c)
	j := digitsJob
	j.New = func() job.Spec { return small() }
	e, err := OpenPictureEnergy(t.Context(), dir, []job.Job{j}, job.Env{})
	if err != nil || e.H != 10 || e.W != 8 || len(e.Labels) != 5 {
		t.Fatalf("%+v, %v", e, err)
	}
	if tells, draws := PictureUses(dir, c); !tells || !draws {
		t.Errorf("of digits: tells %v, draws %v", tells, draws)
	}
	if tells, draws := PictureUses(dir, atDefaults[*Pictures](picturesJob)); tells || draws {
		t.Errorf("without a card: tells %v, draws %v", tells, draws)
	}
	if tells, draws := PictureUses(dir, atDefaults[*Parabola](parabolaJob)); tells || draws {
		t.Errorf("of a parabola: tells %v, draws %v", tells, draws)
	}
	for _, c := range []struct {
		n     int
		start []float32
		label int
		want  string
	}{
		{1, make([]float32, 3), -1, "the picture has 3 pixels; the energy takes 10×8"},
		{1, nil, 5, "label is 5; the energy has 5 labels"},
		{1, append(make([]float32, 79), float32(math.NaN())), -1, "must be finite"},
	} {
		if _, err := e.Chains(c.n, c.start, c.label, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	other := filepath.Join(t.TempDir(), "parabola")
	p := atDefaults[*Parabola](parabolaJob)
	p.Epochs = 1
	if _, err := job.Train(t.Context(), parabolaJob, p, job.Options{Dir: other}); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPictureEnergy(t.Context(), other, All(), job.Env{}); err == nil || !strings.Contains(err.Error(), "is a run of parabola, which has no energy of pictures") {
		t.Errorf("of a parabola: %v", err)
	}
}
