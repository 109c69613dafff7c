package studio

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train"
)

// Curves are drawn of these numbers, of steps or of epochs.
var (
	stepKeys  = []string{"step_loss", "lr", "grad_norm"}
	epochKeys = []string{"loss", "error", "kept", "gap_p05", "gap_p50", "correct", "offending", "spread"}
	byKeys    = []string{"step", "epoch", "time"}
)

// columns are the numbers of events of one kind, each a list of the same length: those of byKeys, and those of the kind.
type columns map[string][]float64

// series are the curves of a run, as far as its log has been read.
type series struct {
	at       place
	steps    columns
	epochs   columns
	bytes    int64
	perEpoch float64 // steps
	elapsed  float64 // seconds while the run was under way, up to last
	last     time.Time
}

// of are the columns that a number is in.
func (s *series) of(key string) columns {
	if isOf(key, stepKeys) {
		return s.steps
	}
	return s.epochs
}

func newSeries() *series { return &series{steps: columns{}, epochs: columns{}} }

// read reads what a log has more, all of it where it has been cut meanwhile.
func (s *series) read(path string) (*series, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSeries(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !s.at.holds(f) {
		s = newSeries()
	}
	end, err := lines(f, s.at.at, math.MaxInt64, func(line []byte, _ int64) error {
		s.take(line)
		return nil
	})
	if err == nil {
		s.at, err = placeAt(f, end)
	}
	return s, err
}

// take takes an event.
func (s *series) take(line []byte) {
	kind := kindOf(line)
	if kind == "" {
		return
	}
	var head struct{ Time time.Time }
	if json.Unmarshal(line, &head) != nil {
		return
	}
	if kind != "start" && !s.last.IsZero() {
		s.elapsed += max(0, head.Time.Sub(s.last).Seconds())
	}
	s.last = head.Time
	switch kind {
	case "start":
		if e := (train.Start{}); json.Unmarshal(line, &e) == nil && e.Epochs > 0 && e.Steps > 0 {
			s.perEpoch = float64(e.Steps) / float64(e.Epochs)
		}
	case "step":
		if e := (train.Step{}); json.Unmarshal(line, &e) == nil {
			epoch := float64(e.Epoch)
			if s.perEpoch > 0 {
				epoch = float64(e.Step) / s.perEpoch
			}
			s.add(s.steps, float64(e.Step), epoch, s.elapsed, stepKeys, e.Loss, e.LR, e.GradNorm)
		}
	case "epoch":
		if e := (train.Epoch{}); json.Unmarshal(line, &e) == nil {
			s.add(s.epochs, float64(e.Step), float64(e.Epoch), e.Seconds, epochKeys, float64(e.Loss), float64(e.Error), float64(e.Kept),
				float64(e.Gap.P05), float64(e.Gap.P50), float64(e.Correct.Mean), float64(e.Offending.Mean), float64(e.Spread))
			s.elapsed = e.Seconds // from which the steps are timed
		}
	}
}

// kindOf is the type of an event of which curves are drawn, and "" for others, without reading all of it: the type is the first member.
func kindOf(line []byte) string {
	for _, kind := range []string{"step", "epoch", "start"} {
		if bytes.HasPrefix(line, []byte(`{"type":"`+kind+`"`)) {
			return kind
		}
	}
	return ""
}

func (s *series) add(to columns, step, epoch, time float64, keys []string, values ...float64) {
	put := func(key string, v float64) {
		to[key] = append(to[key], v)
		s.bytes += 8
	}
	put("step", step)
	put("epoch", epoch)
	put("time", time)
	for i, key := range keys {
		put(key, values[i])
	}
}

// thin returns at most about points of a curve: of each stretch of the same number of points the least and the greatest, so that no peak is
// lost. What is not finite is kept where a whole stretch is.
func thin(x, y []float64, points int) (answer.Numbers, answer.Numbers) {
	if len(x) <= points {
		return x, y
	}
	stretch := (2*len(x) + points - 1) / points
	var tx, ty answer.Numbers
	put := func(i int) { tx, ty = append(tx, x[i]), append(ty, y[i]) }
	for from := 0; from < len(x); from += stretch {
		to := min(len(x), from+stretch)
		low, high := from, from
		for i := from; i < to; i++ {
			if y[i] < y[low] || y[low] != y[low] {
				low = i
			}
			if y[i] > y[high] || y[high] != y[high] {
				high = i
			}
		}
		put(min(low, high))
		if low != high {
			put(max(low, high))
		}
	}
	return tx, ty
}

// curve is one of a run.
type curve struct {
	Run string         `json:"run"`
	X   answer.Numbers `json:"x"`
	Y   answer.Numbers `json:"y"`
}

// Bounds of a request for curves.
const (
	curvesMost = 100
	pointsMost = 5000
)

// curves answers with curves of several runs.
func (s *service) curves(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.Params(r)
	if err == nil {
		err = wire.Known(q, []string{"of", "by", "points"}, []string{"run"})
	}
	if err != nil {
		return err
	}
	of, by, points := q.Get("of"), q.Get("by"), 600
	if err := oneOf("of", of, stepKeys, epochKeys); err != nil {
		return err
	}
	if err := oneOf("by", by, byKeys); err != nil {
		return err
	}
	if text := q.Get("points"); text != "" {
		if points, err = strconv.Atoi(text); err != nil || points < 2 || points > pointsMost {
			return wire.Invalid("points", "points is %.40q; want a number from 2 to %d", text, pointsMost)
		}
	}
	if len(q["run"]) > curvesMost {
		return wire.Invalid("run", "there are %d runs; at most %d are drawn", len(q["run"]), curvesMost)
	}
	all := []curve{}
	for _, name := range q["run"] {
		dir, err := s.dir(name)
		if err != nil {
			return err
		}
		c := curve{Run: name}
		err = s.cache.with(name, filepath.Join(dir, train.LogFile), func(x *series) {
			from := x.of(of)
			c.X, c.Y = thin(from[by], from[of], points)
		})
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"curves": all})
	return nil
}
