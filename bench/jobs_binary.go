package main

import "github.com/energo-ml/energo/loss"

func binaryJobs() []job {
	return []job{
		{"loss/bce_logits", func() func() { return pointwise(randn(million), uniform(million), loss.BCEWithLogitsLoss[float32]) }},
		{"loss/bce", func() func() { return pointwise(uniform(million), uniform(million), loss.BCELoss[float32]) }},
		{"loss/soft_margin", func() func() { return pointwise(randn(million), signs(million), loss.SoftMarginLoss[float32]) }},
		{"loss/hinge_embedding", func() func() { return pointwise(randn(million), signs(million), loss.HingeEmbeddingLoss[float32]) }},
		{"loss/margin_ranking", func() func() {
			var l loss.MarginRanking[float32]
			x1, x2, y := randn(million), uniform(million), signs(million)
			d1, d2 := make([]float32, million), make([]float32, million)
			return func() { must(l.Eval(x1, x2, y, d1, d2, nil)) }
		}},
		{"loss/multilabel_soft_margin", func() func() {
			var l loss.MultiLabelSoftMargin[float32]
			y := signs(million)
			for i, s := range y {
				y[i] = (s + 1) / 2
			}
			return pointwise(randn(million), y, func(x, y, dx []float32) (float64, error) { return l.Eval(x, y, 64, dx, nil) })
		}},
	}
}
