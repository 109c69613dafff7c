package retrieval

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/energo-ml/energo/internal/simd/gemm"
	"github.com/energo-ml/energo/loss/pair"
)

// Projection is the principal axes of vectors.
type Projection struct {
	Mean     []float64 // of the vectors, [dim]
	Axes     []float64 // of unit length, the one of most variance first, [k, dim]
	Variance []float64 // along each, [k]
	Share    []float64 // of the whole variance, [k]; 0 where there is none
}

// maxPCADim bounds the matrix of covariances, which is whole.
const maxPCADim = 2048

// PCA finds the k axes along which vectors, rows of dim coordinates, vary most. Of an axis'
// two directions it takes the one in which the coordinate of the greatest size, the first of
// equals, is positive.
//
// Errors: fewer than 2 rows; dim above 2048; k outside [1, dim]; what [pair.CheckRows] refuses.
func PCA(vectors []float32, dim, k int) (*Projection, error) {
	n, err := pair.CheckRows("vectors", vectors, dim)
	if err != nil {
		return nil, fmt.Errorf("retrieval: PCA: %w", err)
	}
	if dim > maxPCADim {
		return nil, fmt.Errorf("retrieval: PCA: dim is %d; it must be at most %d", dim, maxPCADim)
	}
	if n < 2 {
		return nil, fmt.Errorf("retrieval: PCA: there are %d rows; there must be 2 at least", n)
	}
	if k < 1 || k > dim {
		return nil, fmt.Errorf("retrieval: PCA: k is %d; it must be from 1 to %d, dim", k, dim)
	}
	p := &Projection{Mean: mean(vectors, dim)}
	return p, p.find(covariance(vectors, p.Mean), k)
}

// find computes the axes from the covariances.
func (p *Projection) find(cov []float64, k int) error {
	dim := len(p.Mean)
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(dim, cov), true) {
		return fmt.Errorf("retrieval: PCA: the eigenvalues of the covariance did not converge")
	}
	values := e.Values(nil) // ascending
	var axes mat.Dense
	e.VectorsTo(&axes)
	total := 0.0
	for i := range dim {
		total += cov[i*dim+i]
	}
	for i := range k {
		column := dim - 1 - i
		v := max(0, values[column])
		p.Variance = append(p.Variance, v)
		share := 0.0
		if total > 0 {
			share = v / total
		}
		p.Share = append(p.Share, share)
		p.Axes = append(p.Axes, directed(mat.Col(nil, column, &axes))...)
	}
	return nil
}

// directed turns an axis so that its coordinate of the greatest size is positive.
func directed(axis []float64) []float64 {
	top := 0
	for i, v := range axis {
		if v*v > axis[top]*axis[top] {
			top = i
		}
	}
	if axis[top] < 0 {
		for i := range axis {
			axis[i] = -axis[i]
		}
	}
	return axis
}

// Project returns the coordinates of vectors along the axes, [rows, k].
//
// Errors: what [pair.CheckRows] refuses.
func (p *Projection) Project(vectors []float32) ([]float32, error) {
	dim, k := len(p.Mean), len(p.Variance)
	n, err := pair.CheckRows("vectors", vectors, dim)
	if err != nil {
		return nil, fmt.Errorf("retrieval: Project: %w", err)
	}
	out, part := make([]float32, n*k), make([]float64, min(n, pcaRows)*k)
	centred := make([]float64, min(n, pcaRows)*dim)
	for lo := 0; lo < n; lo += pcaRows {
		rows := min(pcaRows, n-lo)
		centre(centred, vectors[lo*dim:][:rows*dim], p.Mean)
		gemm.Mul(false, true, rows, k, dim, centred, dim, p.Axes, dim, 0, part, k)
		for i, v := range part[:rows*k] {
			out[lo*k+i] = float32(v)
		}
	}
	return out, nil
}

// pcaRows is how many rows are turned into float64 at a time.
const pcaRows = 1024

func mean(vectors []float32, dim int) []float64 {
	m := make([]float64, dim)
	for i, v := range vectors {
		m[i%dim] += float64(v)
	}
	for i := range m {
		m[i] /= float64(len(vectors) / dim)
	}
	return m
}

// centre writes the vectors less their mean.
func centre(dst []float64, vectors []float32, mean []float64) {
	for i, v := range vectors {
		dst[i] = float64(v) - mean[i%len(mean)]
	}
}

// covariance returns the matrix of covariances, of n − 1 degrees of freedom.
func covariance(vectors []float32, mean []float64) []float64 {
	dim := len(mean)
	n := len(vectors) / dim
	cov, centred := make([]float64, dim*dim), make([]float64, min(n, pcaRows)*dim)
	for lo := 0; lo < n; lo += pcaRows {
		rows := min(pcaRows, n-lo)
		centre(centred, vectors[lo*dim:][:rows*dim], mean)
		gemm.Mul(true, false, dim, dim, rows, centred, dim, centred, dim, 1, cov, dim)
	}
	for i := range cov {
		cov[i] /= float64(n - 1)
	}
	return cov
}
