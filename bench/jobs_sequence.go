package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// ctcShapes are frames, sequences, classes and targets of each sequence: the first of
// handwriting's kind, those of warp-ctc's own benchmark (English characters, Chinese), and one of long
// speech.
var ctcShapes = [][4]int{
	{300, 32, 64, 60},
	{150, 1, 28, 40},
	{150, 16, 28, 40},
	{150, 64, 28, 40},
	{150, 1, 5000, 20},
	{150, 16, 5000, 20},
	{150, 64, 5000, 20},
	{1500, 8, 80, 200},
}

// sequenceJobs has CTC's loss and gradient from log-probabilities and from logits.
func sequenceJobs() (all []job) {
	for _, s := range ctcShapes {
		for _, logits := range []bool{false, true} {
			name := fmt.Sprintf("ctc/T%dN%dC%dS%d", s[0], s[1], s[2], s[3])
			if logits {
				name += "/logits"
			}
			all = append(all, job{name, func() func() { return ctc(s[0], s[1], s[2], s[3], logits) }})
		}
	}
	return all
}

func ctc(frames, batch, classes, targets int, logits bool) func() {
	rng := rand.New(rand.NewPCG(1, 2))
	l := loss.CTC[float32]{Logits: logits}
	b := &loss.CTCBatch[float32]{Scores: randn(frames * batch * classes), Frames: frames, Batch: batch, Classes: classes, PaddedTo: targets}
	for range batch {
		b.TargetLengths = append(b.TargetLengths, targets)
		for range targets {
			b.Targets = append(b.Targets, 1+rng.IntN(classes-1))
		}
	}
	grad := make([]float32, len(b.Scores))
	if !logits {
		simd.LogSoftmaxRows(b.Scores, b.Scores, frames*batch, classes)
	}
	return func() { must(l.Eval(b, grad)) }
}
