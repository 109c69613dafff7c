package recipe

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// Quality is what a classifier and the training set say of a sample of pictures. Real
// pictures of the test set are the measure to hold it against.
type Quality struct {
	Name         string  `json:"name"`
	N            int     `json:"n"`
	Confidence   float64 `json:"confidence"`    // the classifier's greatest probability, mean
	Entropy      float64 `json:"entropy"`       // of the classifier's probabilities, mean, in nat: low where pictures are clear
	LabelEntropy float64 `json:"label_entropy"` // of the mean probabilities: log K where all labels are drawn alike
	Nearest      float64 `json:"nearest"`       // distance to the nearest training picture, median
	Copies       float64 `json:"copies"`        // fraction nearer to one than 99 % of the test pictures are
}

// judge is a classifier of its own, trained beside, that looks at generated pictures.
type judge struct {
	task  *digitsTask
	set   *data.Images
	close float64 // the first percentile of the test pictures' nearest distances
}

// The classifier trains for an epoch of MNIST, to 1 % error or so, and over a small set
// again and again.
const (
	judgeSteps  = 900
	judgeEpochs = 50
	judgeBatch  = 64
)

// newJudge trains the classifier on a training set.
func newJudge(set *data.Images, seed uint64) (*judge, error) {
	c := DefaultDigits()
	c.Model, c.Seed, c.Training.Validation = "cnn", seed, 0
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	task, err := newDigitsTask(c, set)
	if err != nil {
		return nil, err
	}
	tape, adam := autodiff.NewTape(tensor.Float32), &optim.Adam{}
	if err := adam.Prepare(task.Params()); err != nil {
		return nil, err
	}
	rng, batch := train.Rand(seed, "judge", 0), make([]int, min(judgeBatch, set.N))
	steps := min(judgeSteps, judgeEpochs*(set.N/judgeBatch+1))
	for step := range steps {
		for i := range batch {
			batch[i] = rng.IntN(set.N)
		}
		tape.Reset()
		v, err := task.Loss(tape, train.Batch{Samples: batch, Rand: rng})
		if err != nil {
			return nil, err
		}
		for _, p := range task.Params() {
			p.ZeroGrad()
		}
		tape.Backward(v)
		adam.Step(task.Params(), 1e-3*optim.Cosine{}.At(step, steps))
	}
	return &judge{task: task, set: set}, nil
}

// probabilities returns a classifier's for pictures [n, h·w] in [0, 1]: [n, K].
func (m *digitsModel) probabilities(y []float32, h, w int) []float32 {
	k, d := m.labeler.Labels(), h*w
	n := len(y) / d
	all := make([]float32, 0, n*k)
	for lo := 0; lo < n; lo += evalBatch {
		hi := min(lo+evalBatch, n)
		x, err := tensor.FromFloat32(y[lo*d:hi*d], hi-lo, 1, h, w)
		if err != nil {
			panic(err) // lengths of our own making
		}
		all = append(all, m.predictor.Energies(x).Float32s()...)
	}
	simd.Scale(all, all, -1)
	simd.SoftmaxRows(all, all, n, k)
	return all
}

// quality looks at a sample of pictures.
func (j *judge) quality(name string, y []float32) Quality {
	k := j.task.labeler.Labels()
	p := j.task.probabilities(y, j.set.H, j.set.W)
	n := len(p) / k
	q := Quality{Name: name, N: n}
	mean := make([]float64, k)
	for i := range n {
		row := p[i*k : (i+1)*k]
		q.Confidence += float64(slices.Max(row)) / float64(n)
		for c, v := range row {
			mean[c] += float64(v) / float64(n)
			q.Entropy += entropyOf(float64(v)) / float64(n)
		}
	}
	for _, v := range mean {
		q.LabelEntropy += entropyOf(v)
	}
	distances := j.nearest(y)
	for _, r := range distances {
		if r < j.close {
			q.Copies += 1 / float64(n)
		}
	}
	slices.Sort(distances)
	q.Nearest = distances[n/2]
	return q
}

func entropyOf(p float64) float64 {
	if p <= 0 {
		return 0
	}
	return -p * math.Log(p)
}

// nearest returns each picture's distance to the nearest of the training set.
func (j *judge) nearest(y []float32) []float64 {
	best, _ := j.neighbours(y)
	return best
}

// neighbours returns each picture's nearest one of the training set, and how far it is.
func (j *judge) neighbours(y []float32) (distance []float64, index []int) {
	const block = 2000
	d := j.set.Size()
	n := len(y) / d
	distance, index = make([]float64, n), make([]int, n)
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	for lo := 0; lo < j.set.N; lo += block {
		hi := min(lo+block, j.set.N)
		far := squaredDistances(y, pixelsOf(j.set.Subset(lo, hi)), d)
		for i := range n {
			for k, v := range far[i*(hi-lo) : (i+1)*(hi-lo)] {
				if r := float64(v); r < distance[i] {
					distance[i], index[i] = r, lo+k
				}
			}
		}
	}
	for i, v := range distance {
		distance[i] = math.Sqrt(max(v, 0))
	}
	return distance, index
}

// accuracy is the fraction of pictures in which the classifier sees the label.
func (j *judge) accuracy(y []float32, labels []byte) float64 {
	k := j.task.labeler.Labels()
	p := j.task.probabilities(y, j.set.H, j.set.W)
	right := 0
	for i, label := range labels {
		row := p[i*k : (i+1)*k]
		if slices.Index(row, slices.Max(row)) == int(label) {
			right++
		}
	}
	return float64(right) / float64(len(labels))
}

// some returns n pictures of a set, drawn without replacement, with their labels.
func some(set *data.Images, n int, rng *rand.Rand) ([]float32, []byte) {
	pick := rng.Perm(set.N)[:min(n, set.N)]
	y, labels := make([]float32, len(pick)*set.Size()), make([]byte, len(pick))
	set.Batch(y, pick)
	for i, at := range pick {
		labels[i] = set.Labels[at]
	}
	return y, labels
}
