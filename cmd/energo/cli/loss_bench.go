package cli

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
	"github.com/spf13/cobra"
)

func newLossBench() *cobra.Command {
	var size int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "bench [NAME…]", Short: "Time the losses on this machine",
		Long: `Times value and gradient together of each loss, in float32, warm: the median and the least of many
runs, nanoseconds an element of the input, bytes of input and gradient a second, and that as a share of what the
machine copies in the same time, on as many cores. A share near 100 % says that memory is the limit.`,
		Example: "  energo loss bench\n  energo loss bench bce_logits mse --size 100000 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if size < 64 || size > 1<<28 {
				return usagef("--size is %d; it must be from 64 to %d", size, 1<<28)
			}
			losses := loss.Catalogue()
			if len(args) > 0 {
				losses = nil
			}
			for _, name := range args {
				e, err := lookupLoss(name)
				if err != nil {
					return err
				}
				losses = append(losses, e)
			}
			return benchLosses(cmd, losses, size, asJSON)
		},
	}
	cmd.Flags().IntVar(&size, "size", 1<<20, "numbers in the input, about")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

// lossTime is a loss's time.
type lossTime struct {
	Name   string  `json:"name"`
	Size   int     `json:"size"`
	Median float64 `json:"median_ms"`
	Least  float64 `json:"least_ms"`
	Each   float64 `json:"ns_an_element"` // by the median
	Rate   float64 `json:"gb_a_second"`   // by the least
	Share  float64 `json:"copy_share"`
}

func benchLosses(cmd *cobra.Command, losses []loss.Entry, size int, asJSON bool) error {
	out := cmd.OutOrStdout()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintf(out, "float32, %s, %s\n", simd.Current(), counted(simd.Threads(), "thread", "threads"))
		fmt.Fprintln(w, "NAME\tSIZE\tMEDIAN ms\tLEAST ms\tns/ELEMENT\tGB/s\tOF COPY")
	}
	for _, e := range losses {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		job := lossJobs[e.Name](size)
		median, least, err := timed(job.run)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		_, copied, err := timed(copying(job.bytes))
		if err != nil {
			return err
		}
		t := lossTime{
			Name: e.Name, Size: job.size, Median: median.Seconds() * 1e3, Least: least.Seconds() * 1e3,
			Each: median.Seconds() * 1e9 / float64(job.size), Rate: float64(job.bytes) / least.Seconds() / 1e9,
			Share: copied.Seconds() / least.Seconds(),
		}
		if asJSON {
			if err := printJSON(out, t, true); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%.2f\t%.1f\t%.0f %%\n", t.Name, t.Size, t.Median, t.Least, t.Each, t.Rate, 100*t.Share)
	}
	return w.Flush()
}

// timed runs f until a quarter of a second and five runs have gone by.
func timed(f func() error) (median, least time.Duration, err error) {
	const enough, fewest, warm = 250 * time.Millisecond, 5, 2
	var all []time.Duration
	for begin := time.Now(); len(all) < fewest+warm || time.Since(begin) < enough; {
		start := time.Now()
		if err := f(); err != nil {
			return 0, 0, err
		}
		all = append(all, time.Since(start))
	}
	all = all[warm:]
	slices.Sort(all)
	return all[len(all)/2], all[0], nil
}

// copyJob copies src to dst on all cores.
type copyJob struct{ dst, src []byte }

const copyChunk = 256 << 10

func (j *copyJob) Do(task, _ int) {
	lo, hi := task*copyChunk, min((task+1)*copyChunk, len(j.src))
	copy(j.dst[lo:hi], j.src[lo:hi])
}

func copying(bytes int) func() error {
	j := &copyJob{make([]byte, bytes/2), make([]byte, bytes/2)}
	return func() error {
		simd.Run((len(j.src)+copyChunk-1)/copyChunk, j)
		return nil
	}
}

// lossJob is a loss made ready to run.
type lossJob struct {
	size  int // numbers of the input
	bytes int // of inputs and gradients
	run   func() error
}

// jobOf is the job of a loss; floats is the number of its inputs and gradients together.
func jobOf(size, floats int, run func() (float64, error)) lossJob {
	return lossJob{size, 4 * floats, func() error {
		_, err := run()
		return err
	}}
}

// pair is the job of a loss of input and target with a gradient by input.
func pair(x, y func(n int) []float32, eval func(x, y, dx []float32) (float64, error)) func(n int) lossJob {
	return func(n int) lossJob {
		in, target, dx := x(n), y(n), make([]float32, n)
		return jobOf(n, 3*n, func() (float64, error) { return eval(in, target, dx) })
	}
}

const (
	benchClasses = 64
	benchDim     = 128
	benchBatch   = 1024 // samples of a batch, at most, whose pairs a loss looks at
)

// lossJobs has a row for each loss of the catalogue.
var lossJobs = map[string]func(size int) lossJob{
	"l1":              pair(normals, normals, loss.L1Loss[float32]),
	"mse":             pair(normals, normals, loss.MSELoss[float32]),
	"smooth_l1":       pair(normals, normals, loss.SmoothL1Loss[float32]),
	"huber":           pair(normals, normals, loss.HuberLoss[float32]),
	"poisson_nll":     pair(normals, shares, loss.PoissonNLLLoss[float32]),
	"kl_div":          pair(logShares, shares, loss.KLDivLoss[float32]),
	"bce":             pair(shares, shares, loss.BCELoss[float32]),
	"bce_logits":      pair(normals, shares, loss.BCEWithLogitsLoss[float32]),
	"soft_margin":     pair(normals, signs, loss.SoftMarginLoss[float32]),
	"hinge_embedding": pair(normals, signs, loss.HingeEmbeddingLoss[float32]),
	"gaussian_nll": func(n int) lossJob {
		var l loss.GaussianNLL[float32]
		x, y, v, dx, dv := normals(n), normals(n), shares(n), make([]float32, n), make([]float32, n)
		return jobOf(n, 5*n, func() (float64, error) { return l.Eval(x, y, v, dx, nil, dv) })
	},
	"margin_ranking": func(n int) lossJob {
		var l loss.MarginRanking[float32]
		x, x2, y, d, d2 := normals(n), shares(n), signs(n), make([]float32, n), make([]float32, n)
		return jobOf(n, 5*n, func() (float64, error) { return l.Eval(x, x2, y, d, d2, nil) })
	},
	"cross_entropy": func(n int) lossJob {
		var l loss.CrossEntropy[float32]
		rows := n / benchClasses
		x, y, dx := normals(rows*benchClasses), labels(rows), make([]float32, rows*benchClasses)
		return jobOf(len(x), 2*len(x), func() (float64, error) { return l.Eval(x, loss.Dims{Batch: rows, Classes: benchClasses}, y, dx) })
	},
	"nll": func(n int) lossJob {
		var l loss.NLL[float32]
		rows := n / benchClasses
		x, y, dx := logShares(rows*benchClasses), labels(rows), make([]float32, rows*benchClasses)
		return jobOf(len(x), len(x), func() (float64, error) { return l.Eval(x, loss.Dims{Batch: rows, Classes: benchClasses}, y, dx) })
	},
	"multi_margin": func(n int) lossJob {
		l := loss.NewMultiMargin[float32]()
		rows := n / benchClasses
		x, y, dx := normals(rows*benchClasses), labels(rows), make([]float32, rows*benchClasses)
		return jobOf(len(x), 2*len(x), func() (float64, error) { return l.Eval(x, y, benchClasses, dx) })
	},
	"multilabel_margin": func(n int) lossJob {
		var l loss.MultiLabelMargin[float32]
		rows := n / benchClasses
		x, dx, y := normals(rows*benchClasses), make([]float32, rows*benchClasses), make([]int, rows*benchClasses)
		for i := range y { // four labels a row
			if y[i] = -1; i%benchClasses < 4 {
				y[i] = i % benchClasses * 7
			}
		}
		return jobOf(len(x), 2*len(x), func() (float64, error) { return l.Eval(x, y, benchClasses, dx) })
	},
	"multilabel_soft_margin": func(n int) lossJob {
		var l loss.MultiLabelSoftMargin[float32]
		n -= n % benchClasses
		x, y, dx := normals(n), shares(n), make([]float32, n)
		return jobOf(n, 3*n, func() (float64, error) { return l.Eval(x, y, benchClasses, dx, nil) })
	},
	"cosine_embedding": func(n int) lossJob {
		var l loss.CosineEmbedding[float32]
		rows := max(n/benchDim, 1)
		n = rows * benchDim
		x, x2, y, d, d2 := normals(n), shares(n), signs(rows), make([]float32, n), make([]float32, n)
		return jobOf(n, 4*n, func() (float64, error) { return l.Eval(x, x2, y, benchDim, d, d2) })
	},
	"triplet": func(n int) lossJob {
		l := loss.NewTripletMargin[float32]()
		a, p, g, da, dp, dn := triplets(n)
		return jobOf(len(a), 6*len(a), func() (float64, error) { return l.Eval(a, p, g, benchDim, da, dp, dn) })
	},
	"triplet_with_distance": func(n int) lossJob {
		l := loss.NewTripletMarginWithDistance[float32]()
		a, p, g, da, dp, dn := triplets(n)
		return jobOf(len(a), 6*len(a), func() (float64, error) { return l.Eval(a, p, g, benchDim, da, dp, dn) })
	},
	"linear_cross_entropy": func(n int) lossJob {
		var l loss.LinearCrossEntropy[float32]
		rows := max(n/benchDim, 1)
		x, y, dx := normals(rows*benchDim), labels(rows), make([]float32, rows*benchDim)
		w := loss.Linear[float32]{Weight: normals(benchClasses * benchDim)}
		dw := loss.Linear[float32]{Weight: make([]float32, len(w.Weight))}
		return jobOf(len(x), 2*len(x)+2*len(w.Weight), func() (float64, error) { return l.Eval(x, w, benchClasses, y, dx, dw) })
	},
	"ctc": func(n int) lossJob {
		const frames, targets = 256, 50
		l := loss.CTC[float32]{Logits: true}
		b := &loss.CTCBatch[float32]{Frames: frames, Batch: max(1, n/benchClasses/frames), Classes: benchClasses, PaddedTo: targets}
		b.Scores, b.Targets = normals(frames*b.Batch*benchClasses), labels(b.Batch*targets)
		for i, y := range b.Targets {
			b.Targets[i] = max(1, y)
		}
		for range b.Batch {
			b.TargetLengths = append(b.TargetLengths, targets)
		}
		dx := make([]float32, len(b.Scores))
		return jobOf(len(dx), 2*len(dx), func() (float64, error) { return l.Eval(b, dx) })
	},
	"contrastive":      pairs(loss.NewContrastive[float32]()),
	"batch_triplet":    pairs(loss.NewBatchTriplet[float32]()),
	"n_pairs":          pairs(loss.NewNPairs[float32]()),
	"nt_xent":          pairs(loss.NewNTXent[float32]()),
	"sup_con":          pairs(loss.NewSupCon[float32]()),
	"multi_similarity": pairs(loss.NewMultiSimilarity[float32]()),
	"circle":           pairs(loss.NewCircle[float32]()),
	"arcface":          classed(loss.NewArcFace[float32]()),
	"cosface":          classed(loss.NewCosFace[float32]()),
	"proxy_nca":        classed(loss.NewProxyNCA[float32]()),
	"proxy_anchor":     classed(loss.NewProxyAnchor[float32]()),
	"vicreg":           views(loss.NewVICReg[float32]()),
	"barlow_twins":     views(loss.NewBarlowTwins[float32]()),
	"adaptive_log_softmax": func(n int) lossJob {
		const first, hidden = 16, 32
		l := &loss.AdaptiveLogSoftmaxWithLoss[float32]{Classes: benchClasses, Cutoffs: []int{first}}
		rows := max(n/benchDim, 1)
		params := func(fill func(int) []float32) *loss.Adaptive[float32] {
			return &loss.Adaptive[float32]{
				Head:  loss.Linear[float32]{Weight: fill((first + 1) * benchDim)},
				Tails: []loss.AdaptiveTail[float32]{{Project: fill(hidden * benchDim), Out: fill((benchClasses - first) * hidden)}},
			}
		}
		p, grad := params(normals), params(func(n int) []float32 { return make([]float32, n) })
		x, y, dx := normals(rows*benchDim), labels(rows), make([]float32, rows*benchDim)
		return jobOf(len(x), 2*len(x), func() (float64, error) { return l.Eval(x, y, p, dx, grad) })
	},
}

// batchLoss is a loss over the pairs of a batch.
type batchLoss interface {
	Eval(embeddings []float32, dim int, labels []int, dEmbeddings []float32) (float64, error)
}

func pairs(l batchLoss) func(n int) lossJob {
	return func(n int) lossJob {
		rows := batchOf(n)
		x, y, dx := normals(rows*benchDim), labels(rows), make([]float32, rows*benchDim)
		return jobOf(len(x), 2*len(x), func() (float64, error) { return l.Eval(x, benchDim, y, dx) })
	}
}

// classLoss is a loss over the samples of a batch and a point of each class.
type classLoss interface {
	Eval(embeddings []float32, dim int, labels []int, points, dEmbeddings, dPoints []float32) (float64, error)
}

func classed(l classLoss) func(n int) lossJob {
	return func(n int) lossJob {
		rows := batchOf(n)
		x, y, dx := normals(rows*benchDim), labels(rows), make([]float32, rows*benchDim)
		w, dw := normals(benchClasses*benchDim), make([]float32, benchClasses*benchDim)
		return jobOf(len(x), 2*len(x)+2*len(w), func() (float64, error) { return l.Eval(x, benchDim, y, w, dx, dw) })
	}
}

// viewLoss is a loss of two views.
type viewLoss interface {
	Eval(x, y []float32, dim int, dx, dy []float32) (float64, error)
}

func views(l viewLoss) func(n int) lossJob {
	return func(n int) lossJob {
		n = max(n/benchDim, 2) * benchDim
		x, y, dx, dy := normals(n), shares(n), make([]float32, n), make([]float32, n)
		return jobOf(n, 4*n, func() (float64, error) { return l.Eval(x, y, benchDim, dx, dy) })
	}
}

func batchOf(n int) int { return min(max(n/benchDim, 1), benchBatch) }

func triplets(n int) (a, p, g, da, dp, dn []float32) {
	n = max(n/benchDim, 1) * benchDim
	return normals(n), shares(n), logShares(n), make([]float32, n), make([]float32, n), make([]float32, n)
}

func drawn(n int, draw func(*rand.Rand) float64) []float32 {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(draw(rng))
	}
	return x
}

func normals(n int) []float32 { return drawn(n, (*rand.Rand).NormFloat64) }

func shares(n int) []float32 {
	return drawn(n, func(r *rand.Rand) float64 { return (r.Float64() + 0.01) / 1.02 })
}

func logShares(n int) []float32 {
	return drawn(n, func(r *rand.Rand) float64 { return math.Log((r.Float64() + 0.01) / 1.02) })
}

func signs(n int) []float32 {
	return drawn(n, func(r *rand.Rand) float64 { return float64(2*r.IntN(2) - 1) })
}

func labels(n int) []int {
	y := make([]int, n)
	for i := range y {
		y[i] = i * 13 % benchClasses
	}
	return y
}
